"""What a bot platform gets, whatever became of the turn: the contract of its channel, and no word of a gateway's.

::

    channel   answered                                 fallback
    cxone     source llm_gateway, document with schema source fallback, reason as the contract has it, error: ours
    cognigy   status success, routing_decision         status schema_validation_failed or fallback, route_to_human
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.inference import Channel
from reconciler.model.spoken import text_at
from reconciler.router.events import Event
from reconciler.router.reasons import Reason
from reconciler.router.turn import Turn

REASON = "gateway_unavailable_or_validation_failed"
HANDOVER = "route_to_human"
_DOLLARS = "USD"


def answer(turn: Turn, event: Event) -> Mapping[str, Any]:
    """The body of a 200."""
    return _cxone(turn) if turn.bound.route.channel is Channel.CXONE else _cognigy(turn, event)


def above_threshold(event: Event) -> Mapping[str, Any]:
    """The bot was sure of itself: nothing to do, and nothing to send again."""
    return {"status": "above_threshold", "conversationId": event.conversation, "action": "none"}


def _cxone(turn: Turn) -> Mapping[str, Any]:
    text = None if turn.reason else _spoken(turn)
    if text is None:
        turn.reason = turn.reason or Reason.ANSWER_INVALID
        return {
            "messages": [{"text": turn.bound.route.fallback}],
            "source": "fallback",
            "reason": REASON,
            "error": turn.reason.value,
            "metrics": _metrics(turn),
        }
    document = {} if turn.bound.speak is None else {"document": turn.value}
    return {"messages": [{"text": text}], "source": "llm_gateway", **document, "metrics": _metrics(turn)}


def _cognigy(turn: Turn, event: Event) -> Mapping[str, Any]:
    if turn.reason is None:
        told = {} if turn.bound.route.response.speak is None else {"suggested_response": _spoken(turn)}
        return {"status": "success", "conversationId": event.conversation, "routing_decision": turn.value, **told}
    return {
        "status": "schema_validation_failed" if turn.reason is Reason.ANSWER_INVALID else "fallback",
        "conversationId": event.conversation,
        "error": turn.reason.value,
        "fallback_action": HANDOVER,
        "suggested_response": turn.bound.route.fallback,
    }


def _spoken(turn: Turn) -> str | None:
    """What is said of an answer; None for a document in which safety left nothing to say."""
    pointer = turn.bound.speak
    return text_at(turn.value, "" if pointer is None else pointer)


def _metrics(turn: Turn) -> Mapping[str, Any]:
    cost = turn.cost
    return {
        "prompt_tokens": turn.usage.prompt_tokens,
        "completion_tokens": turn.usage.completion_tokens,
        "total_tokens": turn.usage.total_tokens,
        "cost_usd": float(cost.rounded()) if cost and cost.currency == _DOLLARS else None,
        "latency_ms": round(turn.latency_ms, 2),
        "model": turn.model,
        "temperature": turn.bound.route.sampling.temperature,
    }
