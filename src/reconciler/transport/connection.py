"""One connection of HTTP/1.1 to a gateway: a request, its answer, and then the next one.

What arrives in one read of the socket is given on in one piece, whatever the number of chunks that it holds: an answer
that is streamed word by word costs what its reads cost, not its words.

::

    an answer's bytes                            what it is
    a head that goes on over `HEAD_CAP` bytes    a fault of the protocol; so are chunks without data, and trailers
    1xx                                          passed over: the answer comes behind it
    no length and no chunks                      whole when the other side closes
    cut before its end                           a fault of the protocol, never a short answer
    more behind its end                          the connection is not used again
    nobody reads them                            no more than `BUFFERED` bytes wait here
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import select
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import httptools
import httpx

HEAD_CAP = 100 * 1024
BUFFERED = 256 * 1024
PIECE = 64 * 1024
"""Bytes that are given on at once."""

NEXT_ADDRESS_SECONDS = 0.25
_UNFIT = re.compile(rb"[\r\n\0]")
_BODILESS = frozenset({204, 304})
_INFORMATIONAL = 200

GivenBack: TypeAlias = "Callable[[Connection], None]"
"""Told once, when an answer is not read any more."""


class Connection(asyncio.Protocol):
    """Made by `opened`. One request at a time, which is the business of whoever holds it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost = False
        self._idle = True
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._status = 0
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._unread = 0
        self._has_head = False
        self._whole = False
        self._until_close = False
        self._kept = False
        self._paused = False
        self._error: httpx.TransportError | None = None

    @property
    def is_fit(self) -> bool:
        """Whether another request may be sent: the last answer is whole, and the other side is silent and there."""
        if self._lost or not self._idle or self._transport is None or self._transport.is_closing():
            return False
        waiting = select.poll()
        waiting.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not waiting.poll(0)

    async def send(self, request: httpx.Request, given_back: GivenBack) -> httpx.Response:
        """Send, and give the answer once its head is there. Raises httpx.TransportError, and is closed then."""
        data = _written(request)
        assert self._transport is not None  # noqa: S101 - it is connected
        self._idle = False
        self._begin()
        try:
            self._transport.write(data)
            if self._writable is not None:
                await self._writable
            while not self._has_head:
                await self._more()
        except BaseException:
            self.abort()
            raise
        return httpx.Response(self._status, headers=self._headers, stream=_Body(self, given_back), request=request)

    async def read(self) -> bytes:
        """What has come of the body since the last time, at least a byte; nothing at its end. Raises likewise."""
        while not self._pieces:
            if self._whole:
                return b""
            await self._more()
        data = self._taken()
        if self._paused and not self._pieces and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def _taken(self) -> bytes:
        """All that waits, or its beginning where that is much: whoever decodes it does so piece by piece."""
        if self._size > PIECE:
            data = self._pieces.popleft()
        else:
            data = b"".join(self._pieces)
            self._pieces.clear()
        self._size -= len(data)
        return data

    def finish(self) -> bool:
        """The answer is not read further; whether the connection may serve another one. Otherwise it is closed."""
        self._pieces.clear()
        self._idle = self._whole and self._kept and not self._lost
        if not self._idle:
            self.abort()
        return self._idle

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        """Wait until something has happened."""
        if self._error is not None:
            raise self._error
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        self._error = self._error or error
        self._wake()
        self.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes; those that belong to no piece of a body are held by the parser, so they are counted."""
        if self._idle or self._whole:
            self._kept = False
            self.abort()
            return
        self._unread += len(data)
        try:
            for at in range(0, len(data), PIECE):
                self._parser.feed_data(data[at : at + PIECE])
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("the other side changes the protocol"))
        except httptools.HttpParserError as error:
            if not self._whole:  # behind the end of an answer that closes its connection, nothing is an answer
                self._fail(httpx.RemoteProtocolError(str(error)))
            self._kept = False
        if self._unread > HEAD_CAP and not self._whole:
            self._fail(httpx.RemoteProtocolError("a head without end"))
        self._wake()

    def eof_received(self) -> None:
        """The other side says no more."""
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._lost = True
        self._ended(exc)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def pause_writing(self) -> None:
        """More is written than is taken."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It is taken."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _ended(self, exc: Exception | None) -> None:
        self._kept = False
        if self._whole or self._error is not None:
            return
        if exc is not None:
            self._error = httpx.ReadError(type(exc).__name__)
        elif self._has_head and self._until_close:
            self._whole = True
        elif self._has_head:
            self._error = httpx.RemoteProtocolError("the other side closed before the end of its answer")
        else:
            self._error = httpx.RemoteProtocolError("the other side closed without an answer")
        self._wake()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins; behind a whole one it is one that nobody asked for, and nothing of it is taken."""
        self._kept = self._kept and not self._whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; those of trailers are of no use."""
        if not self._has_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._whole:
            return
        self._status = self._parser.get_status_code()
        if self._status < _INFORMATIONAL:
            return
        self._has_head, self._unread = True, 0
        self._kept = self._parser.should_keep_alive()
        names = {name.lower() for name, _ in self._headers}
        self._until_close = self._status not in _BODILESS and not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._whole:
            return
        self._unread = 0
        self._pieces.append(body)
        self._size += len(body)
        if self._size > BUFFERED and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was only one before the answer."""
        if self._whole:
            return
        if self._status < _INFORMATIONAL:
            self._headers, self._unread = [], 0
            return
        self._whole = True


class _Body(httpx.AsyncByteStream):
    """An answer's body."""

    def __init__(self, connection: Connection, given_back: GivenBack) -> None:
        self._connection = connection
        self._given_back = given_back
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self._connection.read():
            yield data

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._given_back(self._connection)


async def opened(request: httpx.Request, context: ssl.SSLContext | None) -> Connection:
    """A connection to where a request goes. Raises httpx.ConnectError, ConnectTimeout."""
    url = request.url
    secured = url.scheme == "https"
    seconds = request.extensions.get("timeout", {}).get("connect")
    try:
        async with asyncio.timeout(seconds):
            _, connection = await asyncio.get_running_loop().create_connection(
                Connection,
                url.host,
                url.port or (443 if secured else 80),
                ssl=context if secured else None,
                happy_eyeballs_delay=None if _is_address(url.host) else NEXT_ADDRESS_SECONDS,
            )
    except TimeoutError as error:
        raise httpx.ConnectTimeout("no connection in time") from error
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(str(error)) from error
    return connection


def _is_address(host: str) -> bool:
    """Whether there is one address only: where there are several, one that nobody answers at must not be waited for."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _written(request: httpx.Request) -> bytes:
    """A request as it is sent. Raises httpx.LocalProtocolError for what no head can carry."""
    head = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        head.append(b"%b: %b" % (name, value))
    if any(_UNFIT.search(line) for line in head):
        raise httpx.LocalProtocolError("a line break in a head")
    return b"\r\n".join((*head, b"", request.content))  # the empty one ends the head
