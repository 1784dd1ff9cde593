"""How long a stream may take: to its first byte, from one byte to the next, and as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import GatewayError
from reconciler.transport import translate
from reconciler.transport.translate import Call
from reconciler.transport.waiting import Waiting

T = TypeVar("T")


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
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._begun = False
        self._waiting = Waiting()

    def left(self) -> float:
        """Seconds until the first byte must have come, at least a moment."""
        gone = self._loop.time() - self._began
        return max(0.01, min(self._patience.first, self._patience.total) - gone)

    @asynccontextmanager
    async def first(self) -> AsyncIterator[None]:
        """Wait for the beginning of an answer. Raises TimedOut."""
        until, ends = self._began + self._patience.first, self._began + self._patience.total
        timer = asyncio.timeout_at(min(until, ends))
        try:
            async with timer:
                yield
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise self._late(until, ends) from error

    async def piece(self, what: Awaitable[T]) -> T:
        """Wait for the next piece of what has begun, and for the first one as for the beginning. Raises TimedOut."""
        until = self._loop.time() + self._patience.idle if self._begun else self._began + self._patience.first
        ends = self._began + self._patience.total
        try:
            found = await self._waiting.until(min(until, ends), what)
        except TimeoutError as error:
            raise self._late(until, ends) from error
        self._begun = True
        return found

    def close(self) -> None:
        """Nothing is waited for any more."""
        self._waiting.close()

    def _late(self, until: float, ends: float) -> GatewayError:
        if ends < until:
            return translate.late(self._call, "the whole answer", self._patience.total)
        if self._begun:
            return translate.late(self._call, "the next piece of the stream", self._patience.idle)
        return translate.late(self._call, "the first byte", self._patience.first)
