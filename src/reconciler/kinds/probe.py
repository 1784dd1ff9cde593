"""Pricing and Probe: what calls cost, and questions that prove that endpoints work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from reconciler.kinds.answer import Asking
from reconciler.kinds.base import NO_OTHER_NAMES, Day, Document, Membership, Metadata, Name, RootMetadata, Strict, Text
from reconciler.kinds.prompt import VariableName

Milliseconds = Annotated[int, Field(ge=1, le=3_600_000)]
Money = Annotated[float, Field(ge=0, le=1_000_000)]
Model = Annotated[str, StringConstraints(pattern=r"^\S{1,256}$")]


class PriceModel(Strict):
    """Per million tokens."""

    prompt: Money = Field(description="Per million tokens of a prompt.")
    completion: Money = Field(description="Per million tokens of an answer.")
    retires_on: Day | None = Field(
        default=None, description="First day on which the provider no longer has the model, for a warning in time."
    )
    context_tokens: Annotated[int, Field(ge=64, le=100_000_000)] | None = Field(
        default=None,
        description="What the model's context takes, prompt and answer together; the default is its provider's figure, "
        "where this tool knows it.",
    )


class PricingSpec(Strict):
    """Prices by model."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(default="USD", description="ISO 4217.")
    models: Annotated[dict[Model, PriceModel], Field(min_length=1, json_schema_extra=NO_OTHER_NAMES)]


class Pricing(Document):
    """A price list, one of a name in the fleet."""

    kind: Literal["Pricing"]
    metadata: RootMetadata
    spec: PricingSpec


class SamplingModel(Strict):
    """How a model is asked; what is left out is left to the provider, or to the channel of a route."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=2_000_000)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None


class ExpectModel(Strict):
    """What an answer must be; what is left out is not looked at."""

    schema_: Name | None = Field(default=None, alias="schema", description="A ResponseSchema by name.")
    max_latency_ms: Milliseconds | None = None
    max_time_to_first_token_ms: Milliseconds | None = None
    max_cost_usd: Money | None = Field(default=None, description="Of one answer; needs pricing in USD.")
    min_tokens: Annotated[int, Field(ge=1)] | None = None
    safety: Name | None = Field(default=None, description="A SafetyPolicy by name that must find nothing.")
    finish_reason: Text | None = Field(default=None, description="Such as stop.")


class ProbeSpec(Strict):
    """A question and its expectations."""

    endpoints: Membership = Field(
        description="Endpoints by name, or by labels of theirs together with their gateway's."
    )
    prompt: Name = Field(description="A PromptTemplate by name.")
    variables: dict[VariableName, str] = Field(
        default={}, description="What the template's holes are filled with.", json_schema_extra=NO_OTHER_NAMES
    )
    expect: ExpectModel = Field(default_factory=ExpectModel)
    response: Asking | None = Field(
        default=None,
        description="How the answer is asked for: a ResponseSchema by name, or more; left out, by `expect.schema`.",
    )
    sampling: SamplingModel = Field(default_factory=SamplingModel)
    pricing: Name | None = Field(default=None, description="A Pricing by name.")
    gate: bool = Field(default=False, description="Whether a rejection fails an apply and rolls it back.")
    budget: Money | None = Field(default=None, description="What one run may spend, in the pricing's currency.")
    cheapest: Literal["models"] | None = Field(default=None, description="List models first, which costs nothing.")
    deadline_ms: Milliseconds = 15_000


class Probe(Document):
    """A question put to endpoints after an apply and on demand."""

    kind: Literal["Probe"]
    metadata: Metadata
    spec: ProbeSpec
