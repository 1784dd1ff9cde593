"""The web application: from a request to an answer or a refusal, and the router's own three paths."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from reconciler.router import document
from reconciler.router.answers import above_threshold, answer
from reconciler.router.body import received
from reconciler.router.events import Event, read
from reconciler.router.gate import Gate
from reconciler.router.live import Live
from reconciler.router.readiness import Readiness
from reconciler.router.reasons import Declined, Reason
from reconciler.router.refusals import STATUSES, Refusal, Refused
from reconciler.router.replay import Taken
from reconciler.router.table import Bound
from reconciler.router.turn import Kit, Turn, take

MARGIN = 0.05
LARGEST_MARGIN = 0.3
"""Seconds, and share of a deadline, that are kept back to write an answer and carry it."""

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Service:
    """What all requests share."""

    live: Live
    gate: Gate
    taken: Taken
    kit: Kit
    readiness: Readiness


@dataclass(slots=True)
class _Came:
    """One request: its id, when it came in the loop's time, and the route that it meant."""

    request: Request
    began: float
    id: str
    route: str = ""


def build(service: Service) -> FastAPI:
    """The ASGI application. Its OpenAPI document is published as a file, not served."""

    async def webhook(request: Request) -> Response:
        return await _called(service, request)

    async def healthz() -> Response:
        return _reply(200, {"status": "alive"})

    async def readyz() -> Response:
        return _reply(*service.readiness.report())

    async def metrics() -> Response:
        return Response(service.kit.measures.text(), media_type=_METRICS_TYPE)

    app = document.described(webhook, {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics})
    for status in (404, 405):
        app.add_exception_handler(status, _plain)
    return app


async def _called(service: Service, request: Request) -> Response:
    """Every webhook call: an answer, or a refusal with its code; counted either way."""
    came = _Came(request, asyncio.get_running_loop().time(), uuid.uuid4().hex)
    try:
        response = await _taken(service, came)
    except Refused as refused:
        response = _refusal(service, came, refused)
    except Exception as error:  # noqa: BLE001 - nothing of it may reach the caller
        service.kit.listen("turn_broke", {"request_id": came.id, "error": type(error).__name__})
        response = _refusal(service, came, Refused(Refusal.DEFECT))
    response.headers["x-request-id"] = came.id
    service.kit.measures.request(came.route, response.status_code)
    return response


async def _taken(service: Service, came: _Came) -> Response:
    with service.live.held() as table:
        bound = table.routes.get(came.request.url.path)
        if bound is None:
            raise Refused(Refusal.NO_SUCH_ROUTE)
        came.route = bound.route.name
        if service.readiness.draining:
            raise Refused(Refusal.DRAINING)
        ends = _ends(bound, came)
        body = await received(came.request, ends)
        proof = bound.verifier.check(came.request.headers, body, _unix(service))
        event = read(bound.route.channel, body)
        service.gate.enter()
        try:
            service.taken.take(bound.route.name, proof)
            return _reply(200, await _answered(service, bound, event, came, ends))
        finally:
            service.gate.leave()


def _ends(bound: Bound, came: _Came) -> float:
    deadline = bound.route.deadline_ms / 1000
    return came.began + deadline - min(LARGEST_MARGIN, MARGIN * deadline)


def _unix(service: Service) -> float:
    return datetime.fromisoformat(service.kit.clock.now()).timestamp()


async def _answered(service: Service, bound: Bound, event: Event, came: _Came, ends: float) -> Mapping[str, Any]:
    if event.confidence is not None and event.confidence > bound.route.threshold:
        return above_threshold(event)
    try:
        async with service.gate.turn(ends):
            turn = await take(bound, event, service.kit, came.id, ends)
    except Declined as declined:
        turn = Turn(bound, came.id, reason=declined.reason, model=bound.callees[0].model)
    if turn.reason is None and turn.first_token_ms is not None:
        service.readiness.heard(bound)
    said = answer(turn, event)
    _tell(service, turn, asyncio.get_running_loop().time() - came.began)
    return said


def _tell(service: Service, turn: Turn, seconds: float) -> None:
    measures, route = service.kit.measures, turn.bound.route
    measures.turn(turn.bound, turn.reason, seconds)
    if turn.reason is not Reason.OVERLOADED:
        measures.first_token(turn.bound, turn.first_token_ms)
    outcome = turn.reason.value if turn.reason else "ok"
    service.kit.listen(
        "turn_finished",
        {
            "route": route.name,
            "channel": route.channel.value,
            "request_id": turn.request_id,
            "outcome": outcome,
            "duration_ms": round(seconds * 1000, 1),
        },
    )


def _refusal(service: Service, came: _Came, refused: Refused) -> Response:
    service.kit.measures.refused(refused.refusal.value)
    about = {"route": came.route, "request_id": came.id, "outcome": refused.refusal.value}
    service.kit.listen("call_refused", about)
    body = {"error": refused.refusal.value, "request_id": came.id, "fields": list(refused.fields)}
    response = _reply(STATUSES[refused.refusal], body)
    if response.status_code == STATUSES[Refusal.OVERLOADED]:
        response.headers["retry-after"] = str(refused.retry)
    if refused.refusal in {Refusal.DRAINING, Refusal.BODY_TOO_LARGE, Refusal.BODY_LATE}:
        response.headers["connection"] = "close"
    return response


async def _plain(_request: Request, error: Exception) -> Response:
    """Other methods and paths, answered like every other refusal."""
    status, headers = getattr(error, "status_code", 500), getattr(error, "headers", None)
    refusal = next((code for code, known in STATUSES.items() if known == status), Refusal.DEFECT)
    response = _reply(status, {"error": refusal.value, "request_id": uuid.uuid4().hex, "fields": []})
    response.headers.update(headers or {})
    return response


def _reply(status: int, body: Mapping[str, Any]) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(content, status, media_type="application/json")
