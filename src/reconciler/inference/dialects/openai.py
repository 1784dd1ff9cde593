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
| all of it in one piece, with a message       | Delta, Usage; the end is the end                  |
| in one piece, without any                    | Failed                                            |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from reconciler.inference.dialects.shape import LISTING, Wire, failure_of, parsed, usage_of
from reconciler.inference.events import WHOLE, Delta, Event, Failed, Finished, Frame, Kind, Question
from reconciler.inference.formats import Form, form_of, messages_of, response_format

DONE = "[DONE]"
_TOOLS = frozenset({"tool_calls", "function_call"})


@dataclass(frozen=True, slots=True)
class OpenAI:
    """It has a field for every form of an answer in JSON."""

    path: str = "/v1/chat/completions"
    listing: str = LISTING
    wire: Wire = Wire.HTTP
    forms: frozenset[Form] = frozenset(Form)

    def request(self, question: Question) -> Mapping[str, Any]:
        """The body; usage of a stream is asked for, since it is not sent otherwise."""
        usage = {"stream_options": {"include_usage": True}} if question.stream else {}
        return {**completion(question, self.forms), **usage}

    def reader(self) -> ChunkReader:
        """A reader of completion chunks."""
        return ChunkReader()


def completion(question: Question, forms: AbstractSet[Form]) -> Mapping[str, Any]:
    """What every server of chat completions understands. An answer in one piece is what comes where nothing is said."""
    sampling = question.sampling
    form = form_of(question.form, question.schema, forms)
    messages = messages_of(question.messages, form, question.schema)
    given = {
        "temperature": sampling.temperature,
        "response_format": response_format(form, question.schema),
        "max_tokens": sampling.max_tokens,
        "top_p": sampling.top_p,
    }
    return {
        "model": question.model,
        "messages": [{"role": message.role.value, "content": message.content} for message in messages],
        **{name: value for name, value in given.items() if value is not None},
        **({"stream": True} if question.stream else {}),
    }


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
        return [*self._chosen(_first(document), frame.name), *usage_of(document.get("usage"))]

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

    def _chosen(self, choice: Mapping[str, Any], name: str) -> Sequence[Event]:
        delta = choice.get("delta", choice.get("message"))
        said = delta if isinstance(delta, dict) else {}
        reason = choice.get("finish_reason")
        if name == WHOLE and not said:
            return [Failed(Kind.PROTOCOL, "the answer is no chat completion")]
        if reason in _TOOLS or any(said.get(name) for name in _TOOLS):
            return [Failed(Kind.TOOL_CALL, "the model asked for a tool, and none was offered")]
        if said.get("refusal"):
            return [Failed(Kind.REFUSAL, f"the model declined: {said['refusal']}")]
        if isinstance(reason, str) and reason:
            self._reason = reason
        elif name == WHOLE:
            self._reason = "stop"
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
