"""The calls on endpoints and webhooks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.faults import Deed
from reconciler.embedded.store import Stored, masked, new_id, without_assigned
from reconciler.embedded.validation import Refused, check_endpoint, check_webhook

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

LARGEST_PAGE = 100


def reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    text = "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, headers, media_type="application/json")


def _item(gateway: Gateway, status: int, stored: Stored) -> Response:
    headers = {"etag": f'"{stored.version}"'} if gateway.faults.plan.etags else None
    return Response(_dressed(gateway, stored.item), status, headers, media_type="application/json")


def _dressed(gateway: Gateway, item: str) -> str:
    """The text of an object as this gateway shows it; the usual case costs nothing."""
    plan = gateway.faults.plan
    if plan.masks == "last4" and not plan.server_fields:
        return item
    shown = {**json.loads(item), **plan.server_fields}
    if isinstance(shown.get("credentials"), list):
        shown["credentials"] = [_masked(credential, plan.masks) for credential in shown["credentials"]]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _masked(credential: Any, masks: str) -> Any:
    if masks == "last4" or not isinstance(credential, dict):
        return credential
    if masks == "absent":
        return {name: value for name, value in credential.items() if name != "apiKey"}
    return {**credential, "apiKey": "********" if masks == "full" else None}


def _listed(gateway: Gateway, request: Request, deed: Deed, kind: str) -> Response:
    plan = gateway.faults.plan
    size = LARGEST_PAGE
    if plan.lists == "array":
        size = 1_000_000
    elif re.fullmatch("[0-9]{1,9}", request.query_params.get("pageSize", "")):
        size = max(1, min(LARGEST_PAGE, int(request.query_params["pageSize"])))
    token = request.query_params.get("nextPageToken", "")
    rows = gateway.store.page(kind, token, size + 1, "previous" if deed.stale else "item")
    texts = ",".join([_dressed(gateway, text) for _, text in rows[:size]])
    if plan.lists == "array":
        return Response(f"[{texts}]", media_type="application/json")
    following = rows[size - 1][0] if len(rows) > size else None
    if plan.lists == "repeating":
        following = "again"
    return Response(f'{{"items":[{texts}],"nextPageToken":{json.dumps(following)}}}', media_type="application/json")


def _read(gateway: Gateway, request: Request, deed: Deed, kind: str) -> Response:
    stored = _found(gateway, request, kind)
    if deed.stale:
        previous = gateway.store.previous(kind, request.path_params["id"])
        if previous is None:
            raise Refused(404, "not_found", "there is no such object yet")
        stored = Stored(stored.version - 1, previous, stored.keys)
    return _item(gateway, 200, stored)


def _found(gateway: Gateway, request: Request, kind: str) -> Stored:
    stored = gateway.store.get(kind, request.path_params["id"])
    if stored is None:
        raise Refused(404, "not_found", "there is no such object")
    return stored


def _check_preconditions(gateway: Gateway, request: Request, stored: Stored | None) -> None:
    if not gateway.faults.plan.preconditions:
        return
    if stored is not None and request.headers.get("if-none-match") == "*":
        raise Refused(412, "precondition_failed", "the object exists")
    wanted = request.headers.get("if-match")
    if wanted is not None and (stored is None or wanted not in {"*", f'"{stored.version}"'}):
        raise Refused(412, "precondition_failed", "the object has changed")


def list_endpoints(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """A page of endpoints, keys masked."""
    return _listed(gateway, request, deed, "endpoints")


def get_endpoint(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """One endpoint, keys masked."""
    return _read(gateway, request, deed, "endpoints")


def put_endpoint(gateway: Gateway, request: Request, deed: Deed, body: Any) -> Response:
    """Replace an endpoint as a whole, or make it."""
    key = request.path_params["id"]
    endpoint = check_endpoint(body)
    if deed.conflict:
        gateway.store.touch("endpoints", key)
    stored = gateway.store.get("endpoints", key)
    _check_preconditions(gateway, request, stored)
    limit = gateway.faults.plan.endpoint_limit
    if stored is None and limit is not None and gateway.store.count("endpoints") >= limit:
        raise Refused(409, "endpoint_limit", "the tenant's endpoint limit is reached")
    if gateway.store.taken("endpoints", endpoint["provider"], endpoint["name"], key):
        raise Refused(409, "duplicate_name", "the provider has an endpoint of this name", "name")
    shown = without_assigned(endpoint)
    shown["credentials"] = [{**c, "apiKey": masked(c["apiKey"])} for c in endpoint["credentials"]]
    written = gateway.store.put("endpoints", key, shown, _keys(gateway, endpoint["credentials"]))
    return _item(gateway, 201 if stored is None else 200, written)


def _keys(gateway: Gateway, credentials: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    plan = gateway.faults.plan
    return [
        {"keyId": c["keyId"], "hash": gateway.store.hashed(c["apiKey"]), "answer": plan.answer_for(c["apiKey"])}
        for c in credentials
    ]


def delete_endpoint(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """Remove an endpoint."""
    return _deleted(gateway, request, deed, "endpoints")


def _deleted(gateway: Gateway, request: Request, deed: Deed, kind: str) -> Response:
    if deed.conflict:
        gateway.store.touch(kind, request.path_params["id"])
    _check_preconditions(gateway, request, _found(gateway, request, kind))
    gateway.store.delete(kind, request.path_params["id"])
    return Response(status_code=204)


def validate_endpoint(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """A dry run through the credentials, the highest priority first: the first that the provider takes serves."""
    stored = _found(gateway, request, "endpoints")
    reachable = any(key["answer"] == "accepted" for key in stored.keys)
    plan = gateway.faults.plan
    answer = {
        "status": "ok" if reachable else "failed",
        "latencyMs": plan.latency_ms,
        "quotaRemaining": plan.quota_remaining if reachable else 0,
        "providerReachable": reachable,
        **deed.validate_,
    }
    return reply(200, answer)


def list_webhooks(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """A page of webhooks, without their secrets."""
    return _listed(gateway, request, deed, "webhooks")


def get_webhook(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """One webhook, without its secret."""
    return _read(gateway, request, deed, "webhooks")


def post_webhook(gateway: Gateway, _request: Request, _deed: Deed, body: Any) -> Response:
    """Make a webhook; the gateway chooses the id and does not mind a second one of the same name."""
    return _item(gateway, 201, _write_webhook(gateway, new_id(), check_webhook(body)))


def put_webhook(gateway: Gateway, request: Request, deed: Deed, body: Any) -> Response:
    """Replace a webhook."""
    webhook = check_webhook(body)
    if deed.conflict:
        gateway.store.touch("webhooks", request.path_params["id"])
    _check_preconditions(gateway, request, _found(gateway, request, "webhooks"))
    return _item(gateway, 200, _write_webhook(gateway, request.path_params["id"], webhook))


def _write_webhook(gateway: Gateway, key: str, webhook: Mapping[str, Any]) -> Stored:
    kept = [{"hash": gateway.store.hashed(webhook["secret"])}]
    return gateway.store.put("webhooks", key, without_assigned(webhook), kept)


def delete_webhook(gateway: Gateway, request: Request, deed: Deed, _body: Any) -> Response:
    """Remove a webhook."""
    return _deleted(gateway, request, deed, "webhooks")
