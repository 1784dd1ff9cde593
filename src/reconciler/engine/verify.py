"""Ask until it is ready, until it is rejected for good, or until the deadline. A doubt never becomes a rejection.

| the answer                                   | then                                |
|----------------------------------------------|-------------------------------------|
| ready                                        | done                                |
| rejected, by a check that is not settling    | done: asking again changes nothing  |
| unknown, by a refusal or for want of a call  | done: the same                      |
| rejected while the gateway still takes it up | asked again until the deadline      |
| otherwise unknown                            | asked again until the deadline      |
| the run is told to stop, at any moment       | unknown, at once                    |

What a gateway has no call to tell, a gate tells that asks the object itself: where nothing else is in doubt, the gates
are asked, and a ready one ends the doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from reconciler.engine.assembly import Assembly, Site
from reconciler.errors import GatewayError, is_refusal
from reconciler.model.capability import KindCapability
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.ports import Ask, Clock
from reconciler.model.resource import Resource
from reconciler.model.run import Check, Verdict

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
MOST_ASKED = 3
"""How often a gate in doubt is asked: each time may cost money."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verification:
    """The last answer, and how often was asked."""

    checks: tuple[Check, ...] = ()
    attempts: int = 0

    @property
    def verdict(self) -> Verdict:
        """Ready if all checks are; rejected if one is and none is in doubt; otherwise unknown."""
        verdicts = {check.verdict for check in self.checks if not check.advisory}
        if verdicts <= {Verdict.READY}:
            return Verdict.READY
        return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.REJECTED

    @property
    def is_final(self) -> bool:
        """Whether asking again would be pointless."""
        return self.is_left_to_gates or any(map(_ends, self.checks))

    @property
    def is_left_to_gates(self) -> bool:
        """Whether nothing stands in the way but what the gateway has no call to tell."""
        deciding = [check for check in self.checks if not check.advisory]
        return all(check.verdict is Verdict.READY or check.unoffered for check in deciding)


def _ends(check: Check) -> bool:
    """Whether this check alone makes more questions pointless."""
    if check.advisory:
        return False
    if check.verdict is Verdict.REJECTED:
        return not check.settling
    return check.verdict is Verdict.UNKNOWN and check.lasting


NOT_ASKED = Verification()
STOPPED = Check("verification", Verdict.UNKNOWN, "the run was stopped before this was proved; the next run asks again")


def _tell_nobody(_found: Verification, _seconds: float) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a run waits: by which clock, until when it is told to stop, and who hears what it waits for.

    `tell` is given the last answer and the seconds that are left.
    """

    clock: Clock
    stop: asyncio.Event | None = None
    tell: Callable[[Verification, float], None] = _tell_nobody

    async def unless_stopped(self, work: Awaitable[T]) -> T | None:
        """What `work` comes to; None, at once, when the run is told to stop. Only for work without an effect."""
        if self.stop is None:
            return await work
        going, told = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({going, told}, return_when=asyncio.FIRST_COMPLETED)
            return going.result() if going.done() else None
        finally:
            for task in (going, told):
                task.cancel()
            await asyncio.gather(going, told, return_exceptions=True)

    def is_stopped(self) -> bool:
        """Whether the run was told to stop."""
        return self.stop is not None and self.stop.is_set()


async def until_ready(ask: Ask, deadline_seconds: float, waiting: Waiting) -> Verification:
    """Ask again, at growing distances, until the answer is final or the deadline has passed."""
    clock = waiting.clock
    ends = clock.monotonic() + deadline_seconds
    pause = FIRST_PAUSE
    attempts = 0
    while True:
        attempts += 1
        answer = await _answer(ask, attempts, waiting)
        if answer.is_final or waiting.is_stopped() or clock.monotonic() + pause > ends:
            return answer
        waiting.tell(answer, ends - clock.monotonic())
        await waiting.unless_stopped(clock.sleep(pause))
        if waiting.is_stopped():
            return Verification((*answer.checks, STOPPED), attempts)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _answer(ask: Ask, attempt: int, waiting: Waiting) -> Verification:
    try:
        found = await waiting.unless_stopped(ask())
    except GatewayError as error:
        found = (Check("answer", Verdict.UNKNOWN, str(error), lasting=is_refusal(error)),)
    return Verification((STOPPED,) if found is None else tuple(found), attempt)


async def until_decided(ask: Ask, deadline_seconds: float, waiting: Waiting) -> Verification:
    """Ask again only while there is a doubt, `MOST_ASKED` times and within the deadline: a rejection is final."""
    clock = waiting.clock
    ends = clock.monotonic() + deadline_seconds
    pause = FIRST_PAUSE
    for attempt in range(1, MOST_ASKED + 1):
        answer = await _answer(ask, attempt, waiting)
        over = attempt == MOST_ASKED or clock.monotonic() + pause > ends
        if answer.verdict is not Verdict.UNKNOWN or over or waiting.is_stopped():
            break
        waiting.tell(answer, ends - clock.monotonic())
        await waiting.unless_stopped(clock.sleep(pause))
        pause = min(pause * 2, LONGEST_PAUSE)
    return answer if answer.checks else NOT_ASKED


def waiting_for(assembly: Assembly, resource: Resource, stop: asyncio.Event | None = None) -> Waiting:
    """Waiting for one object, told to whoever watches the run."""

    def tell(found: Verification, seconds: float) -> None:
        until = datetime.fromisoformat(assembly.clock.now()) + timedelta(seconds=seconds)
        address, why = str(resource.address), explain(found.checks)
        assembly.progress("waiting", {"address": address, "until": until.isoformat(timespec="seconds"), "why": why})

    return Waiting(assembly.clock, stop, tell)


def explain(checks: Sequence[Check]) -> str:
    """One line that says which checks are not ready."""
    told = (c for c in checks if c.verdict is not Verdict.READY and not c.advisory)
    return "; ".join(f"{c.name} {c.verdict.value}: {c.message}" for c in told)


async def verify(
    assembly: Assembly, site: Site, resource: Resource, live: Live, stop: asyncio.Event | None = None
) -> Verification:
    """Connectivity validation of one live object and, where it is ready, the checkers' gates in the time left."""
    capability = capability_of(site, resource)
    if not capability.verify and not assembly.checkers:
        return NOT_ASKED
    assembly.progress("verifying", {"address": str(resource.address)})
    waiting = waiting_for(assembly, resource, stop)
    ends = assembly.clock.monotonic() + resource.readiness.deadline_seconds
    found = NOT_ASKED
    if capability.verify:
        asked = partial(site.adapter.verify, resource, live)
        found = await until_ready(asked, resource.readiness.deadline_seconds, waiting)
    for checker in assembly.checkers:
        if not found.is_left_to_gates:
            break
        gate = await until_decided(partial(checker.check, resource, live), ends - assembly.clock.monotonic(), waiting)
        before = _answered_by(gate, found.checks)
        found = Verification((*before, *gate.checks), found.attempts + gate.attempts)
    return found


def _answered_by(gate: Verification, checks: Sequence[Check]) -> Sequence[Check]:
    """What the gateway could not tell decides nothing any more once the object has answered a question."""
    if not gate.checks or gate.verdict is not Verdict.READY:
        return checks
    return [replace(check, advisory=True) if check.unoffered else check for check in checks]


def stand_in(site: Site, resource: Resource, entry: Entry | None) -> Live | None:
    """For what cannot be read: the object as it is declared, where it may be there; None where it was never made."""
    capability = capability_of(site, resource)
    if capability.read or (capability.create and entry is None):
        return None
    remote_id = resource.remote_id or resource.first_name
    return Live(resource.address, remote_id if entry is None else entry.remote_id, resource.spec)


def capability_of(site: Site, resource: Resource) -> KindCapability:
    """What the platform offers for this kind; nothing for a kind it does not have."""
    nothing = KindCapability(create=False, update=False, delete=False)
    return site.platform.capabilities.kinds.get(resource.address.kind, nothing)
