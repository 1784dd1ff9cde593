"""Genesys Cloud's invoke call: server-sent events to who accepts exactly those, one JSON answer to all others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.access import require_token
from reconciler.embedded.body import parse
from reconciler.embedded.faults import Deed, Speech
from reconciler.embedded.inference.http import HttpAnswer, streamed
from reconciler.embedded.inference.openai import text_of
from reconciler.embedded.inference.script import Asked, Said, said_to
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

USE, STREAM = "ai:llm:gateway:use", "ai:llm:gateway:stream"


class BareVoice:
    """Chunks with nothing but their text, and ``[DONE]``."""

    def opening(self) -> Sequence[str]:
        """Nothing."""
        return []

    def token(self, word: str) -> str:
        """One token."""
        return _delta({"content": word})

    def tool_call(self) -> str:
        """A call of a tool."""
        return _delta({"tool_calls": [{"index": 0, "function": {"name": "pay", "arguments": "{}"}}]})

    def switched(self) -> BareVoice:
        """Its chunks name no model."""
        return self

    def trouble(self, error: Mapping[str, Any] | str) -> str:
        """An error frame."""
        return json.dumps({"error": error})

    def ending(self, _said: Said, _speech: Speech) -> Sequence[str]:
        """The marker; there is no usage."""
        return ["[DONE]"]


def _delta(delta: Mapping[str, Any]) -> str:
    return json.dumps({"choices": [{"delta": delta}]}, ensure_ascii=False)


def _invoke(gateway: Gateway, request: Request, deed: Deed, body: bytes) -> Response:
    question = parse(body)
    wants_stream = isinstance(question, dict) and question.get("stream") is True
    require_token(gateway, request, *((USE, STREAM) if wants_stream else (USE,)))
    gateway.questions.append(question)
    said = said_to(gateway, _asked(question), deed)
    if wants_stream and request.headers.get("accept") == "text/event-stream":
        return streamed(request, said, deed.speech, BareVoice())
    return reply(200, {"choices": [{"message": {"role": "assistant", "content": said.text}}]})


def _asked(body: Any) -> Asked:
    if not isinstance(body, dict) or not isinstance(body.get("modelId"), str) or not body["modelId"]:
        raise Refused(400, "bad_request", "modelId must be a text", "modelId")
    return Asked(body["modelId"], text_of(body.get("messages")))


CALLS: Sequence[tuple[str, str, HttpAnswer]] = (("POST", "/api/v2/ai/llm/gateway/invoke", _invoke),)
