"""Waiting until a read shows what was queued."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import OutcomeUnknown
from reconciler.transport import Client

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5
GRACE = 5.0
"""Seconds that a write whose answer was lost is given to show before it is read back."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settling:
    """Asks again, at growing distances, by the client's clock."""

    client: Client

    async def until(self, ask: Callable[[], Awaitable[T | None]], what: str) -> T:
        """The first answer that is not None. Raises OutcomeUnknown when the client's patience is over."""
        found = await self._within(self.client.patience, ask)
        if found is None:
            raise OutcomeUnknown(
                f"{what}: accepted, and still not to be seen after {self.client.patience:g} s",
                gateway=self.client.gateway,
            )
        return found

    async def lost(self, ask: Callable[[], Awaitable[T | None]]) -> None:
        """Give a write whose answer was lost the time to show, so that the read that follows is no guess."""
        await self._within(min(GRACE, self.client.patience), ask)

    async def _within(self, seconds: float, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        clock = self.client.clock
        ends, pause = clock.monotonic() + seconds, FIRST_PAUSE
        while (found := await ask()) is None and clock.monotonic() + pause <= ends:
            await clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return found
