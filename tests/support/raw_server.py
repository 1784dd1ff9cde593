"""A server made of one coroutine over a bare socket, for what no decent server would do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reconciler.engine import SystemClock
from reconciler.testing.fakes import RecordingProgress
from reconciler.transport import Client, Target, connect

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Raw:
    """Its base URL, how many connections came, and how many of them are still open."""

    url: str
    came: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def raw(serve: Serve) -> AsyncIterator[Raw]:
    """Serve each connection with `serve` until the block ends."""
    tasks: set[asyncio.Task[None]] = set()
    server_side = Raw("")

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server_side.came += 1
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            server_side.closed.set()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    server_side.url = "http://127.0.0.1:" + str(server.sockets[0].getsockname()[1])
    try:
        yield server_side
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def linked(url: str, **target: Any) -> AsyncIterator[Client]:
    """A client of ours before `url`, closed at the end."""
    client = connect(Target("prod", url, **target), SystemClock(), RecordingProgress())
    try:
        yield client
    finally:
        await client.close()


async def head(reader: asyncio.StreamReader) -> dict[str, str]:
    """Read one request to its end; its headers, and its first line under the empty name."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return {"": first, **headers}


def chunk(data: bytes) -> bytes:
    """One chunk of HTTP."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def pour(writer: asyncio.StreamWriter, data: bytes, seconds: float) -> None:
    """Send `data` again and again, `seconds` apart, until the other side goes."""
    while not writer.is_closing():
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(seconds)
    raise ConnectionResetError
