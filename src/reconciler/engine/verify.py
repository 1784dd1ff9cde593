"""Ask until it is ready, or until the deadline. A doubt is never turned into a rejection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Verification:
    """The last answer, and how often was asked."""

    checks: tuple[Check, ...] = ()
    attempts: int = 0

    @property
    def verdict(self) -> Verdict:
        """Ready if all checks are; rejected if one is and none is in doubt; otherwise unknown."""
        verdicts = {check.verdict for check in self.checks}
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


async def verify(assembly: Assembly, site: Site, resource: Resource, live: Live) -> Verification:
    """Connectivity validation of one live object, then the checkers' gates."""
    capability = capability_of(site, resource)
    if not capability.verify and not assembly.checkers:
        return NOT_ASKED

    async def ask() -> Sequence[Check]:
        checks = list(await site.adapter.verify(resource, live)) if capability.verify else []
        for checker in assembly.checkers:
            checks += await checker.check(resource, live)
        return checks

    assembly.progress("verifying", {"address": str(resource.address)})
    return await until_ready(ask, resource.readiness.deadline_seconds, assembly.clock)


def stand_in(site: Site, resource: Resource, entry: Entry | None) -> Live | None:
    """For what cannot be read: the object as it is declared, where it may be there; None where it was never made."""
    capability = capability_of(site, resource)
    if capability.read or (capability.create and entry is None):
        return None
    remote_id = resource.remote_id or resource.address.name
    return Live(resource.address, remote_id if entry is None else entry.remote_id, resource.spec)


def capability_of(site: Site, resource: Resource) -> KindCapability:
    """What the platform offers for this kind; nothing for a kind it does not have."""
    nothing = KindCapability(create=False, update=False, delete=False)
    return site.platform.capabilities.kinds.get(resource.address.kind, nothing)
