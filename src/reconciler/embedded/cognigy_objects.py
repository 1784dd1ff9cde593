"""Objects as Cognigy's REST API has them: ids, pages, refusals."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.body import parse
from reconciler.embedded.faults import Deed
from reconciler.embedded.inference.http import HttpAnswer
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

MODELS, CONNECTIONS, SETTINGS = "cognigy-models", "cognigy-connections", "cognigy-settings"
LARGEST_PAGE = 100
ASSIGNED = frozenset({"_id", "id", "version", "referenceId", "projectId"})
_CODES = {400: 1005, 401: 401, 404: 1002, 409: 1004, 413: 413}


def refused(status: int, detail: str) -> Refused:
    """A refusal with the API's own code."""
    return Refused(status, str(_CODES[status]), detail)


def envelope(status: int, detail: str) -> Response:
    """An error as the API words it."""
    body = {
        "type": "about:blank",
        "title": "Error",
        "status": status,
        "detail": detail,
        "code": _CODES.get(status, status),
        "traceId": "api-" + uuid.uuid4().hex[:12],
    }
    return reply(status, body)


def everything(gateway: Gateway, kind: str) -> Sequence[dict[str, Any]]:
    """All objects of a kind, in the order of their ids."""
    return [json.loads(item) for _, item in gateway.store.page(kind, "", 100_000)]


def shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the store adds."""
    return {name: value for name, value in item.items() if name not in {"id", "version"}}


def listing(kind: str) -> HttpAnswer:
    """Pages of a project's objects, by cursor."""

    def listed(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
        project = request.query_params.get("projectId")
        after = request.query_params.get("next", "")
        asked = request.query_params.get("limit", "25")
        size = max(1, min(LARGEST_PAGE, int(asked) if asked.isdecimal() else LARGEST_PAGE))
        of_project = [item for item in everything(gateway, kind) if item["projectId"] == project]
        rest = [item for item in of_project if item["_id"] > after]
        following = rest[size - 1]["_id"] if len(rest) > size else None
        page = [shown(item) for item in rest[:size]]
        return reply(200, {"items": page, "total": len(of_project), "nextCursor": following, "previousCursor": None})

    return listed


def found(gateway: Gateway, request: Request, kind: str) -> dict[str, Any]:
    """The object that the path names."""
    stored = gateway.store.get(kind, request.path_params["id"])
    if stored is None:
        raise refused(404, "Resource not found")
    return dict(json.loads(stored.item))


def getting(kind: str) -> HttpAnswer:
    """One object."""

    def get(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
        return reply(200, shown(found(gateway, request, kind)))

    return get


def read(body: bytes, *needed: str) -> dict[str, Any]:
    """A body that is an object with these texts."""
    document = parse(body)
    if not isinstance(document, dict):
        raise refused(400, "the body must be an object")
    for name in needed:
        if not isinstance(document.get(name), str) or not document[name]:
            raise refused(400, f"{name} must be a text")
    return document


def put(gateway: Gateway, kind: str, item: Mapping[str, Any], keys: Sequence[Mapping[str, Any]] = ()) -> None:
    """Store an object under its id."""
    shown = {name: value for name, value in item.items() if name not in {"id", "version"}}
    gateway.store.put(kind, str(item["_id"]), shown, keys)


def made(gateway: Gateway, kind: str, body: Mapping[str, Any], keys: Sequence[Mapping[str, Any]] = ()) -> Response:
    """Store a new object, with ids of its own, and show it."""
    if not isinstance(body.get("projectId"), str):
        raise refused(400, "projectId must be a text")
    given = {name: value for name, value in body.items() if name not in ASSIGNED}
    item = {
        "_id": secrets.token_hex(12),
        "referenceId": str(uuid.uuid4()),
        "projectId": body["projectId"],
        "resourceLevel": "project",
        **given,
    }
    put(gateway, kind, item, keys)
    return reply(201, item)
