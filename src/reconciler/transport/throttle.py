"""How much is asked at once: halved when the gateway says 429, grown slowly while it does not.

A pause that one request is told of holds for all. Where rate-limit headers say that nothing is
left, the next request waits for their reset.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from types import TracebackType

from reconciler.model.ports import Clock
from reconciler.transport.retry import wait_asked

_REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining", "x-ratelimit-remaining-requests")
_RESET = ("ratelimit-reset", "x-ratelimit-reset", "x-ratelimit-reset-requests")
LONGEST_PAUSE = 60.0


class Throttle:
    """An async context manager around each request of one gateway."""

    def __init__(self, concurrency: int, requests_per_second: float | None, clock: Clock) -> None:
        self._most = concurrency
        self._window = float(concurrency)
        self._spacing = 1 / requests_per_second if requests_per_second else 0.0
        self._clock = clock
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = float("-inf")
        self._next_at = float("-inf")

    @property
    def window(self) -> float:
        """How many requests may run at once now."""
        return self._window

    async def __aenter__(self) -> None:
        if self._running >= int(self._window) or self._waiting:
            await self._queue()
        else:
            self._running += 1
        try:
            await self._pace()
        except BaseException:
            self._leave()
            raise

    async def _queue(self) -> None:
        """Wait in line: whoever leaves hands the place over, so that nobody is overtaken."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._running -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._running < int(self._window):
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._running += 1
                waiter.set_result(None)

    async def _pace(self) -> None:
        while (pause := self._paused_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(pause)
        if self._spacing:
            now = self._clock.monotonic()
            mine = max(now, self._next_at)
            self._next_at = mine + self._spacing
            if mine > now:
                await self._clock.sleep(mine - now)

    def succeeded(self, headers: Mapping[str, str]) -> None:
        """Grow by one per window of successes; heed headers that say nothing is left."""
        if self._window < self._most:
            self._window = min(self._most, self._window + 1 / self._window)
            self._wake()
        if _nothing_left(headers):
            self._pause(_reset(headers))

    def throttled(self, headers: Mapping[str, str]) -> None:
        """Halve, and hold everyone back for as long as the gateway asks."""
        self._window = max(1.0, self._window / 2)
        asked = wait_asked(headers)
        if asked is not None:
            self._pause(asked)

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock.monotonic() + min(seconds, LONGEST_PAUSE))


def _nothing_left(headers: Mapping[str, str]) -> bool:
    if headers.get("inin-ratelimit-allowed", "") == headers.get("inin-ratelimit-count", "-"):
        return True
    return any(headers.get(name) == "0" for name in _REMAINING)


def _reset(headers: Mapping[str, str]) -> float:
    for name in (*_RESET, "inin-ratelimit-reset"):
        try:
            return max(0.0, float(headers[name]))
        except (KeyError, ValueError):
            continue
    return 1.0
