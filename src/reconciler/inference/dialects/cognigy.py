"""Cognigy.AI's inference socket: a template with variables goes out, typed frames come back.

| frame                                             | event                                            |
|---------------------------------------------------|--------------------------------------------------|
| `content` with `delta`                            | Delta                                            |
| the same, from another `model` or `attempt`       | Restarted before it: the gateway fell back       |
| `complete` with `usage` and `model`               | Usage, Finished                                  |
| `error` with `message`                            | Failed                                           |
| another type                                      | none                                             |
| no type, not JSON                                 | Failed                                           |

The template holds only names of variables, and the texts travel as values: a customer who writes
``{{secret}}`` must not be understood by the gateway's own substitution. `fallbackModels` is empty: who
falls back in the middle of an answer mixes two models' texts, so that the client does it, with a reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.inference.chat import Message
from reconciler.inference.dialects.shape import LISTING, Wire, failure_of, parsed, usage_of
from reconciler.inference.events import Delta, Event, Failed, Finished, Frame, Kind, Question, Restarted
from reconciler.inference.formats import Form, form_of, messages_of


@dataclass(frozen=True, slots=True)
class Cognigy:
    """As given."""

    path: str = "/ws/v1/llm-gateway/stream"
    listing: str = LISTING
    wire: Wire = Wire.WEBSOCKET
    forms: frozenset[Form] = frozenset({Form.SCHEMA})

    def request(self, question: Question) -> Mapping[str, Any]:
        """The first frame."""
        form = form_of(question.form, question.schema, self.forms)
        template, variables = _templated(messages_of(question.messages, form, question.schema))
        return {
            "sessionId": question.session,
            "template": template,
            "variables": variables,
            "modelId": question.model,
            "streaming": True,
            "fallbackModels": [],
            "safetyFilters": list(question.safety_filters),
            **({"responseFormat": {"type": form.value, "schema": question.schema}} if form is Form.SCHEMA else {}),
        }

    def reader(self) -> FrameReader:
        """A reader of typed frames."""
        return FrameReader()


def _templated(messages: Sequence[Message]) -> tuple[str, Mapping[str, str]]:
    names = [f"{message.role.value}_{number}" for number, message in enumerate(messages)]
    lines = [f"{message.role.value}: {{{{{name}}}}}" for name, message in zip(names, messages, strict=True)]
    return "\n\n".join(lines), dict(zip(names, (message.content for message in messages), strict=True))


class FrameReader:
    """Reads `content`, `complete` and `error`."""

    def __init__(self) -> None:
        self._source: object = None

    @property
    def complete(self) -> bool:
        """Never before `complete` itself, which ends the reading."""
        return False

    def read(self, frame: Frame) -> Sequence[Event]:
        """What a frame says."""
        document = parsed(frame)
        if isinstance(document, Failed):
            return [document]
        match document.get("type"):
            case "content":
                return self._content(document)
            case "complete":
                return [*usage_of(document.get("usage")), Finished("stop", _text(document.get("model")))]
            case "error":
                return [failure_of({**document, "type": None})]
            case str():
                return []
            case _:
                return [Failed(Kind.PROTOCOL, "a frame of the stream has no type")]

    def end(self) -> Event:
        """Only `complete` ends an answer."""
        return Failed(Kind.INCOMPLETE, "the stream was closed before its complete frame")

    def _content(self, document: Mapping[str, Any]) -> Sequence[Event]:
        delta = document.get("delta")
        if delta is not None and not isinstance(delta, str):
            return [Failed(Kind.PROTOCOL, "the delta of a frame is no text")]
        source = document.get("attempt", document.get("model"))
        changed = None not in (source, self._source) and source != self._source
        self._source = self._source if source is None else source
        said: list[Event] = [Restarted(_text(document.get("model")) or "")] if changed else []
        return [*said, Delta(delta)] if delta else said


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
