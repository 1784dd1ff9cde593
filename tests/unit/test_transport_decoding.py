"""Answers in codings: over real sockets, from servers that put a gigabyte into two kilobytes."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import itertools
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from raw_server import head, linked, raw

from reconciler.errors import GatewayError, IncompleteStream, ProtocolError, TimedOut, Unauthorized
from reconciler.model.secret import SecretValue
from reconciler.transport import Client, OAuthCredential, Patience

CAP = 1 << 20
HUGE = 64 << 20


def packed(size: int, times: int) -> bytes:
    """That many zeros, in gzip in gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)), packer.flush()])
    for _ in range(times - 1):
        data = gzip.compress(data)
    return data


BOMB = packed(HUGE, 2)


def deflated(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return packer.compress(data) + packer.flush()


def asked(
    coding: str,
    body: bytes,
    ask: Callable[[Client], Any],
    *,
    status: str = "200 OK",
    kind: str = "application/json",
    credential: bool = False,
    **target: Any,
) -> Any:
    """What `ask` gets from a server that gives everybody this answer; and how much memory it took."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await head(reader)
            fields = f"Content-Type: {kind}\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(f"HTTP/1.1 {status}\r\n{fields}".encode() + body)
            await writer.drain()

    async def main() -> Any:
        async with raw(serve) as server:
            if credential:
                pair = (SecretValue("id"), SecretValue("secret-of-a-client"))
                target["credential"] = OAuthCredential(server.url + "/token", *pair)
            async with linked(server.url, **{"size_cap": CAP, "total_timeout": 60, **target}) as client:
                return await ask(client)

    tracemalloc.start()
    try:
        return asyncio.run(main())
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 << 20


async def get(client: Client) -> Any:
    return (await client.request("GET", "/things")).body


async def stream(client: Client) -> Any:
    async with client.stream("/talk", body={}, patience=Patience(60, 60, 60)) as answer:
        return b"".join([piece async for piece in answer])


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,x-gzip", "GZIP , identity, gzip"])
@pytest.mark.parametrize("ask", [get, stream])
def test_the_cap_holds_after_every_decoding(coding: str, ask: Callable[[Client], Any]) -> None:
    """Two kilobytes from a gateway, or from whoever stands before it, must not take a run's memory."""
    with pytest.raises(ProtocolError, match=f"over {CAP} bytes"):
        asked(coding, BOMB, ask, kind="text/event-stream")


@pytest.mark.parametrize("inner", [-15, 15, 31])
def test_the_cap_holds_between_two_codings(inner: int) -> None:
    """What the outer coding gives is held nowhere as a whole, and counted as well."""
    coding = "gzip, gzip" if inner == 31 else "deflate, gzip"
    body = gzip.compress(deflated(bytes(HUGE), inner))
    with pytest.raises(ProtocolError, match=f"over {CAP} bytes"):
        asked(coding, body, get)


def test_the_token_endpoint_is_bounded_too() -> None:
    """It is asked before anything else, and by every command."""
    with pytest.raises(ProtocolError, match=f"over {CAP} bytes"):
        asked("gzip, gzip", BOMB, get, credential=True)


@pytest.mark.parametrize("status", ["401 Unauthorized", "500 Oops", "429 Slow", "302 There"])
def test_a_refusal_that_cannot_be_decoded_is_still_that_refusal(status: str) -> None:
    """What to do next stands in the status, whatever comes with it."""
    for ask in (get, stream):
        with pytest.raises(GatewayError) as caught:
            asked("gzip, gzip", BOMB, ask, status=status, total_timeout=0.5)
        assert f"answered {status[:3]}" in str(caught.value)
        assert isinstance(caught.value, Unauthorized) == status.startswith("401")


def test_the_deadline_holds_while_an_answer_is_decoded() -> None:
    """Whoever waits for five seconds has not agreed to an hour of unpacking."""
    body = packed(256 << 20, 2)  # no machine unpacks that in time

    async def whole(client: Client) -> Any:
        async with client.stream("/talk", body={}, patience=Patience(60, 60, 0.05)) as answer:
            return sum([len(piece) async for piece in answer])

    with pytest.raises(GatewayError, match="timed out"):
        asked("gzip, gzip", body, get, total_timeout=0.05, size_cap=1 << 40)
    with pytest.raises(TimedOut):
        asked("gzip, gzip", body, whole, kind="text/event-stream", size_cap=1 << 40)


@pytest.mark.parametrize(
    ("extension", "first", "error"),
    [
        ("Sec-WebSocket-Extensions: permessage-deflate\r\n", b"", ProtocolError),
        ("", b"\xc1\x05\x01\x02\x03\x04\x05", IncompleteStream),
    ],
    ids=["in the handshake", "in a frame"],
)
def test_a_conversation_is_never_compressed(extension: str, first: bytes, error: type[GatewayError]) -> None:
    """We offer no compression: a server that compresses all the same is refused before anything is unpacked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = (await head(reader))["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324 - the protocol's
        fields = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{extension}\r\n"
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{fields}".encode() + first)
        await reader.read(1)

    async def main() -> None:
        async with raw(serve) as server, linked(server.url) as client:
            with pytest.raises(error):
                async with client.converse("/talk", patience=Patience(60, 60, 60)) as talk:
                    assert not [text async for text in talk]

    asyncio.run(main())


GOOD = {"a": ["text"] * 2000}
TEXT = json.dumps(GOOD).encode()
HALVES = gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-GZIP", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", deflated(TEXT, -15)),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
        ("identity", TEXT),
        ("", TEXT),
        ("gzip", HALVES),
    ],
    ids=itertools.count(),
)
def test_what_gateways_send_is_read(coding: str, body: bytes) -> None:
    """The bounds are for the bad ones."""
    assert asked(coding, body, get) == GOOD


@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("br", b"\x1b\x00", "not asked for"),
        ("zstd", b"\x28\xb5\x2f\xfd", "not asked for"),
        ("compress", b"\x1f\x9d", "not asked for"),
        ("gzip, gzip, gzip", BOMB, "more than 2 times"),
        ("gzip", gzip.compress(TEXT)[:-9], "ends too soon"),
        ("deflate", zlib.compress(TEXT)[:-5], "ends too soon"),
        ("gzip", TEXT, "is broken"),
        ("gzip", gzip.compress(TEXT) + b"more", "is broken"),
        ("deflate", zlib.compress(TEXT) + b"more", "something follows"),
    ],
    ids=itertools.count(),
)
def test_a_coding_that_is_none_of_ours_or_broken_is_said(coding: str, body: bytes, why: str) -> None:
    """Half an answer is no answer, and what decodes must not depend on what else is installed."""
    with pytest.raises(ProtocolError, match=why):
        asked(coding, body, get)
