"""Routes, bound to all that a turn of theirs needs; the whole table is swapped at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.inference.answer import AnswerContract
from reconciler.inference.attempt import Limits
from reconciler.inference.callee import Callee, callee_of
from reconciler.inference.client import Reply
from reconciler.inference.defaults import CONTEXT_WINDOW_TOKENS
from reconciler.inference.dialects import Dialect
from reconciler.inference.events import Question
from reconciler.inference.safety import Screen
from reconciler.inference.tokens import count_tokens
from reconciler.model.capability import Called
from reconciler.model.inference import (
    Channel,
    InferenceDeclarations,
    Pricing,
    PromptTemplate,
    ResponseSchema,
    Route,
    SafetyPolicy,
)
from reconciler.model.resource import Resource
from reconciler.router.decision import DECISION_SCHEMA
from reconciler.router.signature import Verifier
from reconciler.transport import Client


class Asks(Protocol):
    """What a turn needs of an inference client."""

    async def ask(self, question: Question, *, limits: Limits = ..., fallback_models: Sequence[str] = ()) -> Reply:
        """The whole answer. Raises GatewayError."""

    async def models(self) -> Sequence[str]:
        """The models that the gateway lists. Raises GatewayError."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One gateway: `link` for its API, `asks` for its models, over the same connections."""

    name: str
    link: Client
    asks: Asks
    dialect: Dialect
    called: Called = Called.BY_MODEL


@dataclass(frozen=True, slots=True)
class Bound:
    """One route. `callees` in the order in which they are asked; `patience` in seconds for a first token.

    `upstream` has the models, `reads` the conversation's earlier turns; None where no history is wanted.
    """

    route: Route
    callees: tuple[Callee, ...]
    upstream: Upstream
    verifier: Verifier = field(repr=False)
    template: PromptTemplate
    policy: SafetyPolicy | None = None
    screen: Screen | None = None
    schema: Mapping[str, Any] | None = None
    contract: AnswerContract | None = None
    pricing: Pricing | None = None
    window: int = CONTEXT_WINDOW_TOKENS
    patience: float | None = None
    reads: Upstream | None = None

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """The gateways that a turn needs, each once."""
        same = self.reads is None or self.reads.name == self.upstream.name
        return (self.upstream,) if same or self.reads is None else (self.upstream, self.reads)


async def _nothing() -> None:
    """Nothing to close."""


@dataclass(frozen=True, slots=True)
class Table:
    """All routes by path. `digest` is that of the manifests; `close` gives back what its gateways hold."""

    routes: Mapping[str, Bound]
    digest: str = ""
    close: Callable[[], Awaitable[None]] = _nothing

    @property
    def longest_deadline(self) -> float:
        """Seconds that a turn may take at most."""
        return max((each.route.deadline_ms for each in self.routes.values()), default=0) / 1000


def bound(
    route: Route,
    endpoint: Resource,
    declared: InferenceDeclarations,
    upstream: Upstream,
    reads: Upstream | None,
    verifier: Verifier,
) -> Bound:
    """A route with what it names. Raises InferenceError for a schema or a detector that cannot be used."""
    policy = declared.safety[route.safety] if route.safety else None
    wanted = declared.schemas[route.response] if route.response else _usual_schema(route.channel)
    timeout = endpoint.spec.get("timeoutMs")
    return Bound(
        route,
        (
            callee_of(endpoint, str(endpoint.spec["model"]), upstream.called),
            *(Callee(name, name) for name in route.fallback_models),
        ),
        upstream,
        verifier,
        declared.prompts[route.prompt],
        policy,
        Screen(policy) if policy else None,
        wanted.schema if wanted else None,
        AnswerContract(wanted) if wanted else None,
        declared.pricing[route.pricing] if route.pricing else None,
        _window(endpoint),
        timeout / 1000 if timeout else None,
        reads,
    )


def warm(table: Table) -> None:
    """Load now what the first turn would have to load: vocabularies, and the numbering plans of the world."""
    for each in table.routes.values():
        count_tokens("hello", each.callees[0].model)
        if each.screen is not None:
            each.screen.find("Call +1 555 123 4567 or write to a@example.com.")


def _usual_schema(channel: Channel) -> ResponseSchema | None:
    return ResponseSchema("decision", DECISION_SCHEMA) if channel is Channel.COGNIGY else None


def _window(endpoint: Resource) -> int:
    limits = endpoint.spec.get("rateLimits")
    most = limits.get("maxTokensPerRequest") if isinstance(limits, Mapping) else None
    return min(CONTEXT_WINDOW_TOKENS, most) if isinstance(most, int) else CONTEXT_WINDOW_TOKENS
