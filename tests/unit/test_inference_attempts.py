"""How often a question is sent, after which pause, and when an answer that is whole already is taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from inference_bench import PATIENT, question
from raw_server import EVENTS, Serve, chunk, head, pour, raw

from reconciler.errors import GatewayError, IncompleteStream, ProtocolError, ServerFault, Throttled, TimedOut
from reconciler.inference.attempt import Limits
from reconciler.inference.client import InferenceClient, Reply
from reconciler.inference.dialects import DIALECTS
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import Target, connect

BUSY = b"HTTP/1.1 429 X\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
DOWN = b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"
BAD = b"HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n"


def event(document: Any) -> bytes:
    return chunk(b"data: " + (document if isinstance(document, bytes) else json.dumps(document).encode()) + b"\n\n")


def said(text: str, reason: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]})


GOOD = EVENTS + said("fine", "stop") + event(b"[DONE]") + chunk(b"")


def put(serve: Serve, *models: str, limits: Limits = PATIENT) -> tuple[Reply | GatewayError, list[float]]:
    """The reply or the error, and the pauses between attempts on a clock that stands still."""

    async def main() -> tuple[Reply | GatewayError, list[float]]:
        clock = FakeClock()
        async with raw(serve) as server:
            link = connect(Target("prod", server.url), clock, RecordingProgress())
            try:
                client = InferenceClient(link, DIALECTS["openai"], clock, RecordingProgress())
                return await client.ask(question(), limits=limits, fallback_models=models), clock.slept
            except GatewayError as error:
                return error, clock.slept
            finally:
                await link.close()

    return asyncio.run(main())


def scripted(answers: Sequence[bytes]) -> Serve:
    """Answers requests in order, whatever connection they come on."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await head(reader)
            answer = left.pop(0)
            writer.write(answer)
            await writer.drain()
            if not answer.endswith((chunk(b""), b"Content-Length: 0\r\n\r\n")):
                return

    return serve


def test_a_server_fault_is_tried_three_times_with_a_pause_between_and_none_behind() -> None:
    """A pause after the last attempt would keep a customer waiting for nothing."""
    result, slept = put(scripted([DOWN] * 3))
    assert isinstance(result, ServerFault)
    assert len(slept) == 2
    assert 0 <= slept[0] <= 1
    assert 0 <= slept[1] <= 2


def test_the_gateways_word_on_the_pause_comes_first() -> None:
    """Three seconds were asked for, and no schedule of ours knows better."""
    result, slept = put(scripted([BUSY, BUSY, GOOD]))
    assert isinstance(result, Reply)
    assert (result.attempts, slept) == (3, [3.0, 3.0])


def test_no_pause_reaches_over_the_deadline() -> None:
    """Who would sleep past it may as well say at once that there is no answer."""
    result, slept = put(scripted([BUSY, GOOD]), limits=Limits(2, 2, 2))
    assert isinstance(result, Throttled)
    assert (result.retry_after, slept) == (3, [])


def test_the_next_model_is_asked_without_a_pause() -> None:
    """It is not busy, the first one is."""
    result, slept = put(scripted([BUSY, GOOD]), "second")
    assert isinstance(result, Reply)
    assert (result.model, result.attempts, slept) == ("second", 2, [0.0])


def test_a_refused_question_is_sent_once() -> None:
    """It would be refused as often as it is sent."""
    result, slept = put(scripted([BAD, GOOD]), "second")
    assert isinstance(result, GatewayError)
    assert (result.status, slept) == (400, [])


@pytest.mark.parametrize("tail", [b"", chunk(b": half"), chunk(b"data: {")])
def test_an_answer_that_is_whole_outlives_what_breaks_behind_it(tail: bytes) -> None:
    """After the finish reason nothing is missing but the usage, for which no answer is thrown away."""
    result, _ = put(scripted([EVENTS + said("fine") + said("", "stop") + tail]))
    assert isinstance(result, Reply)
    assert (result.text, result.usage) == ("fine", None)


def test_garbage_behind_a_whole_answer_is_still_garbage() -> None:
    """A frame that came and cannot be read is a fault of the gateway that somebody should hear of."""
    result, _ = put(scripted([EVENTS + said("fine", "stop") + event(b"oops") + chunk(b"")]))
    assert isinstance(result, ProtocolError)


def test_an_answer_that_breaks_off_keeps_what_had_come() -> None:
    """For whoever looks into it; nobody is answered with it."""
    result, slept = put(scripted([EVENTS + said("half a")]), "second")
    assert isinstance(result, IncompleteStream)
    assert (result.partial, slept) == ("half a", [])


@pytest.mark.parametrize("filler", [chunk(b": keep alive\n\n"), event({"choices": []}), said("")])
def test_signs_of_life_are_no_tokens(filler: bytes) -> None:
    """Proxies send comments so that connections stay open, and a model that never speaks must not live on them."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(EVENTS)
        await pour(writer, filler, 0.02)

    result, _ = put(serve, limits=Limits(0.6, 0.2, 5))
    assert isinstance(result, TimedOut)


def test_one_word_said_twice_is_two_pieces_and_one_whole() -> None:
    """Pieces and the whole are told apart by their type and not by their text."""
    result, _ = put(scripted([EVENTS + said("no ") + said("no ", "stop") + event(b"[DONE]") + chunk(b"")]))
    assert isinstance(result, Reply)
    assert result.text == "no no "


def test_a_question_leaves_its_connection_for_the_next() -> None:
    """A new TLS handshake for every turn would cost more than the first token."""

    async def main() -> int:
        async with raw(scripted([GOOD] * 5)) as server:
            clock = FakeClock()
            link = connect(Target("prod", server.url), clock, RecordingProgress())
            client = InferenceClient(link, DIALECTS["openai"], clock, RecordingProgress())
            for _ in range(5):
                await client.ask(question())
            await link.close()
            return server.came

    assert asyncio.run(main()) == 1
