"""A probe before a model that answers as it is told, without any wire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from reconciler.errors import GatewayError
from reconciler.inference.answer import AnswerContract
from reconciler.inference.attempt import Limits
from reconciler.inference.cache import request_hash
from reconciler.inference.callee import Callee
from reconciler.inference.chat import Usage
from reconciler.inference.client import Reply
from reconciler.inference.events import Question
from reconciler.inference.inquiry import Desk, Inquiry
from reconciler.inference.probe import probe
from reconciler.inference.purse import Purse
from reconciler.inference.safety import Screen
from reconciler.model.address import Address
from reconciler.model.inference import (
    Engine,
    Expectations,
    Price,
    Pricing,
    Probe,
    PromptTemplate,
    ResponseSchema,
    SafetyPolicy,
    Variable,
)
from reconciler.model.run import Check, Verdict
from reconciler.testing.fakes import FakeClock, MemoryAudit

ENDPOINT = Address("prod", "Endpoint", "ep")
MODEL = "gpt-4o"
ASKED = "canary-of-the-question"
SAID = "canary-of-the-answer"
SCHEMA = {"type": "object", "required": ["mood"], "properties": {"mood": {"enum": ["good", "bad"]}}}
CALLEE = Callee(MODEL, MODEL)
GOOD = '{"mood": "good"}'
PRICES = Pricing("list", {MODEL: Price(prompt=10.0, completion=100.0)})
TEMPLATE = PromptTemplate("ask", Engine.DOLLAR, "Be kind.", "$word", {"word": Variable()})


def reply(text: str = SAID, **more: Any) -> Reply:
    """An answer: 100 tokens asked, 10 answered, after 200 ms, the first token after 50."""
    return replace(Reply(text, MODEL, Usage(100, 10), "stop", 50, 200, 1), **more)


@dataclass
class Model:
    """Implements Asks: `answers` in order, the last one for ever; `listed` is a list or an error."""

    answers: list[Reply | GatewayError] = field(default_factory=lambda: [reply()])
    listed: Sequence[str] | GatewayError = (MODEL,)
    by_socket: bool = False
    questions: list[Question] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    listings: int = 0

    async def ask(self, question: Question, *, limits: Limits) -> Reply:
        self.questions.append(question)
        self.limits.append(limits)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    async def models(self) -> Sequence[str]:
        self.listings += 1
        if isinstance(self.listed, GatewayError):
            raise self.listed
        return self.listed

    def hash_of(self, question: Question) -> str:
        return request_hash({"messages": [message.content for message in question.messages]})


def inquiry(repairs: int = 0, gate: bool = True, name: str = "p", **given: Any) -> Inquiry:  # noqa: FBT001, FBT002
    """A probe with these expectations (`schema`, `safety`, …) or members (`budget`, `cheapest_models`, …)."""
    expected = {key: given.pop(key) for key in tuple(given) if key in Expectations.__dataclass_fields__}
    expect = Expectations(**expected)
    made = Probe(name, (ENDPOINT,), "ask", {"word": ASKED}, expect, pricing="list", gate=gate, **given)
    schema = None if expect.schema is None else ResponseSchema("s", SCHEMA, repairs)
    return Inquiry(
        made,
        TEMPLATE,
        None if schema is None else AnswerContract(schema),
        None if schema is None else schema.schema,
        None if expect.safety is None else Screen(SafetyPolicy("safe", ("email", "phone"))),
        PRICES,
    )


@dataclass
class Probed:
    """What came of a probe."""

    checks: Sequence[Check]
    model: Model
    audit: MemoryAudit
    purse: Purse

    @property
    def verdict(self) -> Verdict:
        """As the engine sees it."""
        verdicts = {check.verdict for check in self.checks if not check.advisory}
        return next(v for v in (Verdict.UNKNOWN, Verdict.REJECTED, Verdict.READY) if v in verdicts)

    def check(self, what: str) -> Check:
        """One of them."""
        return next(check for check in self.checks if check.name == f"probe p {what}")

    @property
    def lines(self) -> list[Mapping[str, Any]]:
        """The audit."""
        return self.audit.named("inference.call")


def put(one: Inquiry, model: Model | None = None, purse: Purse | None = None, callee: Callee = CALLEE) -> Probed:
    """Put a probe once."""
    asked, audit, spends = model or Model(), MemoryAudit(), purse or Purse()
    found = asyncio.run(probe(one, ENDPOINT, callee, asked, Desk(spends, audit, FakeClock())))
    return Probed(found, asked, audit, spends)


def purse(amount: str) -> Purse:
    """A run's budget."""
    return Purse(Decimal(amount))
