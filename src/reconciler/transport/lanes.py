"""One connection per lane. A pool looks at all its connections for every request; a lane has one to look at."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import httpx

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30)


class Lanes(httpx.AsyncBaseTransport):
    """Hands each request to the lane that was used last, so that few connections are opened.

    The throttle decides how many requests run at once; a lane is added when all are busy. One whose request was
    cancelled is thrown away: its pool may count that request for ever, and let no other one pass.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._free: list[httpx.AsyncHTTPTransport] = []
        self._dropped: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a free lane, which is free again once the answer is closed."""
        lane = self._free.pop() if self._free else self._added()
        try:
            response = await lane.handle_async_request(request)
        except Exception:
            self._free.append(lane)
            raise
        except BaseException:
            self._drop(lane)
            raise
        response.stream = _Returning(
            response.stream, give_back=lambda: self._free.append(lane), drop=lambda: self._drop(lane)
        )
        return response

    def _drop(self, lane: httpx.AsyncHTTPTransport) -> None:
        """Close it in a task of its own, for the one that used it is being cancelled."""
        self._all.remove(lane)
        task = asyncio.ensure_future(lane.aclose())
        self._dropped.add(task)
        task.add_done_callback(self._dropped.discard)

    def _added(self) -> httpx.AsyncHTTPTransport:
        lane = httpx.AsyncHTTPTransport(verify=self._context or False, limits=_ONE)
        self._all.append(lane)
        return lane

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*self._dropped)
        for lane in list(self._all):
            await lane.aclose()


class _Returning(httpx.AsyncByteStream):
    """An answer's body that gives its lane back when it is closed, unless it could not be closed in peace."""

    def __init__(self, stream: object, give_back: Callable[[], None], drop: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = give_back
        self._drop = drop

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - httpx's own asynchronous transport
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        assert isinstance(self._stream, httpx.AsyncByteStream)  # noqa: S101 - see above
        try:
            await self._stream.aclose()
        except BaseException:
            self._drop()
            raise
        self._give_back()
