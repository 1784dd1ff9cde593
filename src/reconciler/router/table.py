"""Routes, bound to all that a turn of theirs needs; the whole table is swapped at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.inference.answer import AnswerContract
from reconciler.inference.attempt import Limits
from reconciler.inference.bounds import prompt_bound
from reconciler.inference.callee import Callee, callee_of
from reconciler.inference.client import Reply
from reconciler.inference.defaults import CONTEXT_WINDOW_TOKENS
from reconciler.inference.dialects import Dialect
from reconciler.inference.events import Question
from reconciler.inference.formats import FORMS, Form, instruction
from reconciler.inference.safety import Screen
from reconciler.inference.tokens import count_tokens
from reconciler.model.capability import Called
from reconciler.model.channels import SCHEMAS
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
from reconciler.model.spoken import usual
from reconciler.router.decision import decides
from reconciler.router.signature import Verifier
from reconciler.transport import Client

CHARACTERS_PER_TOKEN = 3
"""Of JSON, at the least."""


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
    `window` is what a prompt may take, in tokens, and `window_by` what says so.
    `speak` is the pointer to what is said of an answer, None where answers are texts; `decides`: they are the decisions
    of the channel's contract. `form` is how they are asked for.
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
    window_by: str = ""
    patience: float | None = None
    reads: Upstream | None = None
    speak: str | None = None
    decides: bool = False
    form: Form | None = None

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
    wanted = declared.schemas[route.response.schema] if route.response.schema else _usual_schema(route.channel)
    schema, mode = wanted.schema if wanted else None, route.response.mode
    timeout = endpoint.spec.get("timeoutMs")
    pricing = declared.pricing[route.pricing] if route.pricing else None
    callees = (
        callee_of(endpoint, str(endpoint.spec["model"]), upstream.called),
        *(Callee(name, name) for name in route.fallback_models),
    )
    models = [callee.model for callee in callees]
    prompt = prompt_bound(models, pricing, route.sampling.max_tokens, _per_request(endpoint))
    return Bound(
        route,
        callees,
        upstream,
        verifier,
        declared.prompts[route.prompt],
        policy,
        Screen(policy) if policy else None,
        schema,
        AnswerContract(wanted) if wanted else None,
        pricing,
        _room(prompt.tokens, schema),
        prompt.by,
        timeout / 1000 if timeout else None,
        reads,
        _spoken(route, schema),
        schema is not None and decides(schema, route.channel),
        None if mode is None else FORMS[mode],
    )


def warm(table: Table) -> None:
    """Load now what the first turn would have to load: vocabularies, and the numbering plans of the world."""
    for each in table.routes.values():
        count_tokens("hello", each.callees[0].model)
        if each.screen is not None:
            each.screen.find("Call +1 555 123 4567 or write to a@example.com.")


def _usual_schema(channel: Channel) -> ResponseSchema | None:
    schema = SCHEMAS.get(channel)
    return None if schema is None else ResponseSchema("decision", schema)


def _spoken(route: Route, schema: Mapping[str, Any] | None) -> str | None:
    """A Cognigy.AI flow takes the whole document, and something is said of it only where the route wants that."""
    if schema is None or route.response.speak is not None or route.channel is Channel.COGNIGY:
        return route.response.speak
    return usual(schema)


def _room(window: int, schema: Mapping[str, Any] | None) -> int:
    """What a schema leaves of a window: a provider counts it, whether it is sent in words or not."""
    if schema is None:
        return window
    return max(window // 2, window - len(instruction(schema)) // CHARACTERS_PER_TOKEN)


def _per_request(endpoint: Resource) -> int | None:
    limits = endpoint.spec.get("rateLimits")
    most = limits.get("maxTokensPerRequest") if isinstance(limits, Mapping) else None
    return most if isinstance(most, int) else None
