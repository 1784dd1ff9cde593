"""How an answer is carried over a WebSocket: questions and frames as texts, one answer after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from reconciler.embedded.body import parse
from reconciler.embedded.faults import Deed
from reconciler.embedded.inference.http import FLUSH_SECONDS
from reconciler.embedded.inference.script import Asked, Cut, Said, Voice, said_to, spoken
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway


@dataclass(frozen=True, slots=True)
class SocketDialect:
    """`admit` looks at the handshake, `read` at each question; both raise Refused. `voice` speaks for a model."""

    admit: Callable[[Gateway, WebSocket], None]
    read: Callable[[Gateway, Any], Asked]
    voice: Callable[[str], Voice]


async def listen(gateway: Gateway, socket: WebSocket, dialect: SocketDialect) -> None:
    """One connection, from its handshake to its end."""
    deed = gateway.faults.deed("GET", socket.url.path)
    await asyncio.sleep(deed.delay_ms / 1000)
    if deed.drop is not None:
        socket.scope["extensions"]["reconciler.abort"]()
        return
    try:
        _admit(gateway, socket, dialect, deed)
    except Refused as refused:
        await socket.send_denial_response(reply(refused.status, refused.body, _headers(deed)))
        return
    await socket.accept()
    try:
        while await _answered(gateway, socket, dialect, await socket.receive_text()):
            pass
        await socket.close()
    except Cut:
        await asyncio.sleep(FLUSH_SECONDS)
        socket.scope["extensions"]["reconciler.abort"]()
    except (WebSocketDisconnect, KeyError):
        return  # the client has gone, or sent bytes where texts are spoken


def _admit(gateway: Gateway, socket: WebSocket, dialect: SocketDialect, deed: Deed) -> None:
    gateway.seen.append({"method": "GET", "path": socket.url.path, "if_match": None, "if_none_match": None})
    gateway.counts["GET"] += 1
    if deed.status is not None:
        raise Refused(deed.status, deed.code, "a fault was asked for")
    dialect.admit(gateway, socket)


def _headers(deed: Deed) -> dict[str, str]:
    return {} if deed.retry_after is None else {"retry-after": str(deed.retry_after)}


async def _answered(gateway: Gateway, socket: WebSocket, dialect: SocketDialect, question: str) -> bool:
    """Answer one question; False when the deed wants the connection to end well with it."""
    deed = gateway.faults.deed("WS", socket.url.path, question.encode())
    await asyncio.sleep(deed.delay_ms / 1000)
    try:
        said = _said(gateway, dialect, question, deed)
    except Refused as refused:
        await socket.send_text(dialect.voice("").trouble({**refused.body["error"], "code": refused.status}))
        return True
    async for frame in spoken(said, deed.speech, dialect.voice(said.model)):
        await socket.send_text(frame)
    return deed.speech.end_after is None


def _said(gateway: Gateway, dialect: SocketDialect, question: str, deed: Deed) -> Said:
    if deed.status is not None:
        raise Refused(deed.status, deed.code, "a fault was asked for")
    body = parse(question.encode())
    gateway.questions.append(body)
    return said_to(gateway, dialect.read(gateway, body), deed)
