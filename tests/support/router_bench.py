"""A router of ours on a socket, before the gateway in a box on another, with manifests that can be changed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from reconciler import wiring
from reconciler.embedded import FaultPlan, serve
from reconciler.engine import SystemClock
from reconciler.errors import InputError
from reconciler.manifest import LoadOptions, load
from reconciler.model.diagnostic import has_errors
from reconciler.router import Table
from reconciler.router.server import Running, Serving, running
from reconciler.secrets import SecretRules
from reconciler.settings import Settings
from reconciler.testing.fakes import RecordingProgress

CXONE, COGNIGY = "/webhook/cxone", "/webhook/cognigy/fallback"
SECRET = "cxone-webhook-secret-0123456789"
STANDARD = "whsec_" + base64.b64encode(b"cognigy-webhook-secret-012345678").decode()
SPEAK = {"method": "POST", "path": "/v1/chat/completions"}
SECRETS = {
    "id": "team",
    "key": "teams-secret-value",
    "cxone": SECRET,
    "cognigy": STANDARD,
    "model": "sk-aaaaaaaaaaaaaaaaa",
}

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec:
  platform: cxone
  url: {url}
  auth: {{oauth: {{clientId: {{file: id}}, clientSecret: {{file: key}}}}}}
  timeouts: {{connect: 2, total: 5}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: ep}}
spec:
  displayName: shown
  provider: openai
  model: gpt-4o
  credentials: [{{keyId: k, priority: 1, apiKey: {{file: model}}}}]
  rateLimits: {{requestsPerMinute: 600, concurrentConnections: 5, maxTokensPerRequest: 8000}}
"""
INFERENCE = """\
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: talk}}
spec:
  engine: braces
  system: You are kind.
  user: "{{{{last_message}}}}"
  variables: {{last_message: {{maxLength: 4000}}}}
---
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: safe}}
spec:
  pii: [email, phone, ssn, credit-card]
  blockedTerms: [bypass security]
  maxInputCharacters: 6000
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: prices}}
spec: {{currency: USD, models: {{gpt-4o: {{prompt: 1, completion: 2}}, second: {{prompt: 1, completion: 1}}}}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: cxone-bot}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{file: cxone}}]}}
  history: {{timeoutMs: 300}}
  prompt: talk
  endpoint: ep
  fallbackModels: [second]
  safety: safe
  pricing: prices
  fallback: Please wait.
  deadlineMs: {deadline}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: cognigy-bot}}
spec:
  channel: cognigy
  signature: {{scheme: standard, secrets: [{{file: cognigy}}]}}
  history: {{timeoutMs: 300}}
  prompt: talk
  endpoint: ep
  fallbackModels: [second]
  safety: safe
  pricing: prices
  fallback: A person will help.
  deadlineMs: {deadline}
"""


def hex_of(body: bytes, secret: str = SECRET) -> str:
    """The signature of a body as NICE CXone's webhooks carry it."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard(body: bytes, call: str, seconds: int, secret: str = STANDARD) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{call}.{seconds}.".encode() + body, hashlib.sha256).digest()
    signed = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": call, "webhook-timestamp": str(seconds), "webhook-signature": signed}


def cxone_event(**members: Any) -> bytes:
    """A turn of a NICE CXone bot."""
    return json.dumps({"botId": "b", "sessionId": "s", "lastMessage": "Where is my order?", **members}).encode()


def cognigy_event(**members: Any) -> bytes:
    """A turn that a flow did not understand."""
    event = {"conversationId": "c", "userId": "u", "lastMessage": "Where is my order?", "confidenceScore": 0.4}
    return json.dumps({**event, "metadata": {}, **members}).encode()


@dataclass
class RouterBench:
    """The router at work, and both its sides."""

    root: Path
    gateway: str
    router: Running
    client: httpx.AsyncClient
    told: RecordingProgress
    calls: int = field(default=0)

    async def cxone(self, **members: Any) -> httpx.Response:
        """A signed turn of the one channel."""
        body = cxone_event(**members)
        return await self.client.post(CXONE, content=body, headers={"X-Webhook-Signature": hex_of(body)})

    async def cognigy(self, **members: Any) -> httpx.Response:
        """A signed turn of the other."""
        body = cognigy_event(**members)
        self.calls += 1
        now = unix()
        return await self.client.post(COGNIGY, content=body, headers=standard(body, f"call-{self.calls}", now))

    async def faults(self, *rules: Mapping[str, Any], **traits: Any) -> None:
        """From now on the gateway misbehaves like this."""
        async with httpx.AsyncClient(base_url=self.gateway) as admin:
            answer = await admin.put("/_embedded/faults", json={"rules": list(rules), **traits})
            assert answer.status_code == 200, answer.text

    async def questions(self) -> list[Any]:
        """What models were asked."""
        async with httpx.AsyncClient(base_url=self.gateway) as admin:
            found: list[Any] = (await admin.get("/_embedded/requests")).json()["questions"]
            return found

    async def metrics(self) -> str:
        """The exposition."""
        return (await self.client.get("/metrics")).text

    def write(self, text: str, name: str = "fleet.yaml") -> None:
        """Change a manifest."""
        (self.root / "manifests" / name).write_text(text, encoding="utf-8")

    @property
    def logged(self) -> str:
        """All that was told, in one text."""
        return json.dumps(self.told.told, default=str)


def unix() -> int:
    """Seconds since 1970."""
    return int(time.time())


def manifests(url: str, deadline: int = 3000) -> str:
    """A small fleet with a route for each channel."""
    return GATEWAY.format(url=url) + INFERENCE.format(deadline=deadline)


def settings(root: Path) -> Settings:
    """Those of a checkout whose secrets are files."""
    return Settings(root, directory=root / ".reconciler", secret_rules=SecretRules(file_root=root / "secrets"))


def prepared(root: Path) -> Path:
    """A checkout with secrets, and a folder for manifests."""
    (root / "secrets").mkdir(parents=True)
    (root / "manifests").mkdir()
    for name, value in SECRETS.items():
        (root / "secrets" / name).write_text(value, encoding="utf-8")
    return root


@asynccontextmanager
async def routing(
    root: Path, plan: Mapping[str, Any] | None = None, *, deadline: int = 3000, text: str = "", **serving: Any
) -> AsyncIterator[RouterBench]:
    """Both, for as long as the block lasts."""
    prepared(root)
    told = RecordingProgress()
    async with serve(root / "gateway.sqlite", faults=FaultPlan.read(plan or {}), admin=True) as url:
        (root / "manifests" / "fleet.yaml").write_text(text.replace("URL", url) or manifests(url, deadline))

        async def opening() -> Table:
            desired = load([root / "manifests"], LoadOptions(root))
            if has_errors(desired.diagnostics):
                raise InputError(desired.diagnostics)
            return await wiring.open_routes(settings(root), desired, told, at_once=256)

        def stamp() -> Any:
            return [path.read_bytes() for path in sorted((root / "manifests").iterdir())]

        how = Serving(port=0, poll_seconds=0.02, **serving)
        async with (
            running(how, opening, stamp, SystemClock(), told) as router,
            httpx.AsyncClient(base_url=router.url, timeout=20) as client,
        ):
            yield RouterBench(root, url, router, client, told)
