"""Calls that were taken, remembered for as long as they could be sent again: each route for itself.

How many a route remembers follows its rate: `callsPerSecond`, times the window in which a call could come again. Where
that is full nothing is forgotten before its time, as what comes then might be a repetition: the call is refused, and
the refusal says when to come again.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator

from reconciler.model.ports import Clock
from reconciler.router.refusals import Refusal, Refused
from reconciler.router.signature import Proof

MOST = 1_000_000
"""Calls of one route, whatever its rate."""


class Taken:
    """What every route remembers, by its name. It outlives the tables: a reload is no way to send a call again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._routes: dict[str, _Memory] = {}

    def take(self, route: str, proof: Proof) -> None:
        """Remember a call. Raises Refused for one that was taken before, and where no more can be remembered."""
        if proof.once:
            self._routes.setdefault(route, _Memory()).take(proof, self._clock.monotonic())

    def remembered(self) -> Iterator[tuple[str, int]]:
        """How many calls each route remembers."""
        now = self._clock.monotonic()
        for name, memory in self._routes.items():
            memory.forget(now)
            yield name, len(memory)


class _Memory:
    """One route's. `_closed` is the newest time that a call was signed at which is remembered no more.

    Whatever was signed then or before is too old for good, even where the tolerance is raised afterwards, or the clock
    is set back.
    """

    def __init__(self) -> None:
        self._calls: OrderedDict[bytes, tuple[float, int]] = OrderedDict()
        self._closed = -1

    def __len__(self) -> int:
        return len(self._calls)

    def take(self, proof: Proof, now: float) -> None:
        self.forget(now)
        if proof.once in self._calls:
            raise Refused(Refusal.REPLAYED)
        if proof.signed <= self._closed:
            raise Refused(Refusal.OUT_OF_TIME)
        if len(self._calls) >= min(MOST, proof.most):
            until, _ = next(iter(self._calls.values()))
            raise Refused(Refusal.REPLAY_MEMORY_FULL, retry=max(1, math.ceil(until - now)))
        self._calls[proof.once] = now + proof.seconds, proof.signed

    def forget(self, now: float) -> None:
        """The oldest go first; one with a longer life than those behind it keeps them a little."""
        while self._calls:
            until, signed = next(iter(self._calls.values()))
            if until > now:
                return
            self._calls.popitem(last=False)
            self._closed = max(self._closed, signed)
