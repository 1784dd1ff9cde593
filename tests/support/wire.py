"""A gateway that only listens: it records what arrives, word by word, and answers from a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

SHOWN = ("authorization", "x-api-key", "accept", "content-type", "if-match", "if-none-match")


@dataclass
class Wire:
    """What arrived, each request as text; `answers` are taken in order: status, headers, body."""

    url: str
    answers: list[tuple[int, dict[str, str], Any]]
    requests: list[str] = field(default_factory=list)


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes] | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return first, headers, body


@asynccontextmanager
async def listening(answers: Sequence[tuple[int, dict[str, str], Any]]) -> AsyncIterator[Wire]:
    """Serve on a loopback socket until the block ends."""
    wire = Wire("", list(answers))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (got := await _request(reader)) is not None:
                wire.requests.append(_shown(*got))
                status, headers, body = wire.answers.pop(0)
                content = b"" if body is None else json.dumps(body).encode()
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, IndexError):
            return  # the client has gone, the test is over, or nothing more was scripted
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    wire.url = f"http://{host}:{port}"
    async with server:
        yield wire


def _shown(first: str, headers: dict[str, str], body: bytes) -> str:
    lines = [first.removesuffix(" HTTP/1.1"), *(f"{name}: {headers[name]}" for name in SHOWN if name in headers)]
    if body and headers.get("content-type") == "application/json":
        lines.append(json.dumps(json.loads(body), indent=2, ensure_ascii=False))
    elif body:
        lines.append(body.decode())
    return "\n".join(lines)
