"""One attempt: one question sent once, its frames read under three clocks, its failures raised as errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from itertools import chain
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
from reconciler.inference.events import WHOLE, Delta, Event, Failed, Finished, Frame, Kind, Question, Restarted
from reconciler.inference.sse import Parser
from reconciler.transport import Client, Patience, Waiting

TAIL_SECONDS = 1.0
"""How long the usage or the marker behind a whole answer is waited for."""
SETTLE_SECONDS = 0.05

EVENTS, JSON = "text/event-stream", "application/json"
"""An answer that streams, and one in one piece: one of them is asked for, and either is taken."""

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


async def attempted(
    link: Client, dialect: Dialect, question: Question, limits: Limits
) -> AsyncGenerator[Sequence[Piece], None]:
    """The pieces of one answer, as many at once as arrive at once; Finished is the last. Raises GatewayError."""
    reader = dialect.reader()
    timer = _Timer(limits)
    async with AsyncExitStack() as held:
        held.callback(timer.close)
        frames = await held.enter_async_context(aclosing(_frames(link, dialect, question, limits)))
        while True:
            pieces, failed = _told(await _next(frames, reader, timer, link.gateway))
            if pieces:
                timer.heard = timer.heard or any(isinstance(piece, Delta) for piece in pieces)
                if isinstance(pieces[-1], Finished):
                    await _settled(frames, dialect.wire)
                    yield pieces
                    return
                yield pieces
            if failed is not None:
                raise _error(link, failed)


def _told(events: Iterable[Event]) -> tuple[Sequence[Piece], Failed | None]:
    """What goes on of what some frames say, up to the end of the answer or to how it failed."""
    pieces: list[Piece] = []
    for event in events:
        if isinstance(event, Failed):
            return pieces, event
        pieces.append(event)
        if isinstance(event, Finished):
            break
    return pieces, None


async def _settled(frames: AsyncIterator[Sequence[Frame]], wire: Wire) -> None:
    """Read to the end of an HTTP answer that is over anyway, so that its connection serves the next question too."""
    if wire is Wire.HTTP:
        with suppress(TimeoutError, GatewayError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await anext(frames, None)


async def _next(frames: AsyncIterator[Sequence[Frame]], reader: Reader, timer: _Timer, gateway: str) -> Iterable[Event]:
    """What the next frames say, or the end of the frames, which comes early where the answer is whole already."""
    try:
        batch = await timer.next(frames, whole=reader.complete)
    except TimeoutError as error:
        if reader.complete:
            return [reader.end()]
        raise TimedOut(timer.said(), gateway=gateway) from error
    except GatewayError:
        if reader.complete:
            return [reader.end()]
        raise
    if batch is None:
        return [reader.end()]
    return chain.from_iterable(map(reader.read, batch))


class _Timer:
    """The clocks of one attempt."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._waiting = Waiting()
        self.heard = False

    async def next(self, frames: AsyncIterator[Sequence[Frame]], *, whole: bool) -> Sequence[Frame] | None:
        """The next frames, None at their end. TimeoutError when a limit is reached before."""
        now = self._loop.time()
        next_one = now + (TAIL_SECONDS if whole else self._limits.idle)
        first = next_one if self.heard or whole else self._began + self._limits.first_token
        return await self._waiting.until(min(first, self._began + self._limits.deadline), anext(frames, None))

    def close(self) -> None:
        """Nothing is waited for any more."""
        self._waiting.close()

    def said(self) -> str:
        """Which of them ran out."""
        if self._loop.time() >= self._began + self._limits.deadline:
            return "the answer was not whole before the deadline"
        if self.heard:
            return f"the next piece of the answer did not come within {self._limits.idle:g} s"
        return f"the first token did not come within {self._limits.first_token:g} s"


async def _frames(
    link: Client, dialect: Dialect, question: Question, limits: Limits
) -> AsyncGenerator[Sequence[Frame], None]:
    body = dialect.request(question)
    patience = Patience(min(limits.first_token, limits.deadline), limits.idle, limits.deadline)
    if dialect.wire is Wire.WEBSOCKET:
        async with link.converse(dialect.path, patience=patience) as talk:
            await talk.send(body)
            async for texts in talk.batches():
                yield [Frame(text) for text in texts]
        return
    accept, also = (EVENTS, JSON) if question.stream else (JSON, EVENTS)
    async with link.stream(dialect.path, body=body, accept=accept, also=(also,), patience=patience) as answer:
        if answer.media_type == JSON:
            yield [Frame(b"".join([chunk async for chunk in answer]).decode(errors="replace"), WHOLE)]
            return
        parser = Parser()
        async for chunk in answer:
            if events := parser.feed(chunk):
                yield [Frame(event.data, event.event) for event in events]


def _error(link: Client, failed: Failed) -> GatewayError:
    text = link.quoted(failed.message)
    if failed.kind is Kind.INCOMPLETE:
        return IncompleteStream(text, gateway=link.gateway, clean=True)
    return _ERRORS[failed.kind](text, gateway=link.gateway)
