"""A network that loses answers and a gateway that repeats what it refuses, in front of a real one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx

READS = frozenset({"GET", "HEAD"})


async def _whole(answer: httpx.Response) -> httpx.Response:
    """The same answer, read to its end, whose bytes are still as the gateway sent them."""
    try:
        sent = b"".join([part async for part in answer.aiter_raw()])
    finally:
        await answer.aclose()
    return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(sent))


@dataclass
class Tampering(httpx.AsyncBaseTransport):
    """Passes requests on, counts writes, and misbehaves once when told to.

    `dies_at` is the number of the write, from 0, at which everything ends once: before it or after it.
    `deciding` is a pattern for the path of the write whose answer is lost; empty: any.
    """

    deciding: str = ""
    inner: httpx.AsyncHTTPTransport = field(default_factory=httpx.AsyncHTTPTransport)
    written: int = 0
    sent: list[str] = field(default_factory=list)
    loses: str | None = None
    refuses: str | None = None
    dies_at: tuple[int, str] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request to its end."""
        reads, path = request.method in READS, request.url.path
        if not reads:
            self.sent.append(f"{request.method} {path}")
        if not reads and self.refuses is not None and re.search(self.refuses, path):
            self.refuses = None
            return httpx.Response(400, json={"message": f"cannot take {request.content.decode()}"}, request=request)
        dies = self._dies(request)
        if dies == "before":
            raise httpx.ReadError("the run ended here", request=request)
        response = await _whole(await self.inner.handle_async_request(request))
        self.written += not reads
        if not reads and self.loses is not None and re.search(self.loses, path):
            self.loses = None
            raise httpx.ReadError("the answer was lost", request=request)
        if dies == "after":
            raise httpx.ReadError("the run ended here", request=request)
        return response

    def _dies(self, request: httpx.Request) -> str:
        if self.dies_at is None or request.method in READS or self.written != self.dies_at[0]:
            return ""
        word, self.dies_at = self.dies_at[1], None
        return word

    async def aclose(self) -> None:
        """Give back the connections."""
        await self.inner.aclose()

    async def lose_answer(self) -> None:
        """The next write is carried out, and its answer is lost."""
        self.loses = self.deciding

    async def refuse_echoing(self) -> None:
        """The next write is refused with a message that repeats it."""
        self.refuses = ""
