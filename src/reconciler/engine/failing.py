"""Drift that no comparison finds: what is as it was applied, and does not work.

| validation of an owned object that is there | then                                                           |
|---------------------------------------------|----------------------------------------------------------------|
| ready                                       | nothing                                                        |
| rejected                                    | drift, by a failing check                                      |
| unknown (429, 5xx, time-out)                | the report is incomplete: a doubt is never turned into "fails" |
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Sequence
from dataclasses import replace

from reconciler.engine.assembly import Assembly, Planned
from reconciler.engine.proof import with_keys
from reconciler.engine.verify import Verification, explain, verify
from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.diagnostic import Diagnostic, Severity, ordered
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.plan import Plan
from reconciler.model.resource import Resource
from reconciler.model.run import Verdict


async def with_checks(assembly: Assembly, planned: Planned) -> Plan:
    """The plan with what connectivity validation says now of every object that is ours and there."""
    entries = planned.world.ledger.entries
    chosen = [
        (resource, planned.live[address])
        for address, resource in sorted(assembly.desired.resources.items())
        if address in planned.live and address in entries
    ]
    found = await asyncio.gather(*(_asked(assembly, r, live, entries[r.address]) for r, live in chosen))
    return _with(planned.plan, [(one[0], answer) for one, answer in zip(chosen, found, strict=True)])


async def _asked(assembly: Assembly, resource: Resource, live: Live, entry: Entry) -> Verification:
    site = assembly.sites[resource.address.gateway]
    return with_keys(site, resource, entry, await verify(assembly, site, resource, live))


def _with(plan: Plan, found: Sequence[tuple[Resource, Verification]]) -> Plan:
    failing = [_failing(resource, answer) for resource, answer in found if answer.verdict is Verdict.REJECTED]
    unsure = [_unsure(resource.address, answer) for resource, answer in found if answer.verdict is Verdict.UNKNOWN]
    proved = {resource.address for resource, answer in found if answer.verdict is Verdict.READY}
    drift = sorted((*plan.drift, *failing), key=lambda change: change.address)
    return replace(
        plan,
        drift=tuple(drift),
        summary=replace(plan.summary, drifted=len({change.address for change in drift})),
        diagnostics=ordered((*(d for d in plan.diagnostics if not _is_answered(d, proved)), *unsure)),
        unproved=tuple(address for address in plan.unproved if address not in proved),
        unasked=tuple(address for address in plan.unasked if address not in proved),
        complete=plan.complete and not unsure,
    )


def _is_answered(finding: Diagnostic, proved: Container[Address | None]) -> bool:
    """What was not proved when it was written has been, just now."""
    return finding.code == "PLAN011" and finding.address in proved


def _failing(resource: Resource, answer: Verification) -> Change:
    position = resource.source.position("/metadata/name")
    return Change(resource.address, Action.NOOP, explain(answer.checks), position=position)


def _unsure(address: Address, answer: Verification) -> Diagnostic:
    detail = f"{address}: {explain(answer.checks)}. Whether it works is not known; run the command again later."
    return Diagnostic(Severity.WARNING, "ENGINE005", "a validation had no answer", detail, address=address)
