"""Chat completions as OpenAI's servers speak them: as one JSON answer, as server-sent events, over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.access import require_key
from reconciler.embedded.body import parse
from reconciler.embedded.faults import Deed, Speech
from reconciler.embedded.inference.http import HttpAnswer, streamed
from reconciler.embedded.inference.script import SECOND_MODEL, Asked, Said, said_to
from reconciler.embedded.inference.socket import SocketDialect
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

ID = "chatcmpl-embedded"
HOTTEST = 2.0
_TOOL = {
    "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "pay", "arguments": "{}"}}]
}


@dataclass(frozen=True, slots=True)
class ChunkVoice:
    """Frames of ``chat.completion.chunk``."""

    model: str
    usage_asked: bool = True

    def opening(self) -> Sequence[str]:
        """The role alone, as the real ones begin."""
        return [self._chunk({"role": "assistant", "content": None})]

    def token(self, word: str) -> str:
        """One token."""
        return self._chunk({"content": word})

    def tool_call(self) -> str:
        """A call of a tool."""
        return self._chunk(_TOOL)

    def switched(self) -> ChunkVoice:
        """The voice of another model."""
        return replace(self, model=SECOND_MODEL)

    def trouble(self, error: Mapping[str, Any] | str) -> str:
        """An error frame."""
        return json.dumps({"error": error})

    def ending(self, said: Said, speech: Speech) -> Sequence[str]:
        """The finish reason, usage in a chunk without choices, the marker."""
        reason = [self._chunk({}, speech.finish_reason)] if speech.marker != "done" else []
        usage = [self._usage(said)] if speech.usage == "last" and self.usage_asked else []
        return [*reason, *usage, *(["[DONE]"] if speech.marker != "reason" else [])]

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> str:
        return self._frame([{"index": 0, "delta": delta, "finish_reason": reason}])

    def _usage(self, said: Said) -> str:
        return self._frame([], usage=usage(said))

    def _frame(self, choices: Sequence[Any], **more: Any) -> str:
        head = {"id": ID, "object": "chat.completion.chunk", "created": 0, "model": self.model}
        return json.dumps({**head, "choices": choices, **more}, ensure_ascii=False)


def usage(said: Said) -> Mapping[str, int]:
    """Tokens of an answer: its words."""
    completion = len(said.words)
    return {
        "prompt_tokens": said.asked,
        "completion_tokens": completion,
        "total_tokens": said.asked + completion,
    }


def asked_in(body: Any) -> Asked:
    """The question in a body. Raises Refused."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise Refused(400, "invalid_request_error", "model must be a text", "model")
    heat = body.get("temperature")
    if heat is not None and (not isinstance(heat, int | float) or not 0 <= heat <= HOTTEST):
        raise Refused(400, "invalid_request_error", "temperature must be between 0 and 2", "temperature")
    text, wanted = text_of(body.get("messages")), body.get("response_format")
    return Asked(body["model"], text, _told(body["messages"]) if wanted is None else _schema(wanted))


def text_of(messages: Any) -> str:
    """The last message's text. Raises Refused for what is no list of messages."""
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise Refused(400, "invalid_request_error", "messages must be a list of messages", "messages")
    return str(messages[-1].get("content") or "")


def _told(messages: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What the rules ask for in words: over a WebSocket there is no other way. A schema, or JSON of any kind."""
    rules = "\n".join(str(message.get("content")) for message in messages if message.get("role") == "system")
    return schema_in(rules) or ({} if "JSON object" in rules else None)


def schema_in(rules: str) -> Mapping[str, Any] | None:
    """The JSON Schema that stands in a system message, behind these two words."""
    _, mark, rest = rules.rpartition("JSON Schema: ")
    try:
        found = json.JSONDecoder().raw_decode(rest)[0] if mark else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _schema(wanted: Any) -> Mapping[str, Any] | None:
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return None
    inner = wanted.get("json_schema")
    found = inner.get("schema") if isinstance(inner, dict) else None
    return found if isinstance(found, dict) else {}


def _completion(gateway: Gateway, request: Request, deed: Deed, body: bytes) -> Response:
    require_key(gateway, request)
    question = parse(body)
    gateway.questions.append(question)
    said = said_to(gateway, asked_in(question), deed)
    if question.get("stream") is True:
        options = question.get("stream_options")
        wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        return streamed(request, said, deed.speech, ChunkVoice(said.model, wants_usage))
    message = {"role": "assistant", "content": said.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": deed.speech.finish_reason}
    head = {"id": ID, "object": "chat.completion", "created": 0, "model": said.model}
    return reply(200, {**head, "choices": [choice], "usage": usage(said)})


def _models(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    require_key(gateway, request)
    listed = gateway.faults.plan.models
    names = sorted(_configured(gateway)) if listed is None else listed
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "gateway"} for name in names]
    return reply(200, {"object": "list", "data": data})


def _configured(gateway: Gateway) -> set[str]:
    endpoints = [json.loads(item) for _, item in gateway.store.page("endpoints", "", 1000)]
    providers = [json.loads(item) for _, item in gateway.store.page("providers", "", 1000)]
    return {"gpt-4o-mini", *(e["model"] for e in endpoints), *(p["defaultModel"] for p in providers)}


def _health(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    require_key(gateway, request)
    return reply(200, {"status": "healthy"})


def _admit(gateway: Gateway, socket: Any) -> None:
    require_key(gateway, socket)


def _read(_gateway: Gateway, body: Any) -> Asked:
    return asked_in(body)


SOCKET = SocketDialect(_admit, _read, ChunkVoice)

CALLS: Sequence[tuple[str, str, HttpAnswer]] = (
    ("POST", "/v1/chat/completions", _completion),
    ("GET", "/v1/models", _models),
    ("GET", "/health", _health),
)
