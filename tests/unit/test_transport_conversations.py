"""WebSocket conversations over real sockets, with servers of the `websockets` library and without."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from raw_server import head, linked, raw
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from reconciler.errors import (
    Forbidden,
    GatewayError,
    IncompleteStream,
    ProtocolError,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from reconciler.model.secret import SecretValue
from reconciler.transport import BearerCredential, OAuthCredential, Patience
from reconciler.transport.conversation import socket_url

Talk = Callable[[ServerConnection], Awaitable[None]]
CALM = Patience(2, 2, 2)
CANARY = "canary-Zm9vYmFy=="


@asynccontextmanager
async def speaking(talk: Talk, **options: Any) -> AsyncIterator[str]:
    async def guarded(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await talk(connection)

    async with serve(guarded, "127.0.0.1", 0, **options) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def hear(talk: Talk, *, patience: Patience = CALM, options: Any = None, **target: Any) -> list[str]:
    """Everything that is said to one document."""

    async def main() -> list[str]:
        async with (
            speaking(talk, **(options or {})) as url,
            linked(url, **target) as client,
            client.converse("/ws", patience=patience) as conversation,
        ):
            await conversation.send({"q": "é"})
            return [text async for text in conversation]

    return asyncio.run(main())


def test_a_conversation_says_what_it_is_told_and_hears_until_a_good_end() -> None:
    """Document in, texts out, the credential in the handshake's own header."""
    seen: list[Any] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers["authorization"], await connection.recv()))
        await connection.send("one")
        await connection.send(["tw", "o"])

    assert hear(talk, credential=BearerCredential(SecretValue("k-1"))) == ["one", "two"]
    assert seen == [("/ws", "Bearer k-1", '{"q":"é"}')]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://http-gw.example.com/http/x", "wss://http-gw.example.com/http/x"),
        ("http://127.0.0.1:8/v1?a=http://b", "ws://127.0.0.1:8/v1?a=http://b"),
    ],
)
def test_only_the_scheme_of_an_address_changes(url: str, expected: str) -> None:
    """Replacing `http` wherever it stands leads to a host that somebody else may own."""
    assert socket_url(url) == expected


async def _mute(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.wait_closed()


async def _one_word(connection: ServerConnection) -> None:
    await connection.send("x")
    await connection.wait_closed()


async def _endless(connection: ServerConnection) -> None:
    while True:
        await connection.send("x")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("talk", "patience", "said"),
    [
        (_mute, Patience(0.15, 5, 5), "the first byte did not come within"),
        (_one_word, Patience(5, 0.15, 5), "the next piece of the stream did not come within"),
        (_endless, Patience(5, 5, 0.2), "the whole answer did not come within"),
    ],
)
def test_each_clock_ends_a_conversation(talk: Talk, patience: Patience, said: str) -> None:
    """Thirty seconds for each frame is no bound for an answer."""
    with pytest.raises(TimedOut, match=said):
        hear(talk, patience=patience)


def test_a_handshake_that_is_never_answered_ends_with_the_clock() -> None:
    """A server that accepts connections and says nothing is the commonest kind of down."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await head(reader)
        await reader.read()

    async def main() -> None:
        soon = Patience(0.15, 1, 1)
        async with raw(silent) as server, linked(server.url) as client, client.converse("/", patience=soon):
            pass

    with pytest.raises(TimedOut):
        asyncio.run(main())


def test_a_server_that_hangs_after_the_handshake_costs_no_more_than_the_clock() -> None:
    """Closing politely means to wait for an answer, and from this one none will come."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key = (await head(reader))["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324 - RFC 6455
        upgrade = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        await asyncio.sleep(5)

    async def main() -> tuple[list[str], float]:
        began = asyncio.get_running_loop().time()
        soon = Patience(0.1, 0.1, 0.1)
        async with raw(hang) as server, linked(server.url) as client:
            try:
                async with client.converse("/", patience=soon) as conversation:
                    await conversation.send({})
                    return [text async for text in conversation], 0.0
            except TimedOut:
                return [], asyncio.get_running_loop().time() - began

    heard, seconds = asyncio.run(main())
    assert not heard
    assert 0.1 <= seconds < 0.45


def test_a_broken_connection_is_not_a_good_end() -> None:
    """Without a close frame nobody knows what was still to come."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send("x")
        await asyncio.sleep(0.05)
        connection.transport.abort()

    with pytest.raises(IncompleteStream) as caught:
        hear(talk)
    assert not caught.value.clean


def test_a_close_with_an_error_is_not_a_good_end() -> None:
    """1011 says that the server failed, 1012 that it restarts."""

    async def talk(connection: ServerConnection) -> None:
        await connection.send("x")
        await connection.close(1011)

    with pytest.raises(IncompleteStream):
        hear(talk)


def refusal(status: int, body: str = "", **headers: str) -> dict[str, Any]:
    def process(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(http.HTTPStatus(status), body)
        response.headers.update(headers)
        return response

    return {"process_request": process}


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, Forbidden), (429, Throttled)])
def test_a_refused_handshake_is_translated_and_quotes_no_secret(status: int, error: type[GatewayError]) -> None:
    """A handshake is an HTTP request, and its refusals mean what they mean everywhere."""
    body = '{"error": {"message": "no: ' + CANARY + '"}}'
    with pytest.raises(error) as caught:
        hear(_mute, options=refusal(status, body), credential=BearerCredential(SecretValue(CANARY)))
    assert "no: " in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_throttled_handshake_says_for_how_long() -> None:
    """The pause that was asked for beats one that we make up."""
    with pytest.raises(Throttled) as caught:
        hear(_mute, options=refusal(429, "{}", **{"Retry-After": "7"}))
    assert caught.value.retry_after == 7


def test_a_handshake_is_not_redirected() -> None:
    """The library would follow, and take headers of ours along."""
    came: list[str] = []

    async def elsewhere(connection: ServerConnection) -> None:
        came.append(connection.id.hex)

    async def main() -> None:
        async with speaking(elsewhere) as other:
            away = refusal(307, "", Location=other.replace("http", "ws"))
            async with speaking(_mute, **away) as url, linked(url) as client, client.converse("/"):
                pass

    with pytest.raises(ProtocolError, match="redirects are not followed"):
        asyncio.run(main())
    assert not came


def test_a_server_that_speaks_no_websocket_is_named_as_such() -> None:
    """OpenAI's own servers answer chat completions over HTTP only; a wrong setting must be understood."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def main() -> None:
        async with raw(plain) as server, linked(server.url) as client, client.converse("/"):
            pass

    with pytest.raises(GatewayError):
        asyncio.run(main())


def test_nobody_there_is_unreachable() -> None:
    """The question certainly did not arrive."""

    async def main() -> None:
        async with linked("http://127.0.0.1:1") as client, client.converse("/"):
            pass

    with pytest.raises(Unreachable):
        asyncio.run(main())


def test_frames_and_conversations_are_capped() -> None:
    """One frame of a gigabyte, or a million small ones, must not fill the memory."""

    async def huge(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("x" * (1 << 21))

    with pytest.raises(ProtocolError, match="a frame is over"):
        hear(huge)
    with pytest.raises(ProtocolError, match="the stream is over 5 bytes"):
        hear(_endless, size_cap=5)


def test_bytes_that_are_no_text_are_refused() -> None:
    """The dialects speak JSON texts; a binary frame that is none must not end in a stack trace."""

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(b"\xff\xfe")

    with pytest.raises(ProtocolError, match="not UTF-8"):
        hear(talk)


def test_a_refused_token_is_renewed_once_for_a_handshake_too() -> None:
    """Tokens end between two turns, and a socket is opened with one as a call is."""
    granted: list[str] = []

    async def grant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await head(reader)
            granted.append(f"t{len(granted) + 1}")
            body = json.dumps({"access_token": granted[-1], "expires_in": 600})
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    def only(token: str) -> dict[str, Any]:
        def process(connection: ServerConnection, request: Request) -> Response | None:
            fits = request.headers["authorization"] == f"Bearer {token}"
            return None if fits else connection.respond(http.HTTPStatus.UNAUTHORIZED, "{}")

        return {"process_request": process}

    async def main(token: str) -> None:
        granted.clear()
        async with raw(grant) as tokens, speaking(_one_word, **only(token)) as url:
            credential = OAuthCredential(tokens.url + "/token", SecretValue("id"), SecretValue("secret"))
            async with (
                linked(url, credential=credential, concurrency=1) as client,
                client.converse("/") as conversation,
            ):
                async for text in conversation:
                    assert text == "x"
                    break

    asyncio.run(main("t2"))
    assert granted == ["t1", "t2"]
    with pytest.raises(Unauthorized):
        asyncio.run(main("t9"))


def test_a_server_that_asks_whether_we_are_there_is_answered() -> None:
    """Gateways ping while a model thinks, and close connections of clients that do not answer."""

    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        await (await connection.ping())
        await connection.send("pong came")

    assert hear(talk) == ["pong came"]


def test_leaving_in_the_middle_closes_the_connection() -> None:
    """A caller who has heard enough must not keep a model talking."""

    async def main() -> None:
        closed = asyncio.Event()

        async def talk(connection: ServerConnection) -> None:
            try:
                await _endless(connection)
            finally:
                closed.set()

        async with speaking(talk) as url, linked(url, concurrency=1) as client:
            for _ in range(2):
                closed.clear()
                async with client.converse("/") as conversation:
                    async for _text in conversation:
                        break
                async with asyncio.timeout(2):
                    await closed.wait()

    asyncio.run(main())


def test_what_is_sent_to_a_closed_connection_is_an_incomplete_stream() -> None:
    """The server may hang up between the handshake and the question."""

    async def hang_up(connection: ServerConnection) -> None:
        connection.transport.abort()

    async def main() -> None:
        async with speaking(hang_up) as url, linked(url) as client, client.converse("/") as conversation:
            await asyncio.sleep(0.05)
            await conversation.send({})

    with pytest.raises(IncompleteStream):
        asyncio.run(main())
