"""Calls that spoil each other's answers, kept apart within one run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Turns:
    """Calls of one sort go side by side, and never beside those of another; whoever waits comes next."""

    _sort: str = ""
    _going: int = 0
    _waiting: Counter[str] = field(default_factory=Counter)
    _ended: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def of(self, sort: str) -> AsyncIterator[None]:
        """Wait until none of another sort is going, and count as one of `sort` until the block ends."""
        async with self._ended:
            await self._turn(sort)
            self._sort = sort
            self._going += 1
        try:
            yield
        finally:
            async with self._ended:
                self._going -= 1
                self._ended.notify_all()

    async def _turn(self, sort: str) -> None:
        self._waiting[sort] += 1
        try:
            await self._ended.wait_for(lambda: self._is_next(sort))
        finally:
            self._waiting[sort] -= 1
            self._ended.notify_all()

    def _is_next(self, sort: str) -> bool:
        if sort != self._sort:
            return self._going == 0
        return not any(count for other, count in self._waiting.items() if other != sort)
