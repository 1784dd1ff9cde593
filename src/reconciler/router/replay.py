"""Calls that were taken, remembered for as long as they could be sent again."""

from __future__ import annotations

from collections import OrderedDict

from reconciler.model.ports import Clock
from reconciler.router.refusals import Refusal, Refused
from reconciler.router.signature import Proof

MOST = 200_000
"""Calls remembered. Only genuine ones get here; beyond that nothing is taken, since it might be a repetition."""


class Taken:
    """At most `most` calls at once."""

    def __init__(self, clock: Clock, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def take(self, proof: Proof) -> None:
        """Remember a call. Raises Refused for one that was taken before."""
        if not proof.once:
            return
        now = self._clock.monotonic()
        self._forget(now)
        if self._until.get(proof.once, now) > now:
            raise Refused(Refusal.REPLAYED)
        if len(self._until) >= self._most:
            raise Refused(Refusal.OVERLOADED)
        self._until[proof.once] = now + proof.seconds

    def _forget(self, now: float) -> None:
        """The oldest go first; one with a longer life than those behind it keeps them a little."""
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
