"""A question as it is put to a model, and what comes back, whatever the wire looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from reconciler.inference.chat import Message, Usage
from reconciler.inference.formats import Form
from reconciler.model.inference import Sampling


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `schema` is the JSON Schema that the answer shall satisfy; `session` names the conversation.

    `safety_filters` are asked of gateways that filter by themselves. `form` is how an answer in JSON is asked for,
    None: as well as the dialect can. `stream` False asks for it in one piece.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    session: str = ""
    safety_filters: tuple[str, ...] = ()
    form: Form | None = None
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The terminal marker came. `reason` as the provider says it, ``stop`` where it says none."""

    reason: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Restarted:
    """Everything before belongs to an answer that is not given: forget it. `model` answers from here on."""

    model: str


class Kind(StrEnum):
    """How an answer failed."""

    THROTTLED = "throttled"
    QUOTA = "quota"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    REJECTED = "rejected"
    PROVIDER = "provider"
    TIMED_OUT = "timed out"
    REFUSAL = "refusal"
    TOOL_CALL = "tool call"
    PROTOCOL = "protocol"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer is not to be had. `message` is the gateway's own: it is redacted before it is shown."""

    kind: Kind
    message: str


Event: TypeAlias = Delta | Usage | Finished | Failed | Restarted


WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a stream: a server-sent event's data and name, or a WebSocket text.

    An answer that came in one piece is a single one, by the name of WHOLE.
    """

    data: str
    name: str = "message"
