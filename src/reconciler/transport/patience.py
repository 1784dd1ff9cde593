"""How long a stream may take: to its first byte, from one byte to the next, and as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconciler.transport import translate
from reconciler.transport.translate import Call


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. `first` counts from the beginning and includes connecting and authorizing."""

    first: float = 15.0
    idle: float = 15.0
    total: float = 60.0


class Countdown:
    """One stream's clocks, started when it is made; each wait stops at whichever runs out first."""

    def __init__(self, call: Call, patience: Patience) -> None:
        self._call = call
        self._patience = patience
        self._began = asyncio.get_running_loop().time()

    def left(self) -> float:
        """Seconds until the first byte must have come, at least a moment."""
        gone = asyncio.get_running_loop().time() - self._began
        return max(0.01, min(self._patience.first, self._patience.total) - gone)

    @asynccontextmanager
    async def first(self) -> AsyncIterator[None]:
        """Wait for the beginning of an answer. Raises TimedOut."""
        async with self._until(self._began + self._patience.first, "the first byte", self._patience.first):
            yield

    @asynccontextmanager
    async def next(self) -> AsyncIterator[None]:
        """Wait for the next piece. Raises TimedOut."""
        until = asyncio.get_running_loop().time() + self._patience.idle
        async with self._until(until, "the next piece of the stream", self._patience.idle):
            yield

    @asynccontextmanager
    async def _until(self, until: float, what: str, seconds: float) -> AsyncIterator[None]:
        ends = self._began + self._patience.total
        if ends < until:
            until, what, seconds = ends, "the whole answer", self._patience.total
        timer = asyncio.timeout_at(until)
        try:
            async with timer:
                yield
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise translate.late(self._call, what, seconds) from error
