"""Connections of requests that were cancelled: none of them may stand in the way of the next request."""

from __future__ import annotations

import asyncio

from raw_server import head, linked, raw


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await head(reader)
        await asyncio.sleep(0.03)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()


def test_requests_cancelled_at_any_moment_leave_no_connection_that_blocks() -> None:
    """A connection that counts a cancelled request for ever would let the next one wait until its deadline."""

    async def main() -> None:
        async with raw(_answer) as server, linked(server.url, concurrency=200, total_timeout=5.0) as client:

            async def one(seconds: float) -> None:
                try:
                    async with asyncio.timeout(seconds):
                        await client.request("GET", "/x")
                except TimeoutError:
                    return

            for turn in range(4):
                await asyncio.gather(*(one(0.028 + 0.0001 * (n + turn)) for n in range(150)))
            async with asyncio.timeout(4):
                await asyncio.gather(*(client.request("GET", "/x") for _ in range(150)))

    asyncio.run(main())
