"""The application: tokens, routing, preconditions, faults. One instance serves one store."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from reconciler.embedded import objects
from reconciler.embedded.access import TOKEN_PATHS, grant, require_token
from reconciler.embedded.body import parse, read
from reconciler.embedded.cognigy_rest import CALLS
from reconciler.embedded.faults import Deed, FaultPlan, Faults
from reconciler.embedded.inference import SocketDialect, calls, listen, sockets
from reconciler.embedded.store import Store
from reconciler.embedded.validation import Refused

API = "/api/v1/llm/gateway"
REMEMBERED = 20_000
ASKED = 200


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one pair that the token endpoint accepts."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(slots=True)
class Gateway:
    """What all routes share. `questions` were put to models; `turns` says which key of a provider is next."""

    store: Store
    faults: Faults
    credentials: Credentials | None = None
    tokens: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)
    seen: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    counts: Counter[str] = field(default_factory=Counter)
    questions: deque[Any] = field(default_factory=lambda: deque(maxlen=ASKED))
    turns: Counter[str] = field(default_factory=Counter)


Answer = Callable[[Gateway, Request, Deed, Any], Response]


def build(gateway: Gateway, *, admin: bool) -> Starlette:
    """The ASGI application."""
    routes: list[BaseRoute] = [
        *(Route(path, _guarded(gateway, grant), methods=["POST"]) for path in TOKEN_PATHS),
        *(
            Route(API + path, _guarded(gateway, _authorized(scope, name, answer)), methods=[method])
            for method, path, scope, name, answer in _ROUTES
        ),
    ]
    routes += [Route(path, _guarded(gateway, answer), methods=[method]) for method, path, answer in (*calls(), *CALLS)]
    routes += [WebSocketRoute(path, _listening(gateway, dialect)) for path, dialect in sockets()]
    if admin:
        routes += [
            Route("/_embedded/faults", _plain(gateway, _set_faults), methods=["PUT"]),
            Route("/_embedded/requests", _plain(gateway, _requests), methods=["GET", "DELETE"]),
            Route("/_embedded/reset", _plain(gateway, _reset), methods=["POST"]),
        ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_such_call})


_ROUTES: tuple[tuple[str, str, str, str, Answer], ...] = (
    ("GET", "/endpoints", "llm:gateway:read", "endpoints.list", objects.list_endpoints),
    ("GET", "/endpoints/{id}", "llm:gateway:read", "endpoints.get", objects.get_endpoint),
    ("PUT", "/endpoints/{id}", "llm:gateway:write", "endpoints.put", objects.put_endpoint),
    ("DELETE", "/endpoints/{id}", "llm:gateway:write", "endpoints.delete", objects.delete_endpoint),
    ("POST", "/endpoints/{id}/validate", "llm:gateway:write", "endpoints.validate", objects.validate_endpoint),
    ("GET", "/webhooks", "webhook:read", "webhooks.list", objects.list_webhooks),
    ("POST", "/webhooks", "webhook:write", "webhooks.post", objects.post_webhook),
    ("GET", "/webhooks/{id}", "webhook:read", "webhooks.get", objects.get_webhook),
    ("PUT", "/webhooks/{id}", "webhook:write", "webhooks.put", objects.put_webhook),
    ("DELETE", "/webhooks/{id}", "webhook:write", "webhooks.delete", objects.delete_webhook),
)


def _plain(gateway: Gateway, answer: Callable[[Gateway, Request, Any], Response]) -> Any:
    async def endpoint(request: Request) -> Response:
        try:
            return answer(gateway, request, parse(await read(request)))
        except Refused as refused:
            return _refusal(refused)

    return endpoint


async def _no_such_call(_request: Request, error: Exception) -> Response:
    """Unknown paths and methods are answered like every other refusal."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    code = "method_not_allowed" if status == 405 else "not_found"  # noqa: PLR2004 - the status of that name
    return objects.reply(status, {"error": {"code": code, "message": "there is no such call"}}, headers)


def _guarded(
    gateway: Gateway, answer: Callable[[Gateway, Request, Deed, bytes], Response]
) -> Callable[[Request], Awaitable[Response]]:
    """Around every route of the contract: what is remembered, what goes wrong, what is refused."""

    async def endpoint(request: Request) -> Response:
        try:
            body = await read(request)
        except Refused as refused:
            return _refusal(refused)
        except ClientDisconnect:
            return Response(status_code=499)  # the client was killed while it sent
        deed = gateway.faults.deed(request.method, request.url.path, body)
        _remember(gateway, request)
        return await _faulty(deed, request, body, lambda: answer(gateway, request, deed, body))

    return endpoint


async def _faulty(deed: Deed, request: Request, body: bytes, answer: Callable[[], Response]) -> Response:
    if deed.delay_ms:
        await asyncio.sleep(deed.delay_ms / 1000)
    if deed.drop == "before":
        return await _dropped(request)
    if deed.status is not None:
        return _injected(deed, body)
    try:
        response = answer()
    except Refused as refused:
        response = _refusal(refused)
    if deed.drop == "after":
        return await _dropped(request)
    return _spoiled(response, deed) if deed.bad_json and not isinstance(response, StreamingResponse) else response


def _refusal(refused: Refused) -> Response:
    return objects.reply(refused.status, refused.body)


def _remember(gateway: Gateway, request: Request) -> None:
    line = {
        "method": request.method,
        "path": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "if_match": request.headers.get("if-match"),
        "if_none_match": request.headers.get("if-none-match"),
    }
    gateway.seen.append(line)
    gateway.counts[request.method] += 1


async def _dropped(request: Request) -> Response:
    """Break the connection under the client's hands."""
    request.scope["extensions"]["reconciler.abort"]()
    await asyncio.sleep(0.01)
    return Response(status_code=499)


def _injected(deed: Deed, body: bytes) -> Response:
    said = "a fault was asked for" + (f": {body.decode(errors='replace')}" if deed.echo else "")
    headers = (
        {}
        if deed.retry_after is None
        else {"retry-after": f"{deed.retry_after:g}" if isinstance(deed.retry_after, float) else str(deed.retry_after)}
    )
    return objects.reply(deed.status or 500, {"error": {"code": deed.code, "message": said}}, headers)


def _spoiled(response: Response, deed: Deed) -> Response:
    content = {
        "truncated": bytes(response.body)[: max(1, len(response.body) // 2)],
        "html": b"<html><body>gateway time-out</body></html>",
        "shape": b'{"items": {"not": "a list"}, "nextPageToken": 7}',
        "empty": b"",
    }[deed.bad_json or "empty"]
    return Response(content, response.status_code, media_type="application/json")


def _authorized(scope: str, name: str, answer: Answer) -> Callable[[Gateway, Request, Deed, bytes], Response]:
    def checked(gateway: Gateway, request: Request, deed: Deed, body: bytes) -> Response:
        if name in gateway.faults.plan.missing_calls:
            raise Refused(405, "method_not_allowed", "there is no such call")
        require_token(gateway, request, scope)
        if request.method == "GET":
            return answer(gateway, request, deed, None)
        asked = parse(body)
        with gateway.store.alone():
            return answer(gateway, request, deed, asked)

    return checked


def _listening(gateway: Gateway, dialect: SocketDialect) -> Callable[[WebSocket], Awaitable[None]]:
    async def endpoint(socket: WebSocket) -> None:
        await listen(gateway, socket, dialect)

    return endpoint


def _set_faults(gateway: Gateway, _request: Request, body: Any) -> Response:
    try:
        gateway.faults = Faults(FaultPlan.read(body or {}))
    except ValueError as error:
        return objects.reply(400, {"error": {"code": "bad_plan", "message": str(error)}})
    return objects.reply(200, {})


def _requests(gateway: Gateway, request: Request, _body: Any) -> Response:
    if request.method == "DELETE":
        gateway.seen.clear()
        gateway.counts.clear()
        gateway.questions.clear()
    seen = {"counts": dict(gateway.counts), "last": list(gateway.seen), "questions": list(gateway.questions)}
    return objects.reply(200, seen)


def _reset(gateway: Gateway, _request: Request, _body: Any) -> Response:
    gateway.store.reset()
    return objects.reply(200, {})
