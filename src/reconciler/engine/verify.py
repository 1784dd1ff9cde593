"""Ask until it is ready, or until the deadline. A doubt is never turned into a rejection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from reconciler.engine.assembly import Assembly, Site
from reconciler.errors import GatewayError
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


NOT_ASKED = Verification()


async def until_ready(ask: Ask, deadline_seconds: float, clock: Clock) -> Verification:
    """Ask again, at growing distances, until all checks are ready or the deadline has passed."""
    ends = clock.monotonic() + deadline_seconds
    pause = FIRST_PAUSE
    attempts = 0
    while True:
        attempts += 1
        answer = Verification(tuple(await _answer(ask)), attempts)
        if answer.verdict is Verdict.READY or clock.monotonic() + pause > ends:
            return answer
        await clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _answer(ask: Ask) -> Sequence[Check]:
    try:
        return await ask()
    except GatewayError as error:
        return (Check("answer", Verdict.UNKNOWN, str(error)),)


async def until_decided(ask: Ask, deadline_seconds: float, clock: Clock) -> Verification:
    """Ask again only while there is a doubt, `MOST_ASKED` times and within the deadline: a rejection is final."""
    ends = clock.monotonic() + deadline_seconds
    pause = FIRST_PAUSE
    for attempt in range(1, MOST_ASKED + 1):
        answer = Verification(tuple(await _answer(ask)), attempt)
        over = attempt == MOST_ASKED or clock.monotonic() + pause > ends
        if answer.verdict is not Verdict.UNKNOWN or over:
            break
        await clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    return answer if answer.checks else NOT_ASKED


async def verify(assembly: Assembly, site: Site, resource: Resource, live: Live) -> Verification:
    """Connectivity validation of one live object and, where it is ready, the checkers' gates in the time left."""
    capability = capability_of(site, resource)
    if not capability.verify and not assembly.checkers:
        return NOT_ASKED
    assembly.progress("verifying", {"address": str(resource.address)})
    clock = assembly.clock
    ends = clock.monotonic() + resource.readiness.deadline_seconds
    found = NOT_ASKED
    if capability.verify:
        found = await until_ready(
            lambda: site.adapter.verify(resource, live), resource.readiness.deadline_seconds, clock
        )
    for checker in assembly.checkers:
        if found.verdict is not Verdict.READY:
            break
        asked = partial(checker.check, resource, live)
        gate = await until_decided(asked, ends - clock.monotonic(), clock)
        found = Verification((*found.checks, *gate.checks), found.attempts + gate.attempts)
    return found


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
