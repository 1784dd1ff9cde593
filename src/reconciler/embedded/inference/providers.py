"""Providers as Cognigy.AI registers them. As given they can only be made; the plan may let them be read and changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.body import parse
from reconciler.embedded.faults import Deed
from reconciler.embedded.objects import reply
from reconciler.embedded.store import Stored, masked, without_assigned
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

KIND = "providers"
STRATEGY = "ROUND_ROBIN_ON_FAILURE"
LARGEST_LIST = 1000


def register(gateway: Gateway, _request: Request, _deed: Deed, body: bytes) -> Response:
    """Make a provider, unless there is one of that name."""
    provider = _checked(parse(body))
    if gateway.store.get(KIND, provider["name"]) is not None:
        raise Refused(409, "provider_exists", "Provider already registered", "name")
    return _shown(201, _put(gateway, provider))


def listed(gateway: Gateway, _request: Request, _deed: Deed, _body: bytes) -> Response:
    """All providers, keys masked."""
    _require_more(gateway)
    return reply(200, {"items": [json.loads(item) for _, item in gateway.store.page(KIND, "", LARGEST_LIST)]})


def get(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    """One provider, keys masked."""
    return _shown(200, _found(gateway, request))


def replaced(gateway: Gateway, request: Request, _deed: Deed, body: bytes) -> Response:
    """Replace a provider as a whole."""
    _found(gateway, request)
    provider = _checked(parse(body))
    if provider["name"] != request.path_params["name"]:
        raise Refused(422, "validation_failed", "the name cannot change", "name")
    return _shown(200, _put(gateway, provider))


def removed(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    """Remove a provider."""
    _found(gateway, request)
    gateway.store.delete(KIND, request.path_params["name"])
    return Response(status_code=204)


def serving(gateway: Gateway, model: str) -> tuple[str, Sequence[Mapping[str, Any]]] | None:
    """Name and keys of the provider that answers for a model: its own, or the first; None where there is none."""
    all_of_them = [json.loads(item) for _, item in gateway.store.page(KIND, "", LARGEST_LIST)]
    if not all_of_them:
        return None
    chosen = next((provider for provider in all_of_them if provider["defaultModel"] == model), all_of_them[0])
    stored = gateway.store.get(KIND, chosen["name"])
    return None if stored is None else (chosen["name"], stored.keys)


def _require_more(gateway: Gateway) -> None:
    if gateway.faults.plan.providers != "all":
        raise Refused(405, "method_not_allowed", "there is no such call")


def _found(gateway: Gateway, request: Request) -> Stored:
    _require_more(gateway)
    stored = gateway.store.get(KIND, request.path_params["name"])
    if stored is None:
        raise Refused(404, "not_found", "there is no such provider")
    return stored


def _put(gateway: Gateway, provider: Mapping[str, Any]) -> Stored:
    keys = provider["apiKeyRotation"]["keys"]
    kept = [{"hash": gateway.store.hashed(key), "answer": gateway.faults.plan.answer_for(key)} for key in keys]
    rotation = {**provider["apiKeyRotation"], "keys": [masked(key) for key in keys]}
    shown = {**without_assigned(provider), "apiKeyRotation": rotation}
    return gateway.store.put(KIND, provider["name"], shown, kept)


def _shown(status: int, stored: Stored) -> Response:
    return Response(stored.item, status, media_type="application/json")


def _checked(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Refused(422, "validation_failed", "the body must be an object")
    for name in ("name", "type", "defaultModel"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise Refused(422, "validation_failed", f"{name} must be a text", name)
    if not body["type"].isupper():
        raise Refused(422, "validation_failed", "type is written in capitals", "type")
    if "timeoutMs" in body and (type(body["timeoutMs"]) is not int or body["timeoutMs"] < 1):
        raise Refused(422, "validation_failed", "timeoutMs must be a whole number above 0", "timeoutMs")
    _check_rotation(body.get("apiKeyRotation"))
    return body


def _check_rotation(rotation: Any) -> None:
    keys = rotation.get("keys") if isinstance(rotation, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key for key in keys):
        raise Refused(422, "validation_failed", "at least one key is needed", "apiKeyRotation.keys")
    if any(key.startswith("****") for key in keys):
        raise Refused(422, "validation_failed", "a masked key cannot be stored", "apiKeyRotation.keys")
    if rotation.get("rotationStrategy", STRATEGY) != STRATEGY:
        raise Refused(422, "validation_failed", "the strategy is unknown", "apiKeyRotation.rotationStrategy")
