"""What a model says to a question, and how it comes out: paced, cut, spoilt, as the deed wants it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.embedded.faults import Deed, Speech
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

PERSONAL = "Write to jane.doe@example.com or call (555) 123-4567; SSN 078-05-1120, card 4111 1111 1111 1111."
DECISION: Mapping[str, Any] = {
    "classified_intent": "order_status",
    "confidence": 0.9,
    "extracted_parameters": {},
    "suggested_response": "Your order is on its way.",
    "requires_human_agent": False,
}
"""What a model says that is asked for JSON of no particular schema."""

MOST_ITEMS = 10
_PLAIN: Mapping[str, Any] = {"number": 0, "integer": 0, "boolean": False}
SECOND_MODEL = "the-other-model"
GARBAGE = '{"choices": [{"delta"'


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its words with the spaces behind them, and how many the question had."""

    model: str
    words: Sequence[str]
    asked: int

    @property
    def text(self) -> str:
        """The whole."""
        return "".join(self.words)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dialect reads from a question. `schema` is empty for JSON of any kind, None for text."""

    model: str
    text: str
    schema: Mapping[str, Any] | None = None


class Voice(Protocol):
    """One dialect's frames for one answer."""

    def opening(self) -> Sequence[str]:
        """Before the first token."""

    def token(self, word: str) -> str:
        """One token."""

    def tool_call(self) -> str:
        """A call of a tool that nobody offered."""

    def switched(self) -> Voice:
        """The voice of another model."""

    def trouble(self, error: Mapping[str, Any] | str) -> str:
        """An error in the middle."""

    def ending(self, said: Said, speech: Speech) -> Sequence[str]:
        """The terminal marker, usage before it or in it."""


class Cut(Exception):
    """The connection is to be broken here."""


def said_to(gateway: Gateway, asked: Asked, deed: Deed) -> Said:
    """The answer to a question. Raises Refused for a model that is not there and a question that is too long."""
    plan = gateway.faults.plan
    if plan.models is not None and asked.model not in plan.models:
        raise Refused(404, "model_not_found", f"there is no model {asked.model}", "model")
    length = len(asked.text.split())
    if plan.context_tokens is not None and length > plan.context_tokens:
        raise Refused(400, "context_length_exceeded", "the context window is exceeded", "messages")
    scripted = gateway.faults.answer()
    text = PERSONAL if deed.speech.pii else _default(asked) if scripted is None else scripted
    return Said(asked.model, re.findall(r"\S+\s*|\s+", text), length)


def _default(asked: Asked) -> str:
    if asked.schema is None:
        return f"You asked: {asked.text[-200:]}"
    return json.dumps(_instance(asked.schema) if asked.schema else DECISION)


def _instance(schema: Any) -> Any:
    """A small document that satisfies a plain schema; a text for one that is not."""
    if not isinstance(schema, dict):
        return "text"
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(allowed, list) and allowed:
        return allowed[0]
    match schema.get("type"):
        case "object":
            return _object(schema)
        case "array":
            return _array(schema)
        case kind:
            return _PLAIN.get(str(kind), "text") if "minimum" not in schema else schema["minimum"]


def _array(schema: Mapping[str, Any]) -> Sequence[Any]:
    least = schema.get("minItems")
    return [_instance(schema.get("items"))] * (min(least, MOST_ITEMS) if type(least) is int else 0)


def _object(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = required if isinstance(required, list) else list(known)
    return {name: _instance(known.get(name)) for name in names if isinstance(name, str)}


async def spoken(said: Said, speech: Speech, voice: Voice) -> AsyncIterator[str]:
    """The frames of an answer. Raises Cut where the connection is to be broken."""
    await asyncio.sleep(speech.first_ms / 1000)
    for frame in voice.opening():
        yield frame
    number = 0
    while speech.endless or number < len(said.words):
        if (stop := _stop(speech, voice, number)) is not None:
            for frame in stop:
                yield frame
            return
        if number:
            await asyncio.sleep(speech.between_ms / 1000)
        if number == speech.garbage_after:
            yield GARBAGE
        voice = voice.switched() if number == speech.switch_after else voice
        yield voice.token(said.words[number % len(said.words)] if said.words else "…")
        number += 1
    stop = _stop(speech, voice, number)
    for frame in voice.ending(said, speech) if stop is None else stop:
        yield frame


def _stop(speech: Speech, voice: Voice, number: int) -> Sequence[str] | None:
    """The last frames of an answer that goes wrong after `number` tokens; None where it goes on."""
    if number == speech.cut_after:
        raise Cut
    if number == speech.end_after:
        return []
    if number == speech.error_after:
        return [voice.trouble(speech.error)]
    return [voice.tool_call()] if speech.tool_call else None
