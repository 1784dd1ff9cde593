"""Calls over real sockets to servers that behave badly."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reconciler.engine import SystemClock
from reconciler.errors import Defect, GatewayError, ServerFault, Unauthorized, Unreachable
from reconciler.model.secret import SecretValue
from reconciler.testing.fakes import RecordingProgress
from reconciler.transport import BearerCredential, OAuthCredential, Target, connect

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CANARY = "canary-Zm9vYmFy=="


def ask(serve: Serve, *, total: float = 5.0, scheme: str = "http", path: str = "/things", **target: Any) -> Any:
    """One GET to a server that does as `serve` does."""

    async def main() -> Any:
        served: set[asyncio.Task[None]] = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            served.add(task)
            try:
                await serve(reader, writer)
            finally:
                writer.close()
                with contextlib.suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        base = f"{scheme}://127.0.0.1:{port}"
        if "client_secret" in target:
            secret = target.pop("client_secret")
            target["credential"] = OAuthCredential(base + "/token", SecretValue("id"), secret)
        client = connect(Target("prod", base, total_timeout=total, **target), SystemClock(), RecordingProgress())
        try:
            return await client.request("GET", path)
        finally:
            await client.close()
            server.close()
            await asyncio.gather(*served, return_exceptions=True)

    return asyncio.run(main())


async def _answer(writer: asyncio.StreamWriter, status: str, body: bytes) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()
    writer.close()


def test_an_answer_that_trickles_in_ends_with_the_deadline() -> None:
    """A gateway that sends a byte now and then resets every read's own clock, and would hold a run for ever."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass

    with pytest.raises(ServerFault):
        ask(trickle, total=0.4)


def test_a_server_that_hangs_up_in_the_middle_is_a_fault_of_its_own() -> None:
    """Half an answer must never be taken for a whole one."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"items": [')
        await writer.drain()
        writer.close()

    with pytest.raises(ServerFault):
        ask(hang_up, total=1.0)


def test_plain_text_where_tls_was_expected_is_unreachable_and_not_a_traceback() -> None:
    """A wrong scheme or a proxy's page in the way is the most common mistake in a new manifest."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        await _answer(writer, "400 Bad Request", b"plain HTTP here")

    with pytest.raises(Unreachable):
        ask(plain, total=1.0, scheme="https")


def test_garbage_instead_of_http_is_translated() -> None:
    """Whatever listens on that port, people get one sentence."""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n")
        await writer.drain()
        writer.close()

    with pytest.raises(GatewayError):
        ask(garbage, total=1.0)


def test_a_gateway_that_echoes_the_credential_is_not_quoted() -> None:
    """Debug pages repeat the request's headers, and an error message ends in a public log."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await _answer(writer, "422 X", b'{"error": {"message": "no such key: ' + CANARY.encode() + b'"}}')

    with pytest.raises(GatewayError) as caught:
        ask(echo, credential=BearerCredential(SecretValue(CANARY)))
    assert CANARY not in str(caught.value)
    assert "no such key" in str(caught.value)


def test_a_token_endpoint_that_echoes_the_secret_is_not_quoted() -> None:
    """Identity providers like to say which secret they refused."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await _answer(writer, "401 X", b'{"error": "bad", "error_description": "wrong: ' + CANARY.encode() + b'"}')

    with pytest.raises(Unauthorized) as caught:
        ask(echo, client_secret=SecretValue(CANARY))
    assert CANARY not in str(caught.value)


def test_a_path_cannot_become_another_host() -> None:
    """``https://host`` and ``@evil.example`` joined are a request to evil.example, with our token."""

    async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        raise AssertionError("asked")

    with pytest.raises(Defect):
        ask(never, path="@evil.example/things")


def test_an_untrusted_certificate_is_unreachable() -> None:
    """A certificate that nobody vouches for ends the conversation before a credential is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    async def main() -> None:
        server = await asyncio.start_server(_drop, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        client = connect(Target("prod", f"https://127.0.0.1:{port}", total_timeout=1.0), SystemClock(), print_nothing)
        try:
            with pytest.raises(Unreachable):
                await client.request("GET", "/")
        finally:
            await client.close()
            server.close()

    asyncio.run(main())


async def _drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def print_nothing(event: str, fields: object) -> None:
    """Nobody watches."""
