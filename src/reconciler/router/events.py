"""What bot platforms send and get back, as models: strict at the border, unknown members passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.model.inference import Channel
from reconciler.router.refusals import Refusal, Refused

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Said = Annotated[str, StringConstraints(max_length=100_000)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Sent(BaseModel):
    """Types are not converted: a number in the place of a text is a mistake of the caller."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel, extra="ignore")


class CxoneEvent(_Sent):
    """A turn of a NICE CXone bot. Without `lastMessage` the newest message of the customer's history is answered."""

    bot_id: Identifier
    session_id: Identifier
    last_message: Said | None = None


class CognigyEvent(_Sent):
    """A turn that a Cognigy.AI flow did not understand."""

    conversation_id: Identifier
    user_id: Identifier
    last_message: Said
    confidence_score: Score
    detected_intent: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    metadata: dict[str, Any] = {}


class Decision(BaseModel):
    """What a Cognigy.AI flow routes by."""

    classified_intent: str
    confidence: Score
    extracted_parameters: dict[str, Any] = {}
    suggested_response: str
    requires_human_agent: bool


class TextMessage(BaseModel):
    """One message to the customer."""

    text: str


class TurnMetrics(BaseModel):
    """What a turn took. `cost_usd` is null where no price in US dollars is known."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: float | None
    latency_ms: float
    model: str
    temperature: float | None


class CxoneAnswer(BaseModel):
    """The answer to a CxoneEvent. `reason` and `error` stand in a fallback only; `error` is the closed list's.

    `document` is the whole answer of a route that asks for one by a schema.
    """

    messages: list[TextMessage]
    source: Literal["llm_gateway", "fallback"]
    reason: str | None = None
    error: str | None = None
    document: Any = None
    metrics: TurnMetrics


class CognigyAnswer(BaseModel):
    """The answer to a CognigyEvent: a decision, a handover to a person, or nothing to do."""

    status: Literal["success", "schema_validation_failed", "fallback", "above_threshold"]
    conversationId: str  # noqa: N815 - the contract's
    routing_decision: Decision | dict[str, Any] | None = None
    action: Literal["none"] | None = None
    error: str | None = None
    fallback_action: Literal["route_to_human"] | None = None
    suggested_response: str | None = None


class RefusalAnswer(BaseModel):
    """Why a call was not taken. `fields` are the members at fault."""

    error: str
    request_id: str
    fields: list[str] = []


@dataclass(frozen=True, slots=True)
class Event:
    """What all channels' events have. `members` fill a history's path, `variables` a template.

    `message` is the customer's newest one, None where the event has none; `confidence` that of the bot.
    """

    conversation: str
    members: Mapping[str, str] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)
    message: str | None = field(default=None, repr=False)
    customer: str = field(default="", repr=False)
    confidence: float | None = None


def read(channel: Channel, body: bytes) -> Event:
    """The event in a body. Raises Refused, with the names of the members at fault."""
    try:
        if channel is Channel.CXONE:
            return _of_cxone(CxoneEvent.model_validate_json(body))
        return _of_cognigy(CognigyEvent.model_validate_json(body))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
    if any(problem["type"] == "json_invalid" for problem in problems):
        raise Refused(Refusal.INVALID_JSON)
    raise Refused(Refusal.INVALID_EVENT, sorted({str(p["loc"][0]) for p in problems if p["loc"]}))


def _of_cxone(sent: CxoneEvent) -> Event:
    said = {"botId": sent.bot_id, "sessionId": sent.session_id}
    variables = {"bot_id": sent.bot_id, "session_id": sent.session_id}
    return Event(sent.session_id, said, variables, sent.last_message or None)


def _of_cognigy(sent: CognigyEvent) -> Event:
    variables = {
        "conversation_id": sent.conversation_id,
        "user_id": sent.user_id,
        "confidence": f"{sent.confidence_score:g}",
        **({} if sent.detected_intent is None else {"detected_intent": sent.detected_intent}),
    }
    members = {"conversationId": sent.conversation_id, "userId": sent.user_id}
    message = sent.last_message or None
    return Event(sent.conversation_id, members, variables, message, sent.user_id, sent.confidence_score)
