"""Cognigy's published REST API: Connections, large language models, the settings of projects.

Made after the published material alone, as the adapter is; what it leaves open is decided here as the adapter's
reference page says. A Connection's fields are never given back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.cognigy_objects import (
    ASSIGNED,
    CONNECTIONS,
    MODELS,
    SETTINGS,
    envelope,
    everything,
    found,
    getting,
    listing,
    made,
    put,
    read,
    refused,
)
from reconciler.embedded.faults import Deed
from reconciler.embedded.inference.http import HttpAnswer
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

LARGEST_BODY = 60_000
MOST_FIELDS = 10
PROVIDERS = frozenset(
    {
        *("openAI", "azureOpenAI", "anthropic", "googleVertexAI", "googleGemini", "alephAlpha", "awsBedrock"),
        *("openAICompatible", "mistral", "googleGenAI"),
    }
)


def _answering(answer: HttpAnswer) -> HttpAnswer:
    """The key, the size of the body, and refusals in the API's own envelope."""

    def checked(gateway: Gateway, request: Request, deed: Deed, body: bytes) -> Response:
        try:
            if not request.headers.get("x-api-key"):
                raise refused(401, "no API key")
            if len(body) > LARGEST_BODY:
                raise refused(413, "the body is too large")
            if request.method == "GET" and body:
                return envelope(403, "a GET has no body")
            with gateway.store.alone():
                return answer(gateway, request, deed, body)
        except Refused as refusal:
            return envelope(refusal.status, str(refusal))

    return checked


def post_connection(gateway: Gateway, _request: Request, _deed: Deed, body: bytes) -> Response:
    """Make a Connection. Names need not differ."""
    given = read(body, "name", "type", "extension")
    keys = _keys(gateway, given.pop("fields", None))
    return made(gateway, CONNECTIONS, given, keys)


def _keys(gateway: Gateway, fields: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(fields, dict) or not 1 <= len(fields) <= MOST_FIELDS:
        raise refused(400, f"fields must hold 1 to {MOST_FIELDS} entries")
    return [
        {"field": name, "hash": gateway.store.hashed(str(value)), "answer": gateway.faults.plan.answer_for(str(value))}
        for name, value in fields.items()
    ]


def patch_connection(gateway: Gateway, request: Request, _deed: Deed, body: bytes) -> Response:
    """Change the fields of a Connection, and nothing else."""
    given = read(body)
    if given.keys() != {"fields"}:
        raise refused(400, "only fields can be changed")
    put(gateway, CONNECTIONS, found(gateway, request, CONNECTIONS), _keys(gateway, given["fields"]))
    return Response(status_code=204)


def delete_connection(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    """Remove a Connection, whoever needs it."""
    found(gateway, request, CONNECTIONS)
    gateway.store.delete(CONNECTIONS, request.path_params["id"])
    return Response(status_code=204)


def _check_model(gateway: Gateway, model: Mapping[str, Any]) -> None:
    known = {item["referenceId"] for item in everything(gateway, CONNECTIONS)}
    if model.get("provider") not in PROVIDERS or not isinstance(model.get("modelType"), str):
        raise refused(400, "unknown provider or no modelType")
    if not isinstance(model.get(model["provider"]), dict):
        raise refused(400, f"{model['provider']} must be an object")
    if model.get("connectionId") not in known:
        raise refused(400, "connectionId names no Connection of the project")
    others = {item["referenceId"] for item in everything(gateway, MODELS)}
    fallbacks = model.get("fallbacks", [])
    if len(fallbacks) > 1 or any(item.get("largeLanguageModelId") not in others for item in fallbacks):
        raise refused(400, "a model has at most one fallback, which must be there")


def _check_default(gateway: Gateway, model: Mapping[str, Any], key: str) -> None:
    if model.get("isDefault") and any(
        item.get("isDefault") and item["_id"] != key for item in everything(gateway, MODELS)
    ):
        raise refused(409, "another model is the default")


def post_model(gateway: Gateway, _request: Request, _deed: Deed, body: bytes) -> Response:
    """Make a large language model."""
    model = read(body, "name", "modelType", "provider", "connectionId")
    _check_model(gateway, model)
    _check_default(gateway, model, "")
    return made(gateway, MODELS, {"isDefault": False, "fallbacks": [], "modelGroup": "chat", **model})


def patch_model(gateway: Gateway, request: Request, _deed: Deed, body: bytes) -> Response:
    """Change members of a model; the answer is empty."""
    given = {name: value for name, value in read(body).items() if name not in ASSIGNED}
    model = {**found(gateway, request, MODELS), **given}
    if given.keys() & {"provider", "modelType", "connectionId", "fallbacks"}:
        _check_model(gateway, model)
    _check_default(gateway, model, model["_id"])
    put(gateway, MODELS, model)
    return Response(status_code=204)


def delete_model(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    """Remove a model that is not the default."""
    if found(gateway, request, MODELS).get("isDefault"):
        raise refused(409, "the default model cannot be deleted")
    gateway.store.delete(MODELS, request.path_params["id"])
    return Response(status_code=204)


def try_model(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    """Whether the provider takes the credentials."""
    model = found(gateway, request, MODELS)
    connection = next((c for c in everything(gateway, CONNECTIONS) if c["referenceId"] == model["connectionId"]), None)
    stored = None if connection is None else gateway.store.get(CONNECTIONS, connection["_id"])
    valid = stored is not None and all(key["answer"] != "rejected" for key in stored.keys)
    answer = {"llmProvider": model["provider"], "isCredentialsValid": valid, "msg": "ok" if valid else "failed"}
    return reply(200, answer if valid else {**answer, "msgErr": "401: the key is unknown or revoked"})


def get_settings(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    """A project's settings."""
    return reply(200, {"generativeAISettings": {"enabled": True, "useCasesSettings": _cases(gateway, request)}})


def _cases(gateway: Gateway, request: Request) -> dict[str, Any]:
    stored = gateway.store.get(SETTINGS, request.path_params["id"])
    return {} if stored is None else dict(json.loads(stored.item)["cases"])


def patch_settings(gateway: Gateway, request: Request, _deed: Deed, body: bytes) -> Response:
    """Change some use cases; the others stay."""
    given = read(body).get("generativeAISettings", {}).get("useCasesSettings", {})
    if not isinstance(given, dict) or not all(isinstance(said, dict) for said in given.values()):
        raise refused(400, "useCasesSettings must hold objects")
    cases = {**_cases(gateway, request), **given}
    gateway.store.put(SETTINGS, request.path_params["id"], {"name": "settings", "cases": cases}, ())
    return Response(status_code=204)


_CALLS: Sequence[tuple[str, str, HttpAnswer]] = (
    ("GET", "/largelanguagemodels", listing(MODELS)),
    ("POST", "/largelanguagemodels", post_model),
    ("GET", "/largelanguagemodels/{id}", getting(MODELS)),
    ("PATCH", "/largelanguagemodels/{id}", patch_model),
    ("DELETE", "/largelanguagemodels/{id}", delete_model),
    ("POST", "/largelanguagemodels/{id}/test", try_model),
    ("GET", "/connections", listing(CONNECTIONS)),
    ("POST", "/connections", post_connection),
    ("GET", "/connections/{id}", getting(CONNECTIONS)),
    ("PATCH", "/connections/{id}", patch_connection),
    ("DELETE", "/connections/{id}", delete_connection),
    ("GET", "/projects/{id}/settings", get_settings),
    ("PATCH", "/projects/{id}/settings", patch_settings),
)

CALLS: Sequence[tuple[str, str, HttpAnswer]] = tuple(
    (method, prefix + path, _answering(answer)) for prefix in ("/v2.0", "/new/v2.0") for method, path, answer in _CALLS
)
"""Both prefixes under which the operations are published."""
