"""What strangers do to the router's socket before they have sent one whole request, and who is heard meanwhile."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from router_bench import CXONE, RouterBench, cxone_event, hex_of, manifests, prepared, routing
from router_process import both, memory_kb, router, standing

from reconciler.transport.door import Bounds

HALF = b"POST /webhook/cxone HTTP/1.1\r\nHost: x\r\n"
QUICK = Bounds(fresh_seconds=0.3, head_seconds=0.3, body_seconds=0.3, idle_seconds=0.3, answer_seconds=0.3)
Talk = Callable[[RouterBench], Awaitable[Any]]


def with_router(root: Path, talk: Talk, **how: Any) -> None:
    async def main() -> None:
        async with routing(root / "checkout", **how) as bench:
            await talk(bench)

    asyncio.run(main())


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(url: str, *pieces: bytes) -> bytes:
    """All that is answered to these bytes, until the other side closes."""
    async with connected(url) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
        return await rest(reader)


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What still comes; a connection that is broken off has said what it has said."""
    found = bytearray()
    try:
        while data := await reader.read(65536):
            found += data
    except ConnectionError:
        pass
    return bytes(found)


async def counted(bench: RouterBench, line: str) -> None:
    """Wait until the figures say so."""
    while line not in await bench.metrics():  # noqa: ASYNC110 - seen from outside only
        await asyncio.sleep(0.01)


async def flooded(url: str, beginning: bytes, piece: bytes, times: int) -> tuple[bytes, int]:
    """Send a piece again and again for as long as it is taken; what was answered, and how much went out."""
    sent = 0
    async with connected(url) as (reader, writer):
        hearing = asyncio.ensure_future(rest(reader))
        try:
            writer.write(beginning)
            while sent < times * len(piece) and not hearing.done():
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        return await hearing, sent


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def code(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["error"])


FLOODS = {
    "one header": (HALF + b"X: ", b"a" * 65536),
    "many headers": (HALF, b"X-Name: value\r\n" * 4096),
    "a target": (b"GET /", b"a" * 65536),
    "a name": (HALF, b"a" * 65536),
    "folded": (HALF + b"X: a\r\n", b" a\r\n" * 16384),
    "trailers": (
        HALF + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ",
        b"a" * 65536,
    ),
    "a chunk's extension": (HALF + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOODS)
def test_headers_without_end_are_refused_and_take_no_memory(tmp_path: Path, name: str) -> None:
    """Nobody has been asked who they are yet: 200 MB from a stranger must be refused after a few thousand bytes."""
    beginning, piece = FLOODS[name]

    async def main() -> None:
        async with both(tmp_path) as it:
            await it.turn()
            before = memory_kb(it.router.process.pid)
            answer, sent = await flooded(it.router.url, beginning, piece, 200_000_000 // len(piece))
            assert sent < 100_000_000
            if answer:  # one whose sender does not stop is broken off in the end
                assert status(answer) in {400, 431}
            assert memory_kb(it.router.process.pid) - before < 20_000
            assert (await it.client.get("/healthz")).status_code == 200
            assert (await it.turn()).status_code == 200
            _, err = await it.router.stop()
            assert "Traceback" not in err

    asyncio.run(main())


@pytest.mark.parametrize(
    ("pieces", "expected", "word"),
    [
        ([HALF, b"X: " + b"a" * 40_000 + b"\r\n\r\n"], 431, "head-too-large"),
        ([HALF, b"X: y\r\n" * 200 + b"\r\n"], 431, "head-too-large"),
        ([b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"], 431, "head-too-large"),
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 400, "malformed-request"),
        ([b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"], 400, "malformed-request"),
        ([b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"], 400, "malformed-request"),
        ([HALF, b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"], 400, "malformed-request"),
        ([HALF, b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"], 400, "malformed-request"),
        ([HALF, b"Content-Length: -5\r\n\r\n"], 400, "malformed-request"),
        ([HALF, b"Content-Length: 99999999999999999999999\r\n\r\n"], 400, "malformed-request"),
        ([HALF, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], 400, "malformed-request"),
        ([b"GET / HTTP/9.9\r\n\r\n"], 400, "malformed-request"),
        ([b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n"], 400, "malformed-request"),
    ],
)
def test_what_is_no_request_is_refused_in_our_own_words(
    tmp_path: Path, pieces: Sequence[bytes], expected: int, word: str
) -> None:
    """A refusal has one form whoever says it, it is counted, and no line of a log is spent on a stranger's bytes."""

    async def talk(bench: RouterBench) -> None:
        answer = await said(bench.router.url, *pieces)
        assert (status(answer), code(answer)) == (expected, word)
        assert f'connections_ended_total{{reason="{word}"}} 1.0' in await bench.metrics()
        assert not bench.told.named("turn_broke")

    with_router(tmp_path, talk)


@pytest.mark.parametrize(
    ("pieces", "expected", "reason"),
    [
        ([b""], b"", "silent"),
        ([b"\r\n"], b"", "silent"),
        ([HALF], b"head-late", "head-late"),
        ([b"G"], b"head-late", "head-late"),
        ([b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"], b"no-such-route", "body-late"),
        (
            [b"POST /readyz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"],
            b"no-such",
            "body-late",
        ),
        ([b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], b"alive", "idle"),
        ([b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nG"], b"head-late", "head-late"),
    ],
)
def test_no_part_of_a_request_may_take_for_ever(
    tmp_path: Path, pieces: Sequence[bytes], expected: bytes, reason: str
) -> None:
    """Each half request holds a place, and whoever sends a byte an hour holds it for ever."""

    async def talk(bench: RouterBench) -> None:
        answer = await said(bench.router.url, *pieces)
        assert expected in answer if expected else not answer
        assert f'reason="{reason}"}} 1.0' in await bench.metrics()

    with_router(tmp_path, talk, bounds=QUICK)


def test_bytes_that_trickle_do_not_buy_time(tmp_path: Path) -> None:
    """The clock is that of the whole head, not that from one byte to the next."""

    async def talk(bench: RouterBench) -> None:
        async with connected(bench.router.url) as (reader, writer):
            hearing = asyncio.ensure_future(rest(reader))
            writer.write(HALF)
            while not hearing.done():
                writer.write(b"X")
                await asyncio.sleep(0.02)
            assert code(await hearing) == "head-late"

    with_router(tmp_path, talk, bounds=QUICK)


def test_an_answer_that_nobody_takes_is_given_up(tmp_path: Path) -> None:
    """Whoever asks and never reads would otherwise keep what was written for them."""

    async def talk(bench: RouterBench) -> None:
        async with connected(bench.router.url) as (_, writer):
            ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            while 'reason="answer-not-taken"} 1.0' not in await bench.metrics():
                if writer.transport.get_write_buffer_size() < 1_000_000:
                    writer.write(ask * 10)
                await asyncio.sleep(0)

    with_router(tmp_path, talk, bounds=replace(QUICK, pipelined=1_000_000))


def test_requests_sent_ahead_are_bounded(tmp_path: Path) -> None:
    """A packet holds ten thousand of them, each of which would be remembered until its turn comes."""

    async def talk(bench: RouterBench) -> None:
        ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        few = await said(bench.router.url, ask * 8 + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert few.count(b"200 OK") == 9
        many = await said(bench.router.url, ask * 5000)
        assert b"malformed-request" in many
        assert (await bench.client.get("/healthz")).status_code == 200

    with_router(tmp_path, talk)


def test_half_open_connections_give_their_places_to_whole_requests(tmp_path: Path) -> None:
    """However many strangers begin and do not go on, callers are answered, and whoever asks whether we are alive."""

    async def talk(bench: RouterBench) -> None:
        async with AsyncExitStack() as held:
            for number in range(600):
                _, writer = await held.enter_async_context(connected(bench.router.url))
                writer.write((b"", HALF, HALF + b"Content-Length: 9\r\n\r\n{")[number % 3])
            async with httpx.AsyncClient(base_url=bench.router.url) as fresh:
                assert (await fresh.get("/healthz")).status_code == 200
                body = cxone_event()
                answer = await fresh.post(CXONE, content=body, headers={"X-Webhook-Signature": hex_of(body)})
                assert answer.json()["source"] == "llm_gateway"
                assert "crowded-out" in (await fresh.get("/metrics")).text

    with_router(tmp_path, talk, bounds=Bounds(connections=1), most=4, line=4)


@pytest.mark.slow
def test_a_router_with_few_files_takes_on_less_and_stays_up(tmp_path: Path) -> None:
    """Under a limit of 256 open files, 300 half-open connections are nothing that a caller notices."""
    root = standing(tmp_path)

    async def main() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        ours = await router(root, open_files=256)
        assert (soft, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            async with AsyncExitStack() as held, httpx.AsyncClient(base_url=ours.url, timeout=5) as client:
                assert (await client.get("/healthz")).status_code == 200
                for _ in range(300):
                    _, writer = await held.enter_async_context(connected(ours.url))
                    writer.write(HALF)
                assert (await client.get("/healthz")).status_code == 200
                async with httpx.AsyncClient(base_url=ours.url, timeout=5) as fresh:
                    assert (await fresh.get("/healthz")).status_code == 200
        finally:
            _, err = await ours.stop()
        assert "limits_lowered" in err
        assert "out of system resource" not in err
        assert "Traceback" not in err

    asyncio.run(main())


LEAVING = {
    "in its head": HALF,
    "in its body": HALF + b"Content-Length: 100\r\n\r\n{",
    "in a chunk": HALF + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
}


@pytest.mark.parametrize("name", LEAVING)
def test_a_caller_who_hangs_up_is_no_defect(tmp_path: Path, name: str) -> None:
    """People close their browsers and bots are restarted: that is counted, and nobody is woken for it."""

    async def talk(bench: RouterBench) -> None:
        for _ in range(3):
            async with connected(bench.router.url) as (_, writer):
                writer.write(LEAVING[name])
                await asyncio.sleep(0.05)
        if name != "in its head":
            await counted(bench, 'connections_ended_total{reason="hung-up"} 3.0')
            await counted(bench, 'refused_total{code="caller-gone"} 3.0')
        assert not bench.told.named("turn_broke")
        assert "defect" not in bench.logged + await bench.metrics()

    with_router(tmp_path, talk)


def test_a_caller_who_hangs_up_during_a_turn_is_no_defect(tmp_path: Path) -> None:
    """The turn goes to its end, as the model was asked already; the answer is nobody's."""

    async def talk(bench: RouterBench) -> None:
        await bench.faults({"match": {"method": "POST", "path": "/v1/chat/completions"}, "do": {"delay_ms": 300}})
        body = cxone_event()
        async with connected(bench.router.url) as (_, writer):
            head = f"Content-Length: {len(body)}\r\nX-Webhook-Signature: {hex_of(body)}\r\n\r\n".encode()
            writer.write(HALF + head + body)
            await counted(bench, 'place="running"} 1.0')
        await counted(bench, 'turns_total{channel="cxone",route="cxone-bot",source="model"} 1.0')
        assert 'connections_ended_total{reason="hung-up"} 1.0' in await bench.metrics()
        assert not bench.told.named("turn_broke")
        assert "defect" not in bench.logged + await bench.metrics()

    with_router(tmp_path, talk)


def test_an_embedded_gateway_is_not_taken_down_either(tmp_path: Path) -> None:
    """It stands in demonstrations and tests, where one bad client must not end the others' work."""
    prepared(tmp_path / "other")

    async def talk(bench: RouterBench) -> None:
        answer, _ = await flooded(bench.gateway, HALF + b"X: ", b"a" * 65536, 100)
        assert not answer or status(answer) == 431
        assert (await bench.cxone()).json()["source"] == "llm_gateway"

    with_router(tmp_path, talk, text=manifests("URL"))
