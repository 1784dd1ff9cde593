"""OpenAI's chat completions over HTTP, streamed as server-sent events.

| in a frame                                   | event                                             |
|----------------------------------------------|---------------------------------------------------|
| `[DONE]`                                     | Finished, if a finish reason or a text came       |
| `choices[0].delta.content`, not empty        | Delta                                             |
| role only, `content: null`, `choices: []`    | none                                              |
| `finish_reason`                              | the answer is whole; Finished comes with the end  |
| `usage`                                      | Usage                                             |
| `error`, an object or a text; `event: error` | Failed                                            |
| `tool_calls`, `function_call`                | Failed: no tool was offered                       |
| `refusal`                                    | Failed: the model declines                        |
| not JSON, no object                          | Failed                                            |
| the stream ends without any terminal marker  | Failed: incomplete                                |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.inference.dialects.shape import LISTING, Wire, failure_of, parsed, usage_of
from reconciler.inference.events import Delta, Event, Failed, Finished, Frame, Kind, Question

DONE = "[DONE]"
_TOOLS = frozenset({"tool_calls", "function_call"})


@dataclass(frozen=True, slots=True)
class OpenAI:
    """`structured` is how an answer schema is asked for: ``json_schema``, or ``json_object`` for older gateways."""

    path: str = "/v1/chat/completions"
    listing: str = LISTING
    wire: Wire = Wire.HTTP
    structured: str = "json_schema"

    def request(self, question: Question) -> Mapping[str, Any]:
        """The body; usage is asked for, since it is not sent otherwise."""
        return {
            **completion(question),
            "stream_options": {"include_usage": True},
            **_format(question.schema, self.structured),
        }

    def reader(self) -> ChunkReader:
        """A reader of completion chunks."""
        return ChunkReader()


def completion(question: Question) -> Mapping[str, Any]:
    """What every server of chat completions understands."""
    sampling = question.sampling
    given = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens, "top_p": sampling.top_p}
    return {
        "model": question.model,
        "messages": [{"role": message.role.value, "content": message.content} for message in question.messages],
        **{name: value for name, value in given.items() if value is not None},
        "stream": True,
    }


def _format(schema: Mapping[str, Any] | None, structured: str) -> Mapping[str, Any]:
    if schema is None:
        return {}
    if structured == "json_object":
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


class ChunkReader:
    """Reads ``chat.completion.chunk`` frames."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._model: str | None = None
        self._begun = False

    @property
    def complete(self) -> bool:
        """Whether a finish reason has come."""
        return self._reason is not None

    def read(self, frame: Frame) -> Sequence[Event]:
        """What a frame says."""
        if frame.data.strip() == DONE:
            return [self._done()]
        document = parsed(frame)
        if isinstance(document, Failed):
            return [document]
        if _is_error(document, frame.name):
            return [failure_of(document.get("error") or document)]
        model = document.get("model")
        self._model = model if isinstance(model, str) and model else self._model
        return [*self._chosen(_first(document)), *usage_of(document.get("usage"))]

    def end(self) -> Event:
        """Finished after a finish reason, else the stream was cut."""
        if self._reason is None:
            return Failed(Kind.INCOMPLETE, "the stream ended without a finish reason or [DONE]")
        return Finished(self._reason, self._model)

    def _done(self) -> Event:
        """``[DONE]`` alone ends an answer too: not every gateway gives a reason. With nothing before it, it is none."""
        if self._reason is None and not self._begun:
            return Failed(Kind.INCOMPLETE, "the stream ended before it said anything")
        return Finished(self._reason or "stop", self._model)

    def _chosen(self, choice: Mapping[str, Any]) -> Sequence[Event]:
        delta = choice.get("delta")
        said = delta if isinstance(delta, dict) else {}
        reason = choice.get("finish_reason")
        if reason in _TOOLS or any(said.get(name) for name in _TOOLS):
            return [Failed(Kind.TOOL_CALL, "the model asked for a tool, and none was offered")]
        if said.get("refusal"):
            return [Failed(Kind.REFUSAL, f"the model declined: {said['refusal']}")]
        if isinstance(reason, str) and reason:
            self._reason = reason
        text = said.get("content")
        if text is not None and not isinstance(text, str):
            return [Failed(Kind.PROTOCOL, "the content of a delta is no text")]
        self._begun = self._begun or bool(choice)
        return [Delta(text)] if text else []


def _is_error(document: Mapping[str, Any], name: str) -> bool:
    return bool(document.get("error")) or name == "error" or document.get("object") == "error"


def _first(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first choice; ``choices`` may be empty or missing in a chunk that brings usage only."""
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return {}
    return choices[0]
