"""`verify` where the gateway does not take the credential: told at once, with few questions, on every platform."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from console import checkout
from scenario_bench import Bench

MOST_REQUESTS = 3

BEARER = "  auth: {bearer: {env: KEY}}\n"
OAUTH = "  auth: {oauth: {clientId: {env: ID}, clientSecret: {env: SECRET}}}\n"
SECRETS = {"KEY": "sk-refused-0123456789abcdef", "ID": "team", "SECRET": "refused-client-secret-01"}
LIMITS = "  rateLimits: {requestsPerMinute: 1, concurrentConnections: 1, maxTokensPerRequest: 1}\n"
WATCHED = "lifecycle: {manage: observe}\n"


@dataclass
class Refusing:
    """A gateway that refuses everything, tokens as well unless it `grants` them; `paths` is what it was asked."""

    url: str = ""
    grants: bool = False
    answers: Mapping[str, Any] = field(default_factory=dict)
    status: int = 401
    paths: list[str] = field(default_factory=list)


@contextmanager
def refusing(gateway: Refusing) -> Iterator[Refusing]:
    """Serve it on a loopback port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            gateway.paths.append(f"{self.command} {path}")
            given = gateway.answers.get(path)
            if gateway.grants and path.endswith("token"):
                given = {"access_token": "t", "expires_in": 3600}
            self._answer(gateway.status if given is None else 200, given or {"error": {"message": "no"}})

        do_POST = do_GET  # noqa: N815 - as the library has it

        def _answer(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield gateway
    finally:
        server.shutdown()
        server.server_close()


def endpoint(more: str = "") -> str:
    """One endpoint that has all the time in the world."""
    return f"""\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: one}}
spec:
  displayName: shown
  provider: openai
  model: gpt-4o
  credentials: [{{keyId: k, priority: 1, apiKey: {{env: KEY}}}}]
  readiness: {{deadlineSeconds: 600}}
{more}"""


def on(tmp: Path, platform: str, gateway: Refusing, auth: str, more: str) -> Bench:
    """A checkout before it."""
    bench = checkout(tmp, platform, gateway.url, SECRETS, auth)
    bench.manifests(endpoint(more))
    return bench


REFUSED: Mapping[str, tuple[str, str, str, bool]] = {
    "cxone, no token": ("cxone", OAUTH, LIMITS, False),
    "cxone, a token that is refused": ("cxone", OAUTH, LIMITS, True),
    "cognigy": ("cognigy", BEARER, "", False),
    "genesys, no token": ("genesys", OAUTH, WATCHED, False),
    "openai": ("openai", BEARER, WATCHED, False),
    "litellm": ("litellm", BEARER, "", False),
    "mlflow": ("mlflow", "  auth: {basic: {username: {env: ID}, password: {env: SECRET}}}\n", "", False),
    "smg": ("smg", BEARER, "", False),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("status", [401, 403])
def test_a_credential_that_is_refused_is_told_with_few_questions(tmp_path: Path, name: str, status: int) -> None:
    """Asked again for a minute, it stays refused: a gateway takes that for an attack, and people wait in vain."""
    platform, auth, more, grants = REFUSED[name]
    with refusing(Refusing(grants=grants, status=status)) as gateway:
        bench = on(tmp_path, platform, gateway, auth, more)
        done = bench.run("verify", "--format", "json")
        assert done.code not in {0, 3}, done.out + done.err
        asked = [path for path in gateway.paths if not (grants and path.endswith("token"))]
        lists = 2 if grants and status == 401 else 1  # each of both lists is tried once more, with a new token
        assert len(asked) <= max(MOST_REQUESTS, 2 * lists), asked
        assert all(outcome["verifications"] <= 1 for outcome in done.json["outcomes"])


OPENAI: Mapping[str, tuple[Mapping[str, Any], int, int]] = {
    "health and no list of models": ({"/health": {}}, 404, 0),
    "a list of models and no health": ({"/v1/models": {"data": [{"id": "gpt-4o"}]}}, 404, 0),
    "neither": ({}, 404, 4),
    "a list without the model": ({"/v1/models": {"data": [{"id": "other"}]}}, 404, 4),
}


@pytest.mark.parametrize("name", OPENAI)
def test_what_a_gateway_does_not_offer_is_said_and_not_waited_for(tmp_path: Path, name: str) -> None:
    """A gateway that is well and lists nothing can be ready; one that tells nothing at all is not called so."""
    answers, status, code = OPENAI[name]
    with refusing(Refusing(answers=answers, status=status)) as gateway:
        bench = on(tmp_path, "openai", gateway, BEARER, WATCHED)
        done = bench.run("verify", "--format", "json")
        assert done.code == code, done.out + done.err
        assert len(gateway.paths) == 2
        [outcome] = done.json["outcomes"]
        told = {check["name"]: check["status"] for check in outcome["checks"]}
        if "/v1/models" not in answers:
            assert told["model"] == "unknown"


def test_a_gateway_that_fails_at_both_is_not_ready(tmp_path: Path) -> None:
    """500 to everything is a gateway that is down, and it is asked again for as long as the manifest says."""
    with refusing(Refusing(status=500)) as gateway:
        bench = on(tmp_path, "openai", gateway, BEARER, WATCHED)
        bench.manifests(endpoint(WATCHED).replace("deadlineSeconds: 600", "deadlineSeconds: 1"))
        done = bench.run("verify", "--format", "json")
        assert done.code == 4, done.out + done.err
