"""Questions put to the gateway in a box, in any dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raw_server import linked

from reconciler.embedded import FaultPlan, serve
from reconciler.engine import SystemClock
from reconciler.inference.attempt import Limits
from reconciler.inference.chat import Message, Role
from reconciler.inference.client import InferenceClient, Reply
from reconciler.inference.dialects import DIALECTS
from reconciler.inference.events import Question
from reconciler.model.secret import SecretValue
from reconciler.testing.fakes import RecordingProgress
from reconciler.transport import BearerCredential, Client, Credential, OAuthCredential

KEY = "sk-0123456789abcdefghij"
PATIENT = Limits(5.0, 5.0, 5.0)
HURRIED = Limits(4.0, 0.4, 0.4)
METHODS = {"openai": "POST", "genesys": "POST", "openai-websocket": "WS", "cognigy": "WS"}
ALL = sorted(METHODS)
"""What the box speaks; `mlflow` is OpenAI's at another path."""


@dataclass(frozen=True)
class Bench:
    """A client of ours before the box, and what it reported."""

    url: str
    link: Client
    client: InferenceClient
    told: RecordingProgress

    async def ask(self, *fallback_models: str, limits: Limits = PATIENT, model: str = "gpt-4o") -> Reply:
        """One question."""
        return await self.client.ask(question(model), limits=limits, fallback_models=fallback_models)


def question(model: str = "gpt-4o", text: str = "Where is my order?") -> Question:
    """A question as a bot asks it."""
    return Question(model, (Message(Role.SYSTEM, "Be kind."), Message(Role.USER, text)))


def credential(dialect: str, url: str) -> Credential:
    """What the dialect's gateway wants to see."""
    if dialect != "genesys":
        return BearerCredential(SecretValue(KEY))
    scopes = ("ai:llm:gateway:use", "ai:llm:gateway:stream")
    return OAuthCredential(url + "/login/oauth2/token", SecretValue("id"), SecretValue("secret"), scopes)


@asynccontextmanager
async def asking(
    store: Path, dialect: str, plan: Mapping[str, Any] | None = None, **target: Any
) -> AsyncIterator[Bench]:
    """The box with this plan, and a client in this dialect before it."""
    async with (
        serve(store, faults=FaultPlan.read(plan or {}), admin=True) as url,
        linked(url, credential=credential(dialect, url), **target) as link,
    ):
        told = RecordingProgress()
        yield Bench(url, link, InferenceClient(link, DIALECTS[dialect], SystemClock(), told), told)


def one(
    store: Path, dialect: str, plan: Mapping[str, Any] | None = None, *models: str, limits: Limits = PATIENT
) -> Reply:
    """One question and its reply."""

    async def main() -> Reply:
        async with asking(store, dialect, plan) as bench:
            return await bench.ask(*models, limits=limits)

    return asyncio.run(main())


def spoilt(dialect: str, speech: Mapping[str, Any], answers: tuple[str, ...] = (), **match: Any) -> dict[str, Any]:
    """A plan in which answers go wrong."""
    return {"answers": answers, "rules": [fault(dialect, {"speech": speech}, **match)]}


def fault(dialect: str, do: Mapping[str, Any], **match: Any) -> dict[str, Any]:
    """A rule for questions of a dialect, which spares the token endpoint and the handshake."""
    return {"match": {"method": METHODS[dialect], "path": DIALECTS[dialect].path, **match}, "do": dict(do)}
