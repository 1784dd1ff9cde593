"""Calls that spoil each other's answers, kept apart within one run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Turns:
    """Calls of one sort go side by side, and never beside those of another."""

    _sort: str = ""
    _going: int = 0
    _ended: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def of(self, sort: str) -> AsyncIterator[None]:
        """Wait until none of another sort is going, and count as one of `sort` until the block ends."""
        async with self._ended:
            await self._ended.wait_for(lambda: self._going == 0 or self._sort == sort)
            self._sort = sort
            self._going += 1
        try:
            yield
        finally:
            async with self._ended:
                self._going -= 1
                self._ended.notify_all()
