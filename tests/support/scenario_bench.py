"""A team's checkout and its gateway: the tool as a process, the gateway as another, real sockets between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

RECONCILER = Path(sys.executable).with_name("reconciler")

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod, labels: {{env: prod}}}}
spec:
  platform: cxone
  url: {url}
  auth:
    oauth:
      clientId: {{env: CLIENT_ID}}
      clientSecret: {{env: CLIENT_SECRET}}
  limits: {{concurrency: 8}}
  timeouts: {{connect: 5, total: {total}}}
"""


def endpoint(name: str, *, rpm: int = 600, model: str = "gpt-4-turbo", key: str = "KEY_A", more: str = "") -> str:
    """One endpoint written in full, with a short verification deadline."""
    return f"""\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: {name}}}
spec:
  displayName: shown-{name}
  provider: openai
  model: {model}
  credentials:
    - {{keyId: key-1, priority: 1, apiKey: {{env: {key}}}}}
  rateLimits: {{requestsPerMinute: {rpm}, concurrentConnections: 5, maxTokensPerRequest: 8000}}
  readiness: {{deadlineSeconds: 2}}
{more}"""


def webhook(name: str, *, events: str = "endpoint.created", more: str = "") -> str:
    """One webhook."""
    return f"""\
apiVersion: reconciler/v1
kind: Webhook
metadata: {{name: {name}}}
spec:
  url: https://hooks.example.com/{name}
  events: [{events}]
  secret: {{env: HOOK_SECRET}}
{more}"""


@dataclass
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which holds the report and nothing else."""
        return json.loads(self.out)


@dataclass
class Bench:
    """One scratch checkout with one gateway."""

    root: Path
    url: str
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> Path:
        """Put a manifest (or any file) into the checkout."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def manifests(self, *documents: str) -> None:
        """The whole of the fleet, in one file."""
        self.write("manifests/fleet.yaml", "---\n".join(documents))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command and come back at once."""
        return subprocess.Popen(
            [RECONCILER, *arguments],
            cwd=self.root,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> Finished:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        return Finished(process.returncode, out, err)

    def apply(self, *arguments: str) -> Finished:
        """Apply without asking, the run as JSON."""
        return self.run("apply", "--auto-approve", "--format", "json", *arguments)

    def plan(self, *arguments: str) -> Finished:
        """Plan, as JSON, with the exit code that tells differences."""
        return self.run("plan", "--format", "json", "--detailed-exitcode", *arguments)

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Speak to the gateway as a colleague with a console would."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - loopback
            text = answer.read()
        return json.loads(text) if text else None

    def token(self) -> Mapping[str, str]:
        """An Authorization header of the colleague's own."""
        form = urllib.parse.urlencode(
            {"grant_type": "client_credentials", "client_id": "colleague", "client_secret": "colleagues-secret"}
        ).encode()
        request = urllib.request.Request(self.url + "/oauth/token", data=form, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return {"Authorization": f"Bearer {json.loads(answer.read())['access_token']}"}

    def endpoints(self) -> dict[str, Any]:
        """All endpoints of the gateway by id, as a colleague reads them."""
        found: dict[str, Any] = {}
        token, headers = "", self.token()
        while True:
            query = "?pageSize=100" + (f"&nextPageToken={urllib.parse.quote(token)}" if token else "")
            page = self.call("GET", "/api/v1/llm/gateway/endpoints" + query, headers=headers)
            found |= {item["endpointId"] if "endpointId" in item else item["id"]: item for item in page["items"]}
            token = page["nextPageToken"]
            if not token:
                return found

    def edit(self, name: str, /, **fields: Any) -> None:
        """A colleague changes an endpoint in the console, with a key of their own."""
        path = f"/api/v1/llm/gateway/endpoints/{name}"
        body = self.call("GET", path, headers=self.token())
        for credential in body["credentials"]:
            credential["apiKey"] = "sk-colleague-0123456789abcdef"
        self.call("PUT", path, body | fields, self.token())

    def faults(self, *rules: Mapping[str, Any], **options: Any) -> None:
        """From now on the gateway misbehaves like this."""
        self.call("PUT", "/_embedded/faults", {"rules": list(rules), **options})

    def requests(self) -> Any:
        """What reached the gateway since the last reset."""
        return self.call("GET", "/_embedded/requests")

    def forget_requests(self) -> None:
        """Count from here."""
        self.call("DELETE", "/_embedded/requests")


@contextmanager
def another_gateway(folder: Path) -> Iterator[str]:
    """A gateway process with its administration switched on; gives its URL."""
    gateway = subprocess.Popen(
        [sys.executable, "-m", "reconciler.embedded", "--store", folder / "gateway.sqlite", "--port", "0", "--admin"],
        text=True,
        stdout=subprocess.PIPE,
    )
    assert gateway.stdout is not None
    try:
        yield gateway.stdout.readline().strip()
    finally:
        gateway.send_signal(signal.SIGTERM)
        gateway.wait(timeout=10)
        gateway.stdout.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A checkout, a gateway process with its administration switched on, and made-up secrets."""
    gateway = subprocess.Popen(
        [sys.executable, "-m", "reconciler.embedded", "--store", tmp_path / "gateway.sqlite", "--port", "0", "--admin"],
        text=True,
        stdout=subprocess.PIPE,
    )
    assert gateway.stdout is not None
    url = gateway.stdout.readline().strip()
    root = tmp_path / "checkout"
    root.mkdir()
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RECONCILER_", "GITHUB_", "CI")) and name not in {"NO_COLOR", "FORCE_COLOR"}
    }
    bench = Bench(
        root,
        url,
        environ
        | {
            "CLIENT_ID": "team",
            "CLIENT_SECRET": "teams-secret-value",
            "KEY_A": "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
            "KEY_B": "sk-bbbbbbbbbbbbbbbbbbbbbbbb",
            "HOOK_SECRET": "hook-secret-0123456789",
        },
    )
    bench.write("manifests/gateway.yaml", GATEWAY.format(url=url, total=10))
    try:
        yield bench
    finally:
        gateway.send_signal(signal.SIGTERM)
        gateway.wait(timeout=300)
        gateway.stdout.close()
