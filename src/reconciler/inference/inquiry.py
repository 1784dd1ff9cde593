"""What putting a probe takes: its parts, the way to a gateway's models, the desk that a run shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.inference import prompts
from reconciler.inference.answer import AnswerContract
from reconciler.inference.attempt import Limits
from reconciler.inference.chat import Usage
from reconciler.inference.client import Reply
from reconciler.inference.cost import Cost
from reconciler.inference.events import Question
from reconciler.inference.formats import FORMS
from reconciler.inference.purse import Purse
from reconciler.inference.safety import Screen, Screened
from reconciler.model.inference import Pricing, Probe, PromptTemplate
from reconciler.model.ports import AuditLog, Clock
from reconciler.model.run import Verdict


class Asks(Protocol):
    """What a probe needs of a client: `inference.client.InferenceClient` has it."""

    @property
    def by_socket(self) -> bool:
        """Whether questions are put over a WebSocket."""

    async def ask(self, question: Question, *, limits: Limits) -> Reply:
        """The whole answer. Raises GatewayError."""

    async def models(self) -> Sequence[str]:
        """The models that the gateway lists. Raises GatewayError."""

    def hash_of(self, question: Question) -> str:
        """SHA-256 of what is sent for a question."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A probe with all that its manifest refers to, ready to be put to an endpoint."""

    probe: Probe
    template: PromptTemplate
    contract: AnswerContract | None = None
    schema: Mapping[str, object] | None = None
    screen: Screen | None = None
    pricing: Pricing | None = None

    def question(self, called: str) -> Question:
        """The first question. Raises PromptError."""
        messages = prompts.render(self.template, self.probe.variables)
        probe, mode = self.probe, self.probe.response.mode
        return Question(
            called,
            messages,
            probe.sampling,
            self.schema,
            session=f"probe-{probe.name}",
            form=None if mode is None else FORMS[mode],
            stream=probe.response.stream,
        )

    def warm_up(self) -> None:
        """Load what the question and its answer need. Raises InferenceError where that cannot be had."""
        prompts.check(self.template)
        if self.screen is not None:
            self.screen.output("a 1")

    @property
    def repairs(self) -> int:
        """How often an answer may be mended."""
        return 0 if self.contract is None else self.contract.repair_attempts


@dataclass(frozen=True, slots=True)
class Desk:
    """What all questions of a run share."""

    purse: Purse
    audit: AuditLog
    clock: Clock


class Stopped(Exception):
    """There is no answer to judge; `message` is in words of our own."""

    def __init__(self, verdict: Verdict, message: str) -> None:
        self.verdict = verdict
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what came of it."""

    reply: Reply = field(repr=False)
    usage: Usage
    cost: Cost | None
    problems: Sequence[str]
    screened: Screened | None = field(repr=False)
