"""An answer that is read while it comes.

What `client.py` does for calls holds here too: one authorizer, one throttle, one translation of errors,
no redirects, a size cap. The difference: nothing is repeated here except once after a 401, and the
clocks are three (`patience.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from reconciler.errors import GatewayError
from reconciler.transport import translate
from reconciler.transport.auth import Authorizer
from reconciler.transport.decoding import Undecodable, decoded
from reconciler.transport.patience import Countdown
from reconciler.transport.throttle import Throttle
from reconciler.transport.translate import Call

ERROR_CAP = 64 * 1024
"""Bytes that are read of a refusal."""

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
UNAUTHORIZED = 401
THROTTLED = 429


@dataclass(frozen=True, slots=True)
class Link:
    """What a client's streams share with its calls."""

    transport: httpx.AsyncBaseTransport
    authorizer: Authorizer
    throttle: Throttle
    size_cap: int
    connect_timeout: float


@dataclass(frozen=True, slots=True)
class Sending:
    """One request that is ready but for its credential. `also` are types of an answer besides the one asked for."""

    call: Call
    url: str
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    countdown: Countdown = field(repr=False)
    also: tuple[str, ...] = ()


class Stream:
    """An answer under way: iterate once over its bytes. Header names are in lower case, as `media_type` is."""

    def __init__(self, sending: Sending, response: httpx.Response, size_cap: int) -> None:
        self.headers: Mapping[str, str] = response.headers
        self.media_type = _media_type(response)
        self.request_id = translate.request_id_of(response.headers)
        self._sending = sending
        self._response = response
        self._size_cap = size_cap

    async def __aiter__(self) -> AsyncIterator[bytes]:
        call, countdown = self._sending.call, self._sending.countdown
        chunks = decoded(self._response, self._size_cap)
        while True:
            try:
                chunk = await countdown.piece(anext(chunks, None))
            except httpx.HTTPError as error:
                raise translate.cut(call, error) from error
            except Undecodable as error:
                raise translate.garbled(call, str(error)) from error
            if chunk is None:
                return
            yield chunk


@asynccontextmanager
async def streaming(link: Link, sending: Sending) -> AsyncIterator[Stream]:
    """Send, and give the answer to whoever reads it; it holds its place among the gateway's calls all the while."""
    async with AsyncExitStack() as held:
        held.callback(sending.countdown.close)
        response = await _answered(link, sending, held)
        if not 200 <= response.status_code < 300:  # noqa: PLR2004 - HTTP
            raise await _refused(link, sending, response)
        link.throttle.succeeded(response.headers)
        _require_type(sending, response)
        yield Stream(sending, response, link.size_cap)


async def admitted(link: Link, sending: Sending, held: AsyncExitStack) -> Mapping[str, str]:
    """The credential's headers, and then a place: in this order, for to fetch a token takes a place as well."""
    async with sending.countdown.first():
        granted = await link.authorizer.headers()
        await held.enter_async_context(link.throttle)
    return granted


async def _answered(link: Link, sending: Sending, held: AsyncExitStack) -> httpx.Response:
    """An answer, after one renewal of the token at most; connection and place are given back by `held`."""
    for renewals_left in (1, 0):
        granted = await admitted(link, sending, held)
        response = await _sent(link, sending, granted)
        held.push_async_callback(response.aclose)
        if response.status_code != UNAUTHORIZED or not renewals_left or not link.authorizer.refused(granted):
            break
        await held.aclose()
    return response


async def _sent(link: Link, sending: Sending, granted: Mapping[str, str]) -> httpx.Response:
    call = sending.call
    left = sending.countdown.left()
    timeout = {"connect": min(left, link.connect_timeout), "read": None, "write": left, "pool": left}
    request = httpx.Request(
        call.method,
        sending.url,
        content=sending.content,
        headers={**sending.headers, **granted},
        extensions={"timeout": timeout},
    )
    try:
        async with sending.countdown.first():
            return await link.transport.handle_async_request(request)
    except NOT_SENT as error:
        raise translate.unreachable(call, error) from error
    except httpx.TransportError as error:
        raise translate.broken(call, error) from error
    except httpx.HTTPError as error:
        raise translate.garbled(call, type(error).__name__) from error


async def _refused(link: Link, sending: Sending, response: httpx.Response) -> GatewayError:
    received = await _bounded(link, sending, response)
    if response.status_code == THROTTLED:
        link.throttle.throttled({})  # one model's limit: fewer at once, but no pause for calls to the others
    return translate.error_of(sending.call, response.status_code, response.headers, received)


async def _bounded(link: Link, sending: Sending, response: httpx.Response) -> bytes:
    """The beginning of a refusal, and nothing of it where that does not come."""
    received = bytearray()
    try:
        async with sending.countdown.first():
            async for chunk in decoded(response, link.size_cap):
                received += chunk
                if len(received) > ERROR_CAP:
                    break
    except (httpx.HTTPError, Undecodable):
        return b""
    return bytes(received[:ERROR_CAP])


def _require_type(sending: Sending, response: httpx.Response) -> None:
    wanted, given = sending.headers["accept"], _media_type(response)
    if given != wanted and given not in sending.also:
        shown = given if given.isprintable() and given else "no content type"
        raise translate.garbled(
            sending.call, f"it answered with {shown[:60]} instead of {wanted}", response.status_code
        )


def _media_type(response: httpx.Response) -> str:
    """Without its parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
