"""Connections of a server of ours: how many, how large a head may be, and how long each part of a request may take.

::

    phase   what is awaited                          no longer than    then
    fresh   the first byte of a first request        fresh_seconds     closed
    head    the rest of a request's head             head_seconds      408, closed
    body    the rest of its body                     body_seconds      408 unless there is an answer, closed
    work    the application's answer                 the application's own deadline
    idle    the next request                         idle_seconds      closed
    any     that an answer is taken by the caller    answer_seconds    broken off

Where all places are taken, the connection that has been kept waiting longest for a request gives its place to a new
one; those that have had an answer already come last. So whoever sends a whole request is heard, however many half
ones there are. Where every place is at work, a new connection is told so (503) and closed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

SWEEP_SECONDS = 0.25
LINGER_SECONDS = 2.0
"""How long what is still sent after a refusal is read and thrown away: a connection closed over it would lose the
refusal."""

ACCEPTED_AT_ONCE = 32
"""Connections that the event loop may take in one round."""

ACCEPTED_UNSEEN = 4 * ACCEPTED_AT_ONCE
"""Files that connections may hold beyond those that have a place: the loop takes a connection in one round, gives it a
transport in the next, shows it to us in the third, and closes whoever had to go in the fourth, and takes more in each.
"""


class Ended(StrEnum):
    """Why a connection was ended by us, or left by its caller before its answer: a closed list."""

    MALFORMED = "malformed-request"
    HEAD_TOO_LARGE = "head-too-large"
    HEAD_LATE = "head-late"
    BODY_LATE = "body-late"
    SILENT = "silent"
    IDLE = "idle"
    CROWDED_OUT = "crowded-out"
    NO_PLACE = "no-place"
    ANSWER_NOT_TAKEN = "answer-not-taken"
    HUNG_UP = "hung-up"


class Phase(Enum):
    """What a connection waits for; see the table above."""

    FRESH = "fresh"
    HEAD = "head"
    BODY = "body"
    WORK = "work"
    IDLE = "idle"
    REFUSED = "refused"


_REFUSALS: dict[Ended, tuple[int, str]] = {
    Ended.MALFORMED: (400, "malformed-request"),
    Ended.HEAD_TOO_LARGE: (431, "head-too-large"),
    Ended.HEAD_LATE: (408, "head-late"),
    Ended.BODY_LATE: (408, "body-late"),
    Ended.NO_PLACE: (503, "overloaded"),
}
"""What is said before a connection is closed: status, and the code in the body."""

_LATE = {Phase.FRESH: Ended.SILENT, Phase.IDLE: Ended.IDLE, Phase.HEAD: Ended.HEAD_LATE, Phase.BODY: Ended.BODY_LATE}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one server. Sizes in bytes; a head is the request line and all fields, trailers too."""

    connections: int = 1024
    head_bytes: int = 32 * 1024
    head_fields: int = 128
    pipelined: int = 16
    fresh_seconds: float = 10.0
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    idle_seconds: float = 75.0
    answer_seconds: float = 10.0

    def seconds(self, phase: Phase) -> float | None:
        """How long a phase may last; None for as long as the application takes."""
        return {
            Phase.FRESH: self.fresh_seconds,
            Phase.HEAD: self.head_seconds,
            Phase.BODY: self.body_seconds,
            Phase.IDLE: self.idle_seconds,
            Phase.REFUSED: LINGER_SECONDS,
        }.get(phase)


Told = Callable[[Ended], None]

_LOGGER = logging.getLogger("reconciler.door")
_LOGGER.setLevel(logging.ERROR)  # uvicorn warns of each malformed request, and anybody can send a million of them


class Door:
    """All connections of one server. `told` hears of each that is ended, and why."""

    def __init__(self, bounds: Bounds, told: Told = lambda _: None) -> None:
        self.bounds = bounds
        self._told = told
        self._all: set[GuardedProtocol] = set()
        self._waiting: dict[GuardedProtocol, None] = {}
        self._kept: dict[GuardedProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    async def watch(self) -> None:
        """End what takes too long, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = asyncio.get_running_loop().time()
            for connection in list(self._all):
                connection.look(now)

    def entered(self, connection: GuardedProtocol) -> None:
        """A connection was made; another may lose its place to it."""
        if len(self._all) >= self.bounds.connections:
            longest = next(iter(self._waiting), None) or next(iter(self._kept), None)
            if longest is None:
                connection.refuse(Ended.NO_PLACE)
                return
            longest.end(Ended.CROWDED_OUT)
        self._all.add(connection)
        connection.moved()

    def placed(self, connection: GuardedProtocol) -> None:
        """It waits for something else than before: to the end of its line."""
        self._waiting.pop(connection, None)
        self._kept.pop(connection, None)
        if connection not in self._all:
            return
        if connection.phase is Phase.IDLE:
            self._kept[connection] = None
        elif connection.phase is not Phase.WORK:
            self._waiting[connection] = None

    def left(self, connection: GuardedProtocol) -> None:
        """It is no more, or no longer ours to look after."""
        self._all.discard(connection)
        self._waiting.pop(connection, None)
        self._kept.pop(connection, None)

    def tell(self, why: Ended) -> None:
        """Pass on why a connection ends."""
        self._told(why)


class _Refusing(Exception):
    """Raised out of a callback of the parser, which stops there."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, behind a door. Give it to uvicorn as ``partial(GuardedProtocol, door)``."""

    def __init__(
        self,
        door: Door,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _LOGGER
        self._door = door
        self._why = Ended.MALFORMED
        self._told = False
        self._part = Phase.FRESH
        self._unread = 0
        self._head = 0
        self._fields = 0
        self._stuck: float | None = None
        self._since = 0.0
        self.phase = Phase.FRESH

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A place, or a refusal."""
        super().connection_made(transport)
        self._door.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The place is free; a caller who goes before the answer is counted, which is no mistake of ours."""
        cycle = self._newest()
        if cycle is not None and not cycle.response_complete:
            self._tell(Ended.HUNG_UP)
        self._door.left(self)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """From here on it is another protocol's."""
        self._door.left(self)
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Bytes that belong to no piece of a body yet are held by the parser, so they are counted."""
        if self._is_refused():
            return
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self._door.bounds.head_bytes and not self._is_refused():
            self.refuse(Ended.HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if len(self.pipeline) >= self._door.bounds.pipelined:
            raise _Refusing
        super().on_message_begin()
        self._part, self._head, self._fields = Phase.HEAD, 0, 0
        self.moved()

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._count(len(url), 0)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or of the trailers."""
        self._count(len(name) + len(value) + 4, 1)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application begins."""
        super().on_headers_complete()
        self._part, self._unread = Phase.BODY, 0
        self.moved()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, which the application bounds."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._part, self._unread = Phase.IDLE, 0
        self.moved()

    def on_response_complete(self) -> None:
        """The answer is written; the next request may have come meanwhile."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # one clock is enough, and this one cannot be stopped by a single byte
        self.moved()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - our own words, as for all other refusals
        """What cannot be parsed, or must not be parsed further."""
        self.refuse(self._why)

    def moved(self) -> None:
        """See what is awaited now, from now."""
        self.phase = self._seen()
        self._since = self.loop.time()
        self._door.placed(self)

    def look(self, now: float) -> None:
        """End it if this phase, or an answer that is not taken, has lasted too long."""
        bounds = self._door.bounds
        if self.phase is not Phase.REFUSED and self.transport.get_write_buffer_size():
            self._stuck = now if self._stuck is None else self._stuck
            if now - self._stuck > bounds.answer_seconds:
                self._tell(Ended.ANSWER_NOT_TAKEN)
                self.transport.abort()
            return
        self._stuck = None
        most = bounds.seconds(self.phase)
        if most is None or now - self._since <= most:
            return
        if self.phase is Phase.REFUSED:
            self.transport.abort()
        else:
            self.end(_LATE[self.phase])

    def end(self, why: Ended) -> None:
        """Close it, with a word where a request was begun and no answer has."""
        cycle = self._newest()
        heard = cycle is not None and cycle.response_started
        if why in _REFUSALS and (self._part is Phase.HEAD or not heard):
            self.refuse(why)
            return
        self._tell(why)
        self._door.left(self)
        self.transport.abort()

    def refuse(self, why: Ended) -> None:
        """Say why, once; what still comes is thrown away for a moment, and then it is closed."""
        self._tell(why)
        cycle = self._newest()
        answering = cycle is not None and cycle.response_started and not cycle.response_complete
        if not answering and not self.transport.is_closing():
            self.transport.write(_refusal(*_REFUSALS[why]))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        self.phase, self._since = Phase.REFUSED, self.loop.time()
        self._door.placed(self)
        if why is Ended.NO_PLACE or not self.transport.can_write_eof():
            self.transport.close()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()

    def _seen(self) -> Phase:
        if self._is_refused():
            return Phase.REFUSED
        cycle = self._newest()
        if self.pipeline or (cycle is not None and not cycle.response_complete and not cycle.more_body):
            return Phase.WORK
        if self._part is Phase.IDLE and cycle is None:
            return Phase.FRESH
        return self._part

    def _newest(self) -> RequestResponseCycle | None:
        """The request that came last, None before the first: uvicorn's own type does not say so."""
        return self.cycle

    def _is_refused(self) -> bool:
        return self.phase is Phase.REFUSED

    def _count(self, size: int, fields: int) -> None:
        self._head += size
        self._fields += fields
        bounds = self._door.bounds
        if self._head > bounds.head_bytes or self._fields > bounds.head_fields:
            self._why = Ended.HEAD_TOO_LARGE
            raise _Refusing

    def _tell(self, why: Ended) -> None:
        """Once: a connection that is ended for one reason is lost afterwards, which is no other."""
        if not self._told:
            self._told = True
            self._door.tell(why)


def _refusal(status: int, code: str) -> bytes:
    """A whole answer in the form of all refusals."""
    body = json.dumps({"error": code, "request_id": uuid.uuid4().hex, "fields": []}, separators=(",", ":"))
    more = "retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n{more}\r\n{body}"
    ).encode()
