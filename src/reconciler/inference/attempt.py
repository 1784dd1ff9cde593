"""One attempt: one question sent once, its frames read under three clocks, its failures raised as errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.errors import (
    Forbidden,
    GatewayError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
)
from reconciler.inference.chat import Usage
from reconciler.inference.dialects import Dialect, Reader, Wire
from reconciler.inference.events import Delta, Event, Failed, Finished, Frame, Kind, Question, Restarted
from reconciler.inference.sse import Parser
from reconciler.transport import Client, Patience

TAIL_SECONDS = 1.0
"""How long the usage or the marker behind a whole answer is waited for."""
SETTLE_SECONDS = 0.05

_ERRORS: Mapping[Kind, type[GatewayError]] = {
    Kind.THROTTLED: Throttled,
    Kind.QUOTA: QuotaExhausted,
    Kind.UNAUTHORIZED: Unauthorized,
    Kind.FORBIDDEN: Forbidden,
    Kind.NOT_FOUND: NotFound,
    Kind.REJECTED: Rejected,
    Kind.PROVIDER: ServerFault,
    Kind.TIMED_OUT: TimedOut,
    Kind.REFUSAL: Rejected,
    Kind.TOOL_CALL: ProtocolError,
    Kind.PROTOCOL: ProtocolError,
    Kind.INCOMPLETE: IncompleteStream,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds. `deadline` over all attempts; the others in each: to the first token, and between two frames."""

    deadline: float = 30.0
    first_token: float = 10.0
    idle: float = 10.0


Piece: TypeAlias = Delta | Usage | Restarted | Finished


async def attempted(link: Client, dialect: Dialect, question: Question, limits: Limits) -> AsyncGenerator[Piece, None]:
    """The pieces of one answer, Finished last. Raises GatewayError."""
    reader = dialect.reader()
    timer = _Timer(limits)
    async with aclosing(_frames(link, dialect, question, limits)) as frames:
        while True:
            for event in await _next(frames, reader, timer, link.gateway):
                if isinstance(event, Failed):
                    raise _error(link, event)
                if isinstance(event, Finished):
                    await _settled(frames, dialect.wire)
                    yield event
                    return
                timer.heard = timer.heard or isinstance(event, Delta)
                yield event


async def _settled(frames: AsyncIterator[Frame], wire: Wire) -> None:
    """Read to the end of an HTTP answer that is over anyway, so that its connection serves the next question too."""
    if wire is Wire.HTTP:
        with suppress(TimeoutError, GatewayError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await anext(frames, None)


async def _next(frames: AsyncIterator[Frame], reader: Reader, timer: _Timer, gateway: str) -> list[Event]:
    """What the next frame says, or the end of the frames, which comes early where the answer is whole already."""
    waiting = timer.until(whole=reader.complete)
    try:
        async with waiting:
            frame = await anext(frames, None)
    except TimeoutError as error:
        if reader.complete:
            return [reader.end()]
        raise TimedOut(timer.said(), gateway=gateway) from error
    except GatewayError:
        if reader.complete:
            return [reader.end()]
        raise
    return [reader.end()] if frame is None else list(reader.read(frame))


class _Timer:
    """The clocks of one attempt."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.heard = False

    def until(self, *, whole: bool) -> asyncio.Timeout:
        """The limit of one wait."""
        now = self._loop.time()
        next_one = now + (TAIL_SECONDS if whole else self._limits.idle)
        first = next_one if self.heard or whole else self._began + self._limits.first_token
        return asyncio.timeout_at(min(first, self._began + self._limits.deadline))

    def said(self) -> str:
        """Which of them ran out."""
        if self._loop.time() >= self._began + self._limits.deadline:
            return "the answer was not whole before the deadline"
        if self.heard:
            return f"the next piece of the answer did not come within {self._limits.idle:g} s"
        return f"the first token did not come within {self._limits.first_token:g} s"


async def _frames(link: Client, dialect: Dialect, question: Question, limits: Limits) -> AsyncGenerator[Frame, None]:
    body = dialect.request(question)
    patience = Patience(min(limits.first_token, limits.deadline), limits.idle, limits.deadline)
    if dialect.wire is Wire.WEBSOCKET:
        async with link.converse(dialect.path, patience=patience) as talk:
            await talk.send(body)
            async for text in talk:
                yield Frame(text)
        return
    parser = Parser()
    async with link.stream(dialect.path, body=body, patience=patience) as answer:
        async for chunk in answer:
            for event in parser.feed(chunk):
                yield Frame(event.data, event.event)


def _error(link: Client, failed: Failed) -> GatewayError:
    text = link.quoted(failed.message)
    if failed.kind is Kind.INCOMPLETE:
        return IncompleteStream(text, gateway=link.gateway, clean=True)
    return _ERRORS[failed.kind](text, gateway=link.gateway)
