"""What a route has that its manifest leaves out, by the bot platform that calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.inference import Channel, Sampling


@dataclass(frozen=True, slots=True)
class ChannelDefaults:
    """Deadline in ms.

    `members` are those of the event that a history path may hold in braces, `variables` what a template is filled
    with: each is text, and what is not in an event has no value. `confident`: events say how sure the bot was.
    """

    path: str
    history: str
    members: frozenset[str]
    variables: frozenset[str]
    fallback: str
    sampling: Sampling
    deadline_ms: int
    confident: bool


DECISION_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["classified_intent", "confidence", "suggested_response", "requires_human_agent"],
    "properties": {
        "classified_intent": {"type": "string"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "extracted_parameters": {"type": "object"},
        "suggested_response": {"type": "string"},
        "requires_human_agent": {"type": "boolean"},
    },
}
"""The routing decision of the fallback webhook."""

SCHEMAS: Mapping[Channel, Mapping[str, Any]] = {Channel.COGNIGY: DECISION_SCHEMA}
"""What a route asks for that names no ResponseSchema; answers on other channels are texts."""


CHANNELS: Mapping[Channel, ChannelDefaults] = {
    Channel.CXONE: ChannelDefaults(
        "/webhook/cxone",
        "/api/v2/bot/bots/{botId}/sessions/{sessionId}/messages",
        frozenset({"botId", "sessionId"}),
        frozenset({"bot_id", "last_message", "session_id"}),
        "I am currently experiencing high demand. Please try again in a few moments or speak to a human agent.",
        Sampling(0.7, 1024),
        15_000,
        confident=False,
    ),
    Channel.COGNIGY: ChannelDefaults(
        "/webhook/cognigy/fallback",
        "/api/v2/conversations/summaries",
        frozenset({"conversationId", "userId"}),
        frozenset({"confidence", "conversation_id", "detected_intent", "last_message", "user_id"}),
        "I am having trouble understanding your request. Connecting you to a specialist.",
        Sampling(0.2, 500),
        7_000,  # its HTTP node gives up after 8 s
        confident=True,
    ),
}
