"""One connection after another answer: what is read as what, and when a connection is used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from raw_server import head, linked, raw

from reconciler.errors import GatewayError
from reconciler.transport import Client

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\n{}"


def asked(answers: list[bytes], ask: Callable[[Client], Awaitable[Any]], *, closes: bool = False) -> tuple[Any, int]:
    """What `ask` gives of a server that answers so, one answer for each request; and how many connections came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answers:
            await head(reader)
            writer.write(answers.pop(0))
            await writer.drain()
            if closes:
                return
        await reader.read()

    async def main() -> tuple[Any, int]:
        async with raw(serve) as server, linked(server.url, total_timeout=2.0) as client:
            return await ask(client), server.came

    return asyncio.run(main())


async def once(client: Client) -> Any:
    return (await client.request("POST", "/x", body={})).body


async def twice(client: Client) -> Any:
    return [await once(client), await once(client)]


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;name=value\r\n}\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + WHOLE,
    ],
    ids=["length", "chunks", "trailers", "continue", "early hints"],
)
def test_a_whole_answer_leaves_its_connection_for_the_next(answer: bytes) -> None:
    """A handshake for each call is what makes a plan of a thousand endpoints slow."""
    assert asked([answer, answer], twice) == ([{}, {}], 1)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        WHOLE + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    ],
    ids=["told to close", "more than was asked for"],
)
def test_what_cannot_be_trusted_is_not_used_again(answer: bytes) -> None:
    """An answer that nobody asked for would be taken for that to the next question: another customer's."""
    assert asked([answer, WHOLE], twice) == ([{}, {}], 2)


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    """Old servers and proxies mark the end so."""
    assert asked([OK + b"\r\n{}"], once, closes=True) == ({}, 1)


def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    """A write that leaves on a dead connection is in doubt, and needs somebody to look."""

    async def later(client: Client) -> Any:
        first = await once(client)
        await asyncio.sleep(0.05)
        return [first, await once(client)]

    assert asked([WHOLE, WHOLE], later, closes=True) == ([{}, {}], 2)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 50\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        OK + b"X: " + b"y" * 200_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"y" * 200_000,
        b"no http at all\r\n\r\n",
        b"",
    ],
    ids=["cut", "cut chunks", "two lengths", "twice", "another protocol", "head", "chunk", "garbage", "nothing"],
)
def test_what_is_no_whole_answer_is_an_error_and_no_short_one(answer: bytes) -> None:
    """Half a list of endpoints would be a plan to make the other half anew."""
    with pytest.raises(GatewayError):
        asked([answer], once, closes=True)
