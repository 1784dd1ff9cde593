"""Run changes in the order of their dependencies, as many at once as each gateway allows.

Health unblocks dependents: a change whose outcome is not healthy blocks those behind it, by name;
all others go on, unless the run halts: one revoked key behind five hundred endpoints is one fault, told once.
A deletion waits for what may be meant to replace it:

| creations and replacements of its kind on its gateway | the deletion                          |
|-------------------------------------------------------|---------------------------------------|
| none, or all applied and healthy                      | goes on                               |
| under way                                             | waits                                 |
| one failed, was rolled back, is unknown or unhealthy, | is skipped, and says which one it was |
| or was never begun                                    |                                       |
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.run import Outcome, Status

MOST_REJECTIONS = 3
"""How many changes may be rejected for one cause before the run halts."""

Perform = Callable[[Change], Awaitable[Outcome]]

Group: TypeAlias = tuple[str, str]
"""Gateway and kind: objects of one group may stand for each other."""

_MAKING = {Action.CREATE: "created", Action.REPLACE: "replaced", Action.NOOP: "proved"}
"""What may be meant to take the place of something: a noop asks what an earlier run made and did not prove."""
_UNBLOCKS = frozenset({Status.APPLIED, Status.UNCHANGED})


@dataclass(slots=True)
class _Schedule:
    """Which changes wait for which, and how each ended."""

    changes: Mapping[Address, Change]
    waits_for: dict[Address, set[Address]]
    dependents: dict[Address, list[Address]]
    ready: dict[str, deque[Change]]
    making: dict[Group, set[Address]]
    held: dict[Group, list[Change]]
    unmade: dict[Group, Outcome] = field(default_factory=dict)
    outcomes: dict[Address, Outcome] = field(default_factory=dict)
    running: int = 0

    def begin(self, gateway: str) -> Change:
        """The next change of a gateway."""
        self.running += 1
        return self.ready[gateway].popleft()

    def finish(self, outcome: Outcome) -> None:
        """Note how a change ended; release or block those that waited for it, however long the chain."""
        self.running -= 1
        ended = [outcome]
        while ended:
            each = ended.pop()
            self.outcomes[each.address] = each
            waiting = [a for a in self.dependents.get(each.address, ()) if a not in self.outcomes]
            if unblocks(each):
                self._release(each.address, waiting)
            else:
                ended += [_blocked(self.changes[address], each) for address in waiting]
            ended += self._made(each)

    def _release(self, ended: Address, waiting: Sequence[Address]) -> None:
        for address in waiting:
            self.waits_for[address].discard(ended)
            if not self.waits_for[address]:
                self.begin_or_hold(self.changes[address])

    def begin_or_hold(self, change: Change) -> None:
        """Queue a change that waits for nothing any more, but for a deletion while something is still being made."""
        group = group_of(change)
        if change.action is Action.DELETE and self.making.get(group):
            self.held.setdefault(group, []).append(change)
        else:
            self.ready[change.address.gateway].append(change)

    def _made(self, outcome: Outcome) -> Sequence[Outcome]:
        """Note that something was made, or was not; once nothing is under way, let the deletions go, or skip them."""
        group = (outcome.address.gateway, outcome.address.kind)
        making = self.making.get(group, set())
        if outcome.address not in making:
            return ()
        making.discard(outcome.address)
        if not unblocks(outcome):
            self.unmade.setdefault(group, outcome)
        if making:
            return ()
        held = self.held.pop(group, [])
        if group not in self.unmade:
            for change in held:
                self.ready[change.address.gateway].append(change)
            return ()
        waiting = [c for c in self.changes.values() if c.action is Action.DELETE and group_of(c) == group]
        return [_kept(c, self.unmade[group]) for c in waiting if c.address not in self.outcomes]

    @property
    def done(self) -> bool:
        """Whether nothing more can begin: all have ended, or what is left waits for itself."""
        return not self.running and not any(self.ready.values())


def group_of(change: Change) -> Group:
    """Within what a deletion waits for creations."""
    return (change.address.gateway, change.address.kind)


@dataclass(slots=True)
class Halt:
    """Trips when several changes were rejected for one cause: what is wrong is no matter of the single object.

    `said` is that cause, in words, once it has tripped.
    """

    said: str = ""
    _counts: Counter[tuple[str, ...]] = field(default_factory=Counter)

    @property
    def tripped(self) -> bool:
        """Whether nothing more is to be begun."""
        return bool(self.said)

    def note(self, causes: Iterable[tuple[str, ...]]) -> None:
        """Count the causes of one rejection, each given as the words that tell it from others, for people to read."""
        for cause in set(causes):
            self._counts[cause] += 1
            if self._counts[cause] >= MOST_REJECTIONS and not self.said:
                self.said = ": ".join(cause)


def unblocks(outcome: Outcome) -> bool:
    """Whether dependents of a change may go on."""
    return outcome.status in _UNBLOCKS and outcome.healthy


async def execute(
    changes: Sequence[Change],
    perform: Perform,
    concurrency: Mapping[str, int],
    stop: asyncio.Event,
    halt: Halt | None = None,
) -> tuple[Outcome, ...]:
    """Perform each change once; outcomes come back in the order of `changes`.

    `concurrency` is per gateway. Once `stop` is set or `halt` has tripped no change is begun, and those not begun are
    skipped: the one is somebody's wish, the other what the changes before ended in. An exception from `perform`
    ends the run after the writes in flight have finished.
    """
    schedule = _plan_schedule(changes)
    turn, halt = asyncio.Condition(), halt or Halt()

    def over() -> bool:
        return stop.is_set() or halt.tripped

    async def worker(gateway: str) -> None:
        queue = schedule.ready[gateway]
        while True:
            async with turn:
                await turn.wait_for(lambda: queue or schedule.done or over())
                if over() or not queue:
                    return
                change = schedule.begin(gateway)
            outcome = await _shielded(perform, change, stop)
            async with turn:
                schedule.finish(outcome)
                turn.notify_all()

    async def wake_on_stop() -> None:
        await stop.wait()
        async with turn:
            turn.notify_all()

    waker = asyncio.create_task(wake_on_stop())
    try:
        workers = [worker(gateway) for gateway in schedule.ready for _ in range(concurrency.get(gateway, 1))]
        results = await asyncio.gather(*workers, return_exceptions=True)
    finally:
        waker.cancel()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(schedule.outcomes.get(change.address) or _not_begun(change, stop, halt) for change in changes)


async def _shielded(perform: Perform, change: Change, stop: asyncio.Event) -> Outcome:
    """A run that cannot go on (a lost lease, a full disk) begins nothing more, yet finishes what it began."""
    try:
        return await perform(change)
    except BaseException:
        stop.set()
        raise


def _plan_schedule(changes: Sequence[Change]) -> _Schedule:
    by_address = {change.address: change for change in changes}
    waits_for = {c.address: {a for a in c.depends_on if a in by_address and a != c.address} for c in changes}
    dependents: dict[Address, list[Address]] = {}
    for address, awaited in waits_for.items():
        for dependency in awaited:
            dependents.setdefault(dependency, []).append(address)
    ready: dict[str, deque[Change]] = {change.address.gateway: deque() for change in changes}
    making: dict[Group, set[Address]] = {}
    for change in changes:
        if change.action in _MAKING:
            making.setdefault(group_of(change), set()).add(change.address)
    schedule = _Schedule(by_address, waits_for, dependents, ready, making, {})
    for change in changes:
        if not waits_for[change.address]:
            schedule.begin_or_hold(change)
    return schedule


def _blocked(change: Change, cause: Outcome) -> Outcome:
    return Outcome(
        change.address,
        change.action,
        Status.BLOCKED,
        error=f"waits for {cause.address}, which is {cause.status.value.replace('_', ' ')}"
        + ("" if cause.healthy else " and not healthy"),
        healthy=False,
    )


def _kept(change: Change, unmade: Outcome) -> Outcome:
    why = " and proved" if unmade.status in _UNBLOCKS and unmade.action is not Action.NOOP else ""
    error = f"{unmade.address} was not {_MAKING[unmade.action]}{why}, so nothing of its kind is deleted on its gateway"
    return Outcome(change.address, change.action, Status.SKIPPED, error=error)


def _not_begun(change: Change, stop: asyncio.Event, halt: Halt) -> Outcome:
    if stop.is_set():
        why = "the run was stopped before this change began"
        return Outcome(change.address, change.action, Status.SKIPPED, error=why)
    if halt.tripped:
        return Outcome(change.address, change.action, Status.SKIPPED, error="not begun: the run halted before it")
    why = "waits for itself: it lies on a cycle of dependencies, or behind one"
    return Outcome(change.address, change.action, Status.BLOCKED, error=why, healthy=False)
