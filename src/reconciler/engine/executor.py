"""Run changes in the order of their dependencies, as many at once as each gateway allows.

Health unblocks dependents: a change whose outcome is not healthy blocks those behind it, by name;
all others go on, unless the run halts: one revoked key behind five hundred endpoints is one fault, told once.

A removal waits for what may stand in for it, so that there is never less than was approved. Of one kind on one gateway:

| change      | begins once these have ended            | and is skipped when one of them left nothing that works |
|-------------|-----------------------------------------|---------------------------------------------------------|
| replacement | creations that do not wait for it, and the replacement before it: one at a time | yes             |
| deletion    | creations, replacements and updates     | yes                                                     |

| ended as                                   | what a creation or replacement left | what an update left |
|--------------------------------------------|-------------------------------------|---------------------|
| applied or unchanged, and healthy          | something that works                | the same            |
| failed, rolled back, blocked, skipped      | nothing                             | what was there      |
| unknown, or applied and not healthy        | nothing that is known to work       | the same            |
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.run import Outcome, Status

MOST_REJECTIONS = 3
"""How many changes may be rejected for one cause before the run halts."""

Perform = Callable[[Change], Awaitable[Outcome]]

_UNBLOCKS = frozenset({Status.APPLIED, Status.UNCHANGED})
_MAKING = {Action.CREATE: "created", Action.REPLACE: "replaced", Action.NOOP: "proved"}
"""What may stand in for something, and how that is told: a noop asks what an earlier run made and did not prove."""

_UNTOUCHED = frozenset({Status.FAILED, Status.ROLLED_BACK, Status.BLOCKED, Status.SKIPPED})


@dataclass(slots=True)
class _Gate:
    """Removals that are held until all that they wait for has ended; `short` is what left nothing that works."""

    awaits: set[Address]
    held: Sequence[Address]
    short: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class _Schedule:
    """Which changes wait for which, and how each ended. `gates` are by what they wait for, `closed` is held by one."""

    changes: Mapping[Address, Change]
    waits_for: dict[Address, set[Address]]
    dependents: dict[Address, list[Address]]
    ready: dict[str, deque[Change]]
    gates: dict[Address, list[_Gate]] = field(default_factory=dict)
    closed: set[Address] = field(default_factory=set)
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
            for gate in self.gates.get(each.address, ()):
                ended += self._passed(gate, each)

    def hold(self, gate: _Gate) -> None:
        """Keep removals back until what they wait for has ended."""
        if gate.awaits:
            self.closed.update(gate.held)
            for address in gate.awaits:
                self.gates.setdefault(address, []).append(gate)

    def begin_with(self, changes: Sequence[Change]) -> None:
        """Those that wait for nothing."""
        for change in changes:
            self._offer(change.address)

    def _release(self, ended: Address, waiting: Sequence[Address]) -> None:
        for address in waiting:
            self.waits_for[address].discard(ended)
            self._offer(address)

    def _passed(self, gate: _Gate, ended: Outcome) -> Sequence[Outcome]:
        """One of those that a gate waits for has ended; after the last, what is held begins or is skipped."""
        gate.awaits.discard(ended.address)
        if not _stands(ended):
            gate.short.append(ended)
        if gate.awaits:
            return ()
        held = [address for address in gate.held if address not in self.outcomes]
        if gate.short:
            cause = min(gate.short, key=lambda outcome: outcome.address)
            return [_held(self.changes[address], cause) for address in held]
        self.closed.difference_update(held)
        for address in held:
            self._offer(address)
        return ()

    def _offer(self, address: Address) -> None:
        if not self.waits_for[address] and address not in self.closed:
            self.ready[address.gateway].append(self.changes[address])

    @property
    def done(self) -> bool:
        """Whether nothing more can begin: all have ended, or what is left waits for itself."""
        return not self.running and not any(self.ready.values())


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


def _stands(outcome: Outcome) -> bool:
    """Whether what a change leaves behind works as far as is known; see the table above."""
    return unblocks(outcome) or (outcome.action not in _MAKING and outcome.status in _UNTOUCHED)


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
    schedule = _Schedule(by_address, waits_for, dependents, ready)
    for gate in _gates(changes, dependents):
        schedule.hold(gate)
    schedule.begin_with(changes)
    return schedule


def _gates(changes: Sequence[Change], dependents: Mapping[Address, Sequence[Address]]) -> Iterator[_Gate]:
    """What removals of each kind on each gateway wait for."""
    alike: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        alike.setdefault((change.address.gateway, change.address.kind), []).append(change)
    replaced = [change.address for change in changes if change.action is Action.REPLACE]
    late = _behind(replaced, dependents)
    for group in alike.values():
        before = {c.address for c in group if c.action is Action.CREATE and c.address not in late}
        for change in group:
            if change.action is Action.REPLACE:
                yield _Gate(before, (change.address,))
                before = {change.address}
        deleted = [change.address for change in group if change.action is Action.DELETE]
        if deleted:
            yield _Gate({c.address for c in group if c.action in _MAKING or c.action is Action.UPDATE}, deleted)


def _behind(addresses: Sequence[Address], dependents: Mapping[Address, Sequence[Address]]) -> set[Address]:
    """All that waits for one of `addresses`, however long the chain."""
    found: set[Address] = set()
    waiting = list(addresses)
    while waiting:
        following = [a for a in dependents.get(waiting.pop(), ()) if a not in found]
        found.update(following)
        waiting += following
    return found


_ENDED_AS = {
    Status.ROLLED_BACK: " (rolled back)",
    Status.BLOCKED: " (blocked)",
    Status.SKIPPED: " (skipped)",
    Status.UNKNOWN: " for certain (the outcome is unknown)",
}


def _held(change: Change, cause: Outcome) -> Outcome:
    """A removal that stays undone, for there would be less than was approved."""
    done = _MAKING.get(cause.action, "updated")
    written = cause.status in _UNBLOCKS and cause.action is not Action.NOOP
    why = f"was {done} and is not proved to work" if written else f"was not {done}"
    aside = _ENDED_AS.get(cause.status, "")
    error = f"skipped: {cause.address} {why}{aside}, so nothing of its kind is removed on its gateway"
    return Outcome(change.address, change.action, Status.SKIPPED, error=error)


def _blocked(change: Change, cause: Outcome) -> Outcome:
    return Outcome(
        change.address,
        change.action,
        Status.BLOCKED,
        error=f"waits for {cause.address}, which is {cause.status.value.replace('_', ' ')}"
        + ("" if cause.healthy else " and not healthy"),
        healthy=False,
    )


def _not_begun(change: Change, stop: asyncio.Event, halt: Halt) -> Outcome:
    if stop.is_set():
        why = "the run was stopped before this change began"
        return Outcome(change.address, change.action, Status.SKIPPED, error=why)
    if halt.tripped:
        return Outcome(change.address, change.action, Status.SKIPPED, error="not begun: the run halted before it")
    why = "waits for itself: it lies on a cycle of dependencies, or behind one"
    return Outcome(change.address, change.action, Status.BLOCKED, error=why, healthy=False)
