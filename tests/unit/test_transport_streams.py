"""Streams over real sockets: three clocks, bounded errors, one credential, and connections that are given back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from raw_server import EVENTS, Raw, Serve, chunk, head, linked, pour, raw

from reconciler.errors import (
    Forbidden,
    GatewayError,
    IncompleteStream,
    ProtocolError,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from reconciler.model.secret import SecretValue
from reconciler.transport import BearerCredential, OAuthCredential, Patience

CANARY = "canary-Zm9vYmFy=="
SHORT = Patience(0.15, 0.15, 0.6)


def read(serve: Serve, *, patience: Patience = SHORT, **target: Any) -> bytes:
    """All bytes of one stream."""

    async def main() -> bytes:
        async with (
            raw(serve) as server,
            linked(server.url, **target) as client,
            client.stream("/v1/x", body={"q": "é"}, patience=patience) as answer,
        ):
            return b"".join([piece async for piece in answer])

    return asyncio.run(main())


def answering(data: bytes) -> Serve:
    """Reads one request, sends `data`, hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(data)
        await writer.drain()

    return serve


def refusing(status: int, body: bytes, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_stream_gives_its_bytes_as_they_come() -> None:
    """What is only given at the end is no stream."""

    async def main() -> list[bytes]:
        asked: dict[str, str] = {}
        go = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.update(await head(reader))
            writer.write(EVENTS + chunk(b"one"))
            await go.wait()
            writer.write(chunk(b"two") + chunk(b""))

        async with raw(serve) as server, linked(server.url, credential=BearerCredential(SecretValue("k-1"))) as client:
            pieces = []
            async with client.stream("/v1/x", body={}) as answer:
                async for piece in answer:
                    pieces.append(piece)
                    go.set()
        assert asked[""] == "POST /v1/x HTTP/1.1"
        assert asked["accept"] == "text/event-stream"
        assert asked["accept-encoding"] == "identity"
        assert asked["authorization"] == "Bearer k-1"
        return pieces

    assert asyncio.run(main()) == [b"one", b"two"]


async def _silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await head(reader)
    await reader.read()


async def _begun(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(EVENTS)
    await reader.read()


async def _stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(EVENTS + chunk(b"x"))
    await reader.read()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(EVENTS)
    await pour(writer, chunk(b"x"), 0.03)


@pytest.mark.parametrize(
    ("serve", "patience", "said"),
    [
        (_silent, Patience(0.15, 5, 5), "the first byte did not come within 0.15 s"),
        (_begun, Patience(0.15, 5, 5), "the first byte did not come within 0.15 s"),
        (_stuck, Patience(5, 0.15, 5), "the next piece of the stream did not come within 0.15 s"),
        (_endless, Patience(5, 5, 0.2), "the whole answer did not come within 0.2 s"),
        (_silent, Patience(5, 5, 0.15), "the whole answer did not come within 0.15 s"),
    ],
)
def test_each_clock_ends_a_stream_by_its_own_name(serve: Serve, patience: Patience, said: str) -> None:
    """A time-out per frame lets a stream run for ever, and one over all hides a model that never began."""
    with pytest.raises(TimedOut, match=said):
        read(serve, patience=patience)


def test_a_slow_reader_is_not_the_gateways_fault() -> None:
    """The idle clock runs while we wait for the gateway, not while it waits for us."""

    async def main() -> list[bytes]:
        pieces = []
        async with (
            raw(answering(EVENTS + chunk(b"x") + chunk(b"y") + chunk(b""))) as server,
            linked(server.url) as client,
            client.stream("/", body={}, patience=SHORT) as answer,
        ):
            async for piece in answer:
                pieces.append(piece)
                await asyncio.sleep(0.2)
        return pieces

    assert b"".join(asyncio.run(main())) == b"xy"


@pytest.mark.parametrize(
    "cut",
    [
        EVENTS + chunk(b"x"),
        EVENTS + b"5\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 50\r\n\r\nabc",
    ],
)
def test_a_connection_that_breaks_in_the_middle_is_an_incomplete_stream(cut: bytes) -> None:
    """Half an answer must never be taken for a whole one."""
    with pytest.raises(IncompleteStream) as caught:
        read(answering(cut))
    assert not caught.value.clean


def test_a_connection_that_breaks_before_the_answer_is_the_servers_fault() -> None:
    """Nothing was said yet, and whoever asked may ask again."""
    with pytest.raises(ServerFault):
        read(answering(b""))


def test_nobody_there_is_unreachable() -> None:
    """A question that certainly did not arrive is told from one whose answer was lost."""

    async def main() -> None:
        async with linked("http://127.0.0.1:1") as client, client.stream("/", body={}):
            pass

    with pytest.raises(Unreachable):
        asyncio.run(main())


@pytest.mark.parametrize("kind", [b"application/json", b"text/html; charset=utf-8"])
def test_another_content_type_is_named(kind: bytes) -> None:
    """A login page with status 200, or a whole JSON answer, would be read as a stream without events."""
    data = b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nContent-Length: 2\r\n\r\n{}"
    with pytest.raises(ProtocolError, match=f"answered with {kind.decode().partition(';')[0]} instead of"):
        read(answering(data))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(401, "", Unauthorized), (403, "", Forbidden), (429, "", Throttled), (503, "", ServerFault)],
)
def test_a_refusal_is_translated_like_that_of_any_call(status: int, code: str, error: type[GatewayError]) -> None:
    """One table for all calls: whoever reads messages learns it once."""
    body = json.dumps({"error": {"code": code, "message": f"no: {CANARY}"}}).encode()
    with pytest.raises(error) as caught:
        read(answering(refusing(status, body)), credential=BearerCredential(SecretValue(CANARY)))
    assert "no: " in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_pause_that_was_asked_for_is_kept_for_who_decides() -> None:
    """Falling back beats waiting, but only who knows the other models can say so."""
    with pytest.raises(Throttled) as caught:
        read(answering(refusing(429, b"{}", "Retry-After: 7\r\n")))
    assert caught.value.retry_after == 7


def test_a_throttled_model_does_not_hold_back_calls_to_others() -> None:
    """A pause for the whole gateway would make the fallback wait for the model that it stands in for."""

    async def main() -> None:
        answers = [refusing(429, b"{}", "Retry-After: 30\r\n"), EVENTS + chunk(b"x") + chunk(b"")]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await head(reader)
            writer.write(answers.pop(0))

        async with raw(serve) as server, linked(server.url) as client:
            with pytest.raises(Throttled):
                async with client.stream("/", body={}, patience=SHORT):
                    pass
            async with client.stream("/", body={}, patience=SHORT) as answer:
                assert [piece async for piece in answer] == [b"x"]

    asyncio.run(main())


def test_a_refusal_without_end_is_read_only_so_far() -> None:
    """An error page must not cost more than the answer would have."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        await pour(writer, chunk(b"x" * 8192), 0)

    with pytest.raises(ServerFault):
        read(serve, patience=Patience(5, 5, 5))


def test_a_refusal_that_never_comes_whole_ends_with_the_clock() -> None:
    """A status without its body is an answer that is late."""
    with pytest.raises(GatewayError):
        read(answering(b"HTTP/1.1 400 X\r\nContent-Length: 100\r\n\r\n{"))


def test_a_stream_over_the_size_cap_ends() -> None:
    """A model that runs wild must not fill the memory."""
    with pytest.raises(ProtocolError, match="over 1000 bytes"):
        read(answering(EVENTS + chunk(b"x" * 2000) + chunk(b"")), size_cap=1000)


def test_a_redirect_is_not_followed() -> None:
    """Where it leads, the credential has no business."""
    data = refusing(307, b"", "Location: http://127.0.0.1:1/elsewhere\r\n")
    with pytest.raises(ProtocolError, match="redirects are not followed"):
        read(answering(data), credential=BearerCredential(SecretValue(CANARY)))


def test_a_refused_token_is_renewed_once() -> None:
    """Tokens end between two questions, a second refusal is the last word, and no token waits for its own question."""

    async def main(refusals: int) -> tuple[bytes, list[str]]:
        seen: list[str] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                request = await head(reader)
                seen.append(request.get("authorization", "") or request[""])
                granted = sum("token" in line for line in seen)
                if "/token" in request[""]:
                    body = json.dumps({"access_token": f"t{granted}", "expires_in": 600}).encode()
                    writer.write(refusing(200, body))
                elif granted <= refusals:
                    writer.write(refusing(401, b"{}"))
                else:
                    writer.write(EVENTS + chunk(b"x") + chunk(b""))

        async with raw(serve) as server:
            credential = OAuthCredential(server.url + "/token", SecretValue("id"), SecretValue("secret"))
            async with (
                linked(server.url, credential=credential, concurrency=1) as client,
                client.stream("/", body={}, patience=Patience(2, 2, 2)) as answer,
            ):
                return b"".join([piece async for piece in answer]), seen

    got, seen = asyncio.run(main(1))
    assert got == b"x"
    assert seen == ["POST /token HTTP/1.1", "Bearer t1", "POST /token HTTP/1.1", "Bearer t2"]
    with pytest.raises(Unauthorized):
        asyncio.run(main(2))


async def _left(server: Raw) -> None:
    async with asyncio.timeout(2):
        await server.closed.wait()


def test_leaving_in_the_middle_closes_the_connection_and_gives_the_place_back() -> None:
    """A caller who has heard enough must not go on paying for tokens, or block the next question."""

    async def main() -> None:
        async with raw(_endless) as server, linked(server.url, concurrency=1) as client:
            for _ in range(2):
                server.closed.clear()
                async with client.stream("/", body={}) as answer:
                    async for _piece in answer:
                        break
                await _left(server)

    asyncio.run(main())


def test_a_cancelled_reader_closes_the_connection() -> None:
    """A bot turn that is given up must not leave its model talking."""

    async def main() -> None:
        async with raw(_endless) as server, linked(server.url) as client:

            async def reading() -> None:
                async with client.stream("/", body={}) as answer:
                    async for _piece in answer:
                        pass

            task = asyncio.create_task(reading())
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _left(server)

    asyncio.run(main())
