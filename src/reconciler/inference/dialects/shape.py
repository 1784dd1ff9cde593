"""What a dialect is, and what the dialects read alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any, Protocol

from reconciler.inference.chat import Usage
from reconciler.inference.events import Event, Failed, Frame, Kind, Question
from reconciler.inference.formats import Form

LISTING = "/v1/models"
"""Where models are listed, nearly everywhere."""


class Wire(Enum):
    """What carries a dialect: an HTTP answer of server-sent events, or a WebSocket."""

    HTTP = "http"
    WEBSOCKET = "websocket"


class Reader(Protocol):
    """Reads one answer. Made anew for each."""

    @property
    def complete(self) -> bool:
        """Whether the answer is whole, so that only usage or a marker may follow."""

    def read(self, frame: Frame) -> Sequence[Event]:
        """What a frame says. After Finished or Failed nothing more is to be read."""

    def end(self) -> Event:
        """The stream has ended well without a word: Finished if the answer is whole, else Failed."""


class Dialect(Protocol):
    """The conversion between questions and a wire."""

    @property
    def path(self) -> str:
        """Where a question is sent, below the gateway's base URL."""

    @property
    def listing(self) -> str:
        """Where models are listed, likewise."""

    @property
    def wire(self) -> Wire:
        """What carries it."""

    @property
    def forms(self) -> AbstractSet[Form]:
        """The forms of an answer in JSON that there is a field for."""

    def request(self, question: Question) -> Mapping[str, Any]:
        """The body, or the first frame."""

    def reader(self) -> Reader:
        """A reader for the answer."""


def parsed(frame: Frame) -> Mapping[str, Any] | Failed:
    """The JSON object in a frame."""
    try:
        document = json.loads(frame.data)
    except (ValueError, RecursionError):
        return Failed(Kind.PROTOCOL, "a frame of the stream is not JSON")
    return document if isinstance(document, dict) else Failed(Kind.PROTOCOL, "a frame of the stream is no JSON object")


def usage_of(found: object) -> Sequence[Usage]:
    """The tokens in a usage object; nothing where it is missing or makes no sense."""
    if not isinstance(found, dict):
        return ()
    prompt, completion = found.get("prompt_tokens"), found.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int or min(prompt, completion) < 0:
        return ()
    return (Usage(prompt, completion),)


_BY_CODE: Mapping[str, Kind] = {
    "400": Kind.REJECTED,
    "401": Kind.UNAUTHORIZED,
    "403": Kind.FORBIDDEN,
    "404": Kind.NOT_FOUND,
    "408": Kind.TIMED_OUT,
    "422": Kind.REJECTED,
    "429": Kind.THROTTLED,
    "504": Kind.TIMED_OUT,
    "rate_limit_exceeded": Kind.THROTTLED,
    "rate_limit_error": Kind.THROTTLED,
    "insufficient_quota": Kind.QUOTA,
    "quota_exceeded": Kind.QUOTA,
    "invalid_api_key": Kind.UNAUTHORIZED,
    "authentication_error": Kind.UNAUTHORIZED,
    "permission_error": Kind.FORBIDDEN,
    "model_not_found": Kind.NOT_FOUND,
    "invalid_request_error": Kind.REJECTED,
    "context_length_exceeded": Kind.REJECTED,
    "timeout": Kind.TIMED_OUT,
}


def failure_of(error: object) -> Failed:
    """What an error member stands for, be it an object or only a text."""
    if not isinstance(error, dict):
        return Failed(Kind.PROVIDER, str(error))
    codes = [str(error[name]) for name in ("code", "status", "type") if error.get(name) is not None]
    kind = next((_BY_CODE[code] for code in codes if code in _BY_CODE), Kind.PROVIDER)
    said = error.get("message")
    return Failed(kind, said if isinstance(said, str) else ", ".join(codes))
