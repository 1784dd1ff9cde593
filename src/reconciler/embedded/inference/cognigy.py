"""Cognigy.AI as given: health, the registration of providers, the inference socket.

The keys of a provider serve in turn: one that the plan limits or rejects fails the request that meets it, and
the next request uses the next key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from reconciler.embedded.access import require_key, require_taken
from reconciler.embedded.faults import Deed, Speech
from reconciler.embedded.inference import providers
from reconciler.embedded.inference.http import HttpAnswer
from reconciler.embedded.inference.openai import usage
from reconciler.embedded.inference.script import SECOND_MODEL, Asked, Said
from reconciler.embedded.inference.socket import SocketDialect
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

MANAGE, EXECUTE = "llm-gateway:manage", "llm-inference:execute"
LONGEST_TEMPLATE = 16_000
_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class TypedVoice:
    """Frames of type `content`, `complete`, `error`. `second` once the gateway has fallen back in the middle."""

    model: str
    second: bool = False

    def opening(self) -> Sequence[str]:
        """Nothing."""
        return []

    def token(self, word: str) -> str:
        """One token, with the number of the attempt once there are two."""
        return _frame("content", delta=word, attempt=2 if self.second else 1)

    def tool_call(self) -> str:
        """There are no tools here: an error."""
        return self.trouble("tools are not supported")

    def switched(self) -> TypedVoice:
        """The voice of another model."""
        return replace(self, model=SECOND_MODEL, second=True)

    def trouble(self, error: Mapping[str, Any] | str) -> str:
        """An error frame."""
        return _frame("error", **({"message": error} if isinstance(error, str) else error))

    def ending(self, said: Said, speech: Speech) -> Sequence[str]:
        """The complete frame."""
        counted = usage(said)
        tokens = {name: counted[name] for name in ("prompt_tokens", "completion_tokens")}
        return [_frame("complete", **({"usage": tokens} if speech.usage == "last" else {}), model=self.model)]


def _frame(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind, **members}, ensure_ascii=False)


def _require(gateway: Gateway, request: HTTPConnection, permission: str) -> None:
    require_key(gateway, request)
    if permission not in gateway.faults.plan.permissions:
        raise Refused(403, "insufficient_permissions", f"the key lacks {permission}")


def _health(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    permitted = {"x-permissions": ",".join(gateway.faults.plan.permissions)}
    try:
        _require(gateway, request, MANAGE)
    except Refused as refused:
        return reply(refused.status, refused.body, permitted if refused.status == 403 else None)  # noqa: PLR2004 - HTTP
    return reply(200, {"status": "healthy"}, permitted)


def _managed(answer: HttpAnswer) -> HttpAnswer:
    def checked(gateway: Gateway, request: Request, deed: Deed, body: bytes) -> Response:
        _require(gateway, request, MANAGE)
        with gateway.store.alone():
            return answer(gateway, request, deed, body)

    return checked


def _admit(gateway: Gateway, socket: HTTPConnection) -> None:
    _require(gateway, socket, EXECUTE)


def _read(gateway: Gateway, body: Any) -> Asked:
    if not isinstance(body, dict) or not isinstance(body.get("modelId"), str) or not body["modelId"]:
        raise Refused(422, "validation_failed", "modelId must be a text", "modelId")
    template, variables = body.get("template"), body.get("variables", {})
    if not isinstance(template, str) or len(template) > LONGEST_TEMPLATE or not isinstance(variables, dict):
        raise Refused(422, "validation_failed", "the template is missing or too long", "template")
    _use_key(gateway, body["modelId"])
    text = _HOLE.sub(lambda hole: str(variables.get(hole[1], "")), template)
    wanted = body.get("responseFormat")
    return Asked(body["modelId"], text, wanted.get("schema", {}) if isinstance(wanted, dict) else None)


def _use_key(gateway: Gateway, model: str) -> None:
    """Meet the key whose turn it is, of the provider that has this model or else of the first; none is fine."""
    stored = providers.serving(gateway, model)
    if stored is None:
        return
    name, keys = stored
    answer = keys[gateway.turns[name] % len(keys)]["answer"]
    if answer != "accepted":
        gateway.turns[name] += 1
    require_taken(answer)


SOCKET = SocketDialect(_admit, _read, TypedVoice)

_ONE = "/api/v1/llm-gateway/providers/{name}"
CALLS: Sequence[tuple[str, str, HttpAnswer]] = (
    ("GET", "/api/v1/llm-gateway/health", _health),
    ("POST", "/api/v1/llm-gateway/providers", _managed(providers.register)),
    ("GET", "/api/v1/llm-gateway/providers", _managed(providers.listed)),
    ("GET", _ONE, _managed(providers.get)),
    ("PUT", _ONE, _managed(providers.replaced)),
    ("DELETE", _ONE, _managed(providers.removed)),
)
