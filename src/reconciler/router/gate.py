"""How many turns run at once, how many wait in line, and that no more are taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from reconciler.router.reasons import Declined, Reason
from reconciler.router.refusals import Refusal, Refused


class Gate:
    """`most` turns at once, `line` more in line, first come, first served."""

    def __init__(self, most: int, line: int) -> None:
        self._most = most
        self._line = line
        self._free = asyncio.Semaphore(most)
        self._inside = 0

    @property
    def running(self) -> int:
        """Turns that are being answered."""
        return min(self._inside, self._most)

    @property
    def waiting(self) -> int:
        """Turns in line."""
        return max(0, self._inside - self._most)

    def enter(self) -> None:
        """Come in, or be refused: to be followed by `leave` whatever happens."""
        if self._inside >= self._most + self._line:
            raise Refused(Refusal.OVERLOADED)
        self._inside += 1

    def leave(self) -> None:
        """Go out."""
        self._inside -= 1

    @asynccontextmanager
    async def turn(self, ends: float) -> AsyncIterator[None]:
        """Wait for a place until `ends` (the loop's time), and hold it. Raises Declined."""
        try:
            async with asyncio.timeout_at(ends):
                await self._free.acquire()
        except TimeoutError:
            raise Declined(Reason.OVERLOADED) from None
        try:
            yield
        finally:
            self._free.release()
