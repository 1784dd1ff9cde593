"""A WebSocket conversation, with the credential and the clocks of a stream.

The handshake is an HTTP request: its refusal is translated like any other. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Coroutine, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as _connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)

from reconciler.errors import GatewayError
from reconciler.transport import translate
from reconciler.transport.stream import ERROR_CAP, THROTTLED, UNAUTHORIZED, Link, Sending, admitted
from reconciler.transport.waiting import resumed

PING_SECONDS = 20.0
PONG_SECONDS = 10.0
CLOSE_SECONDS = 0.5
MESSAGE_CAP = 1 << 20
AT_ONCE = 64
"""Frames that are given on at once at most: between two batches others have their turn."""

TOO_BIG = 1009
_SCHEMES: Mapping[str, str] = {"http": "ws", "https": "wss"}


class _Unredirected(_connect):
    """Where a redirect leads, no credential of ours has business."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Fail with the refusal itself."""
        return exc


class Conversation:
    """Send documents, iterate over the texts that come until the other side closes well."""

    def __init__(self, sending: Sending, connection: ClientConnection, size_cap: int) -> None:
        self._sending = sending
        self._connection = connection
        self._size_cap = size_cap
        self._size = 0
        self._begun: Coroutine[Any, Any, bytes] | None = None
        self._running: Generator[Any, Any, bytes] | None = None

    async def send(self, document: Any) -> None:
        """Send one JSON text frame. Raises GatewayError."""
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        try:
            async with self._sending.countdown.first():
                await self._connection.send(text)
        except ConnectionClosed as error:
            raise _closed(self._sending, error) from error

    async def __aiter__(self) -> AsyncIterator[str]:
        async for texts in self.batches():
            for text in texts:
                yield text

    async def batches(self) -> AsyncIterator[Sequence[str]]:
        """The same, as many at once as are there at once."""
        while True:
            try:
                first = await self._sending.countdown.piece(self._begun or self._connection.recv(decode=False))
            except ConnectionClosedOK:
                return
            except ConnectionClosed as error:
                raise _closed(self._sending, error) from error
            finally:
                self._begun = None
            found = [self._text(first)]
            while len(found) < AT_ONCE and (data := self._there()) is not None:
                found.append(self._text(data))
            yield found

    def _there(self) -> bytes | None:
        """The next frame if it is there; None where it has to be waited for, which has then begun."""
        running = self._connection.recv(decode=False).__await__()
        try:
            waited = next(running)
        except StopIteration as done:
            return bytes(done.value)
        except ConnectionClosed:
            return None  # the next time says so again
        self._begun = _rest(waited, running)
        self._running = running
        return None

    def leave(self) -> None:
        """Nothing is waited for any more."""
        if self._begun is not None:
            self._begun.close()
        if self._running is not None:
            self._running.close()

    def _text(self, data: bytes) -> str:
        self._size += len(data)
        if self._size > self._size_cap:
            raise translate.garbled(self._sending.call, f"the stream is over {self._size_cap} bytes")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise translate.garbled(self._sending.call, "a frame is not UTF-8") from error


async def _rest(waited: object, running: Generator[Any, Any, bytes]) -> bytes:
    return await resumed(waited, running)


def _closed(sending: Sending, error: ConnectionClosed) -> GatewayError:
    if error.sent is not None and error.sent.code == TOO_BIG:
        return translate.garbled(sending.call, f"a frame is over {MESSAGE_CAP} bytes")
    return translate.cut(sending.call, error)


@asynccontextmanager
async def conversing(link: Link, sending: Sending) -> AsyncIterator[Conversation]:
    """Connect, and give the conversation to whoever leads it."""
    async with AsyncExitStack() as held:
        held.callback(sending.countdown.close)
        connection = await _accepted(link, sending, held)
        link.throttle.succeeded({})
        talk = Conversation(sending, connection, link.size_cap)
        held.callback(talk.leave)
        try:
            yield talk
        except (Exception, asyncio.CancelledError):
            connection.transport.abort()  # no time for good manners: a deadline may have passed
            raise
        finally:
            await connection.close()


async def _accepted(link: Link, sending: Sending, held: AsyncExitStack) -> ClientConnection:
    """A connection, after one renewal of the token at most; its place is given back by `held`."""
    for renewals_left in (1, 0):
        granted = await admitted(link, sending, held)
        try:
            async with sending.countdown.first():
                return await _connected(sending, granted)
        except InvalidStatus as error:
            refusal = error
        if refusal.response.status_code != UNAUTHORIZED or not renewals_left or not link.authorizer.refused(granted):
            break
        await held.aclose()
    raise _refused(link, sending, refusal) from refusal


def _refused(link: Link, sending: Sending, refusal: InvalidStatus) -> GatewayError:
    response = refusal.response
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    if response.status_code == THROTTLED:
        link.throttle.throttled({})  # as in `stream`
    return translate.error_of(sending.call, response.status_code, headers, bytes(response.body or b"")[:ERROR_CAP])


async def _connected(sending: Sending, granted: Mapping[str, str]) -> ClientConnection:
    url = socket_url(sending.url)
    try:
        return await _Unredirected(
            url,
            additional_headers={**sending.headers, **granted},
            user_agent_header=None,
            ssl=_context(url),
            proxy=None,
            compression=None,
            open_timeout=None,  # the countdown's business
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MESSAGE_CAP,
        )
    except InvalidStatus:
        raise
    except InvalidHandshake as error:
        raise translate.garbled(sending.call, f"no WebSocket handshake ({type(error).__name__})") from error
    except (OSError, EOFError) as error:
        raise translate.unreachable(sending.call, error) from error
    except WebSocketException as error:
        raise translate.garbled(sending.call, type(error).__name__) from error


def _context(url: str) -> ssl.SSLContext | None:
    return httpx.create_ssl_context() if url.startswith("wss:") else None


def socket_url(url: str) -> str:
    """The same address for a WebSocket: another scheme, and nothing else of the text is touched."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=_SCHEMES.get(parts.scheme, parts.scheme)))
