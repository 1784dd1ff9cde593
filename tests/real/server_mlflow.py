"""MLflow's gateway over SQLite, and a provider behind it that refuses some keys.

| part    | version | from |
|---------|---------|------|
| mlflow  | 3.17.2  | PyPI |
| fakellm | 0.3.5   | PyPI |
"""

from __future__ import annotations

import base64
import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import HOME, Server, free_port, running, venv

PYTHON = ("mlflow[gateway]==3.17.2", "fakellm==0.3.5")
PLACE = HOME / "mlflow"
CACHE_SECONDS = 10

BAD, BUSY, FIRST, SECOND = (f"sk-{word}-0123456789abcdef" for word in ("bad", "busy", "first", "second"))
"""Keys: the first is refused, the second throttled, the others answer with their own word."""

RULES = f"""\
version: 1
rules:
  - {{name: bad, when: {{header.authorization: "Bearer {BAD}"}}, respond: {{status: 401, error: "no such key"}}}}
  - {{name: busy, when: {{header.authorization: "Bearer {BUSY}"}}, respond: {{status: 429, error: "slow down"}}}}
  - {{name: first, when: {{header.authorization: "Bearer {FIRST}"}}, respond: {{content: "with first"}}}}
  - {{name: second, when: {{header.authorization: "Bearer {SECOND}"}}, respond: {{content: "with second"}}}}
"""


@dataclass(frozen=True)
class Stack:
    """What a test speaks to: the gateway and the provider behind it."""

    url: str
    upstream: str

    def asked(self, endpoint: str) -> str:
        """What the endpoint answers to a question: it names the key that served."""
        body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.url}/gateway/{endpoint}/mlflow/invocations",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            said: str = json.loads(answer.read())["choices"][0]["message"]["content"]
            return said


def _environ(binaries: Path) -> dict[str, str]:
    return {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PYTHONPATH": "",
        "MLFLOW_CRYPTO_KEK_PASSPHRASE": "made-up-passphrase-0123456789abcdef",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(b"0" * 32).decode(),
        "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """A gateway with a fresh database, and its provider."""
    binaries = venv(PLACE / "venv", PYTHON)
    with _upstream(binaries, folder / "fakellm") as upstream, _gateway(binaries, folder / "mlflow") as url:
        yield Stack(url, upstream)


@contextmanager
def _upstream(binaries: Path, folder: Path) -> Iterator[str]:
    port = free_port()
    folder.mkdir(parents=True)
    (folder / "fakellm.yaml").write_text(RULES)
    command: list[str | Path] = [binaries / "fakellm", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with running(Server("fakellm", command, f"http://127.0.0.1:{port}/_fakellm/stats", folder, {"PYTHONPATH": ""}, 60)):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _gateway(binaries: Path, folder: Path) -> Iterator[str]:
    port = free_port()
    folder.mkdir(parents=True)
    command: list[str | Path] = [
        *(binaries / "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", folder / "artifacts"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--secrets-cache-ttl", str(CACHE_SECONDS)),  # the variable of that name is overwritten by this option's 60
    ]
    with running(Server("mlflow", command, f"http://127.0.0.1:{port}/health", folder, _environ(binaries))):
        yield f"http://127.0.0.1:{port}"
