"""The OpenAPI document: what callers can rely on, published as ``schemas/router.openapi.json``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from reconciler.model.channels import CHANNELS
from reconciler.model.inference import Channel
from reconciler.router.events import CognigyAnswer, CognigyEvent, CxoneAnswer, CxoneEvent, RefusalAnswer

TITLE = "reconciler bot router"
VERSION = "1.0"
ABOUT = (
    "Webhooks of bot platforms. Each Route of the manifests answers at its own path in one of these two shapes; the "
    "paths here are the defaults. Calls are signed: hex HMAC-SHA256 of the body in X-Webhook-Signature, or the three "
    "headers of Standard Webhooks. A call that is taken is answered with 200 within the route's deadline."
)
_JSON: dict[str, Any] = {"description": "By check.", "content": {"application/json": {"schema": {"type": "object"}}}}
_SHAPES: Mapping[Channel, tuple[type[BaseModel], type[BaseModel], str]] = {
    Channel.CXONE: (CxoneEvent, CxoneAnswer, "A turn of a NICE CXone bot"),
    Channel.COGNIGY: (CognigyEvent, CognigyAnswer, "A turn that a Cognigy.AI flow did not understand"),
}
_REFUSALS: Mapping[int, str] = {
    400: "The body is not JSON.",
    401: "The signature is missing or wrong, or its timestamp is out of tolerance.",
    404: "The manifests declare no route at this path.",
    408: "The body did not come in time.",
    409: "The call was taken before.",
    413: "The body is too large.",
    422: "The body is not the channel's event; `fields` names the members at fault.",
    503: "Too many turns wait, or the router is going down. Come again after Retry-After.",
}

_OWN: Mapping[str, tuple[str, dict[int | str, dict[str, Any]]]] = {
    "/healthz": ("Whether the process answers", {200: _JSON}),
    "/readyz": ("Whether routes could be answered by a model", {200: _JSON, 503: _JSON}),
    "/metrics": ("Figures for Prometheus", {200: {"description": "Text.", "content": {"text/plain": {}}}}),
}

Endpoint = Callable[[Request], Awaitable[Response]]


def described(webhook: Endpoint, own: Mapping[str, Callable[[], Awaitable[Response]]]) -> FastAPI:
    """The application of these functions: webhooks at every path, the router's own paths before them."""
    app = FastAPI(
        title=TITLE, version=VERSION, description=ABOUT, openapi_url=None, redirect_slashes=False, docs_url=None
    )
    for channel in Channel:
        app.post(CHANNELS[channel].path, **_operation(channel))(webhook)
    for path, (summary, responses) in _OWN.items():
        app.get(path, operation_id=path.strip("/"), summary=summary, response_model=None, responses=responses)(
            own[path]
        )
    app.post("/{path:path}", include_in_schema=False, response_model=None)(webhook)
    return app


def _operation(channel: Channel) -> dict[str, Any]:
    event, answer, summary = _SHAPES[channel]
    refusals = {status: {"model": RefusalAnswer, "description": about} for status, about in _REFUSALS.items()}
    body = {"required": True, "content": {"application/json": {"schema": event.model_json_schema(by_alias=True)}}}
    return {
        "operation_id": channel.value,
        "summary": summary,
        "response_model": None,
        "responses": {200: {"model": answer, "description": "An answer, or the route's fallback."}, **refusals},
        "openapi_extra": {"requestBody": body},
    }


def text() -> str:
    """The document as it is published."""

    async def webhook(_request: Request) -> Response:
        return Response()

    async def own() -> Response:
        return Response()

    document = described(webhook, dict.fromkeys(_OWN, own)).openapi()
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
