"""What manifests declare for inference: prompts, safety rules, answer schemas, prices, probes, routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from reconciler.model.address import Address
from reconciler.model.resource import EMPTY, NOWHERE, Source
from reconciler.model.secret import SecretRef

USUAL_DETECTORS = ("ssn", "credit-card", "phone")
"""What a safety policy looks for that names none."""

ROUTER_PATHS = ("/healthz", "/readyz", "/metrics")
"""Where the router answers for itself."""


class Engine(StrEnum):
    """How a template's holes are written: ``{{ name }}`` with Jinja2's sandbox, ``{{name}}``, ``$name``."""

    JINJA2 = "jinja2"
    BRACES = "braces"
    DOLLAR = "dollar"


@dataclass(frozen=True, slots=True)
class Variable:
    """One hole of a template. `max_length` in characters, None for no bound."""

    required: bool = True
    default: str | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A prompt. `system` never takes a customer's text; what a variable may hold goes into `user`."""

    name: str
    engine: Engine
    system: str
    user: str
    variables: Mapping[str, Variable] = field(default_factory=lambda: EMPTY)
    source: Source = field(default=NOWHERE, compare=False)


class SafetyAction(StrEnum):
    """What happens to a text in which something was found."""

    REDACT = "redact"
    BLOCK = "block"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class SafetyPolicy:
    """What is looked for in a customer's and in a model's text, and what happens then.

    `pii` names detectors (``email``, ``phone``, ``ssn``, ``credit-card``, ``iban``, …); `blocked_terms` match as
    whole words, whatever their case (``exploit*``: with any ending), and always block. `max_input_characters` None: no
    bound. `region` is the country that telephone numbers without a country code are read for (ISO 3166, ``US``).
    """

    name: str
    pii: tuple[str, ...] = ()
    on_input: SafetyAction = SafetyAction.REDACT
    on_output: SafetyAction = SafetyAction.REDACT
    blocked_terms: tuple[str, ...] = ()
    max_input_characters: int | None = None
    region: str = "US"
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ResponseSchema:
    """The JSON Schema that an answer must satisfy, and how often a model is asked again to mend it."""

    name: str
    schema: Mapping[str, Any]
    repair_attempts: int = 1
    source: Source = field(default=NOWHERE, compare=False)


class AnswerMode(StrEnum):
    """How an answer in JSON is asked for: by its schema, as any JSON object, or by the prompt alone."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Response:
    """How an answer is asked for, and what of it is said.

    `schema` names a ResponseSchema. `mode` None: as well as the gateway can. `speak` is a JSON pointer to the text of
    the answer that is said, empty for all of it, None for what is usual. `stream` False: in one piece.
    """

    schema: str | None = None
    mode: AnswerMode | None = None
    speak: str | None = None
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Price:
    """Of one model, per million tokens, in the currency of its Pricing. `retires_on` is the first day without it.

    `context_tokens` is what its context takes, prompt and answer together; None where the Pricing does not say.
    """

    prompt: float
    completion: float
    retires_on: date | None = None
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices by model."""

    name: str
    models: Mapping[str, Price]
    currency: str = "USD"
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model is asked. None leaves it to the provider."""

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a probe's answer must be. None: not looked at. Times in ms, cost in the pricing's currency."""

    schema: str | None = None
    max_latency_ms: int | None = None
    max_time_to_first_token_ms: int | None = None
    max_cost: float | None = None
    min_tokens: int | None = None
    safety: str | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A question put to endpoints to prove that they work. `response` says how it is asked, `expect` what must come.

    `endpoints` are the addresses that its selector found. `gate` lets a rejection fail an apply. `budget` bounds
    what one run may spend on it; `cheapest_models` lists models first, which costs nothing.
    """

    name: str
    endpoints: tuple[Address, ...]
    prompt: str
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    expect: Expectations = field(default_factory=Expectations)
    sampling: Sampling = field(default_factory=Sampling)
    pricing: str | None = None
    gate: bool = False
    budget: float | None = None
    cheapest_models: bool = False
    deadline_ms: int = 15_000
    response: Response = field(default_factory=Response)
    source: Source = field(default=NOWHERE, compare=False)


class Channel(StrEnum):
    """Which bot platform calls a route."""

    CXONE = "cxone"
    COGNIGY = "cognigy"


class SignatureScheme(StrEnum):
    """How a webhook is signed: hex HMAC-SHA256 in one header, or Standard Webhooks."""

    HMAC = "hmac"
    STANDARD = "standard"


CALLS_PER_SECOND = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """What a route's callers sign with; several secrets while one rotates. `tolerance_seconds` bounds replays.

    `calls_per_second` is the rate for which taken calls are remembered.
    """

    scheme: SignatureScheme
    secrets: tuple[SecretRef, ...]
    header: str = "X-Webhook-Signature"
    tolerance_seconds: int = 300
    calls_per_second: int = CALLS_PER_SECOND


@dataclass(frozen=True, slots=True)
class History:
    """Where a conversation's earlier turns are read: a gateway's bot API, below `path`, at most `turns` of them.

    `gateway` names the Gateway that is asked, with its own credential; None: the one that the route's endpoint is on.
    """

    path: str
    turns: int = 10
    timeout_ms: int = 2_000
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One webhook of the bot router.

    `history_gateway` is the Gateway whose bot API is read. `endpoint` answers, `fallback_models` after it in order.
    `fallback` is the text that is said when nothing else can be. `threshold`: a Cognigy turn with more confidence
    than that is answered without a model.
    """

    name: str
    path: str
    channel: Channel
    endpoint: Address
    prompt: str
    fallback: str
    signature: Signature | None = None
    history: History | None = None
    fallback_models: tuple[str, ...] = ()
    safety: str | None = None
    response: Response = field(default_factory=Response)
    pricing: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    threshold: float = 0.75
    deadline_ms: int = 15_000
    source: Source = field(default=NOWHERE, compare=False)

    @property
    def gateways(self) -> tuple[str, ...]:
        """The Gateways that a turn needs: that of the model, then that of the history where it is another."""
        reads = self.history_gateway
        return (self.endpoint.gateway,) if reads in {None, self.endpoint.gateway} else (self.endpoint.gateway, reads)

    @property
    def history_gateway(self) -> str | None:
        """Whose bot API is read; None where no history is."""
        return None if self.history is None else self.history.gateway or self.endpoint.gateway


@dataclass(frozen=True, slots=True)
class InferenceDeclarations:
    """All that the manifests declare for inference, each by its name."""

    prompts: Mapping[str, PromptTemplate] = field(default_factory=lambda: EMPTY)
    safety: Mapping[str, SafetyPolicy] = field(default_factory=lambda: EMPTY)
    schemas: Mapping[str, ResponseSchema] = field(default_factory=lambda: EMPTY)
    pricing: Mapping[str, Pricing] = field(default_factory=lambda: EMPTY)
    probes: Mapping[str, Probe] = field(default_factory=lambda: EMPTY)
    routes: Mapping[str, Route] = field(default_factory=lambda: EMPTY)
