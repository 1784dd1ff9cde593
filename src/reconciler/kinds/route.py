"""Route: one webhook of the bot router."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag

from reconciler.kinds.answer import Answering
from reconciler.kinds.base import Document, Metadata, Name, SecretReference, Strict, Text
from reconciler.kinds.probe import Milliseconds, Model, SamplingModel
from reconciler.model.inference import CALLS_PER_SECOND

ROUTE_PATH = r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$"
HISTORY_PATH = r"^(/[A-Za-z0-9_~{-][A-Za-z0-9._~{}-]*)+$"

Secrets = Annotated[list[SecretReference], Field(min_length=1, max_length=8)]


def _of_two(scheme: Any) -> Any:
    if scheme not in ("hmac", "standard"):
        raise ValueError("must be 'hmac' or 'standard'")
    return scheme


class HmacModel(Strict):
    """Hex HMAC-SHA256 of the body, in one header."""

    scheme: Annotated[Literal["hmac"], BeforeValidator(_of_two)] = "hmac"
    secrets: Secrets = Field(description="Several while one rotates.")
    header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")] = "X-Webhook-Signature"


class StandardModel(Strict):
    """Standard Webhooks: id, time and body are signed, in its three headers."""

    scheme: Literal["standard"]
    secrets: Secrets = Field(description="Several while one rotates.")
    tolerance_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=300, description="How old a call may be; an id is taken once within it."
    )
    calls_per_second: Annotated[int, Field(ge=1, le=5000)] = Field(
        default=CALLS_PER_SECOND,
        description="For how many calls a second, over twice the tolerance, taken ids are remembered; 503 beyond.",
    )


def _scheme(value: Any) -> str:
    given = value.get("scheme") if isinstance(value, dict) else getattr(value, "scheme", None)
    return "<standard>" if given == "standard" else "<hmac>"


SignatureModel = Annotated[
    Annotated[HmacModel, Tag("<hmac>")] | Annotated[StandardModel, Tag("<standard>")], Discriminator(_scheme)
]


class HistoryModel(Strict):
    """Where earlier turns are read: a gateway's bot API, with that gateway's own credential."""

    gateway: Name | None = Field(
        default=None, description="The Gateway whose bot API is asked; left out, the one that the endpoint is on."
    )
    path: Annotated[str, StringConstraints(pattern=HISTORY_PATH)] | None = Field(
        default=None,
        description="With members of the event in braces, such as {sessionId}; the default is the channel's.",
    )
    turns: Annotated[int, Field(ge=1, le=200)] = Field(default=10, description="At most, the newest ones.")
    timeout_ms: Milliseconds = 2_000


class RouteSpec(Strict):
    """Who calls, what answers, and what is said when nothing can."""

    path: Annotated[str, StringConstraints(pattern=ROUTE_PATH)] | None = Field(
        default=None, description="The default is /webhook/cxone, or /webhook/cognigy/fallback."
    )
    channel: Literal["cxone", "cognigy"]
    signature: SignatureModel | None = Field(default=None, description="What callers sign with: needed.")
    history: HistoryModel | None = Field(default=None, description="`{}` for the channel's own; none when left out.")
    prompt: Name = Field(description="A PromptTemplate by name.")
    endpoint: Name = Field(description="The Endpoint that answers, by name.")
    fallback_models: list[Model] = Field(default=[], description="Asked after it, in this order.")
    safety: Name | None = Field(default=None, description="A SafetyPolicy by name.")
    response: Answering | None = Field(
        default=None, description="A ResponseSchema by name, or how answers are asked for and what of them is said."
    )
    fallback: Text | None = Field(default=None, description="What is said when nothing else can be.")
    pricing: Name | None = Field(default=None, description="A Pricing by name.")
    sampling: SamplingModel = Field(default_factory=SamplingModel)
    threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.75, description="A Cognigy turn above this confidence is answered without a model."
    )
    deadline_ms: Milliseconds | None = Field(
        default=None, description="Within this a caller has its answer; 15000 for cxone, 7000 for cognigy."
    )


class Route(Document):
    """One webhook, on one gateway."""

    kind: Literal["Route"]
    metadata: Metadata
    spec: RouteSpec
