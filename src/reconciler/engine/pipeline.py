"""The whole of a run, read from top to bottom.

plan:      secrets → observe and ledger → leftovers → plan
snapshot:  observe and ledger → leftovers → what a plan elsewhere needs
apply:     plan → approve → lease → look again if anything moved → finish leftovers → execute → converge → record
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from reconciler import planning
from reconciler.engine import destinations, unset
from reconciler.engine.approve import require_applicable, require_same_intent
from reconciler.engine.assembly import ApplyOptions, Assembly, Leftovers, Planned, Verification, located
from reconciler.engine.converge import catch_up, outdated
from reconciler.engine.executor import execute
from reconciler.engine.leftover import candidates_in, resolve
from reconciler.engine.observe import observe, sought, without_idle
from reconciler.engine.proof import with_keys
from reconciler.engine.record import Journal, closing, opening
from reconciler.engine.report import failed_run, finished_run, nothing_to_do
from reconciler.engine.step import MAKING, Stepper
from reconciler.engine.verify import Waiting, explain, stand_in
from reconciler.engine.verify import verify as verify_one
from reconciler.engine.write import FIRST_PAUSE, LONGEST_PAUSE, SEEN_WITHIN, is_older
from reconciler.errors import InputError, ReconcilerError
from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors, ordered
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, Lease, LedgerSnapshot
from reconciler.model.resource import Resource
from reconciler.model.run import Outcome, Run, Status, Verdict
from reconciler.model.snapshot import Snapshot
from reconciler.planning import PlanOptions, make_plan


async def plan(assembly: Assembly, options: PlanOptions) -> Planned:
    """Look, and say what would change. Writes nothing.

    Raises InputError when a secret that the manifests name cannot be had.
    """
    secrets = await unset.prepare(assembly)
    (observed, leftovers), _ = await asyncio.gather(_look(assembly), asyncio.to_thread(planning.prepare))
    assembly = located(assembly, leftovers.snapshot.entries)
    world = planning.world_of(
        assembly.desired,
        observed,
        leftovers.snapshot,
        assembly.capabilities,
        assembly.vault.fingerprint,
        assembly.vault.issuer,
        recorded=leftovers.recorded,
        held=assembly.held,
        misfit=assembly.vault.misfit,
    )
    made = make_plan(world, _completed(options, assembly))
    missing = unset.findings(assembly, secrets, made.changes)
    diagnostics = ordered((*assembly.desired.diagnostics, *missing, *_interrupted(leftovers), *made.diagnostics))
    shown = replace(made, diagnostics=diagnostics, created_at=assembly.clock.now())
    return Planned(shown, world, leftovers, planning.live_objects(world))


async def apply(assembly: Assembly, planned: Planned, plan_options: PlanOptions, options: ApplyOptions) -> Run:
    """Carry out an approved plan, or one that is equal to it; leaves a run in the history.

    Raises Blocked when the plan cannot be applied or no longer matches, LeaseHeld when another run
    holds a gateway. Refusals of a gateway end up in the run.
    """
    require_applicable(planned.plan)
    assembly = replace(assembly, desired=planned.world.desired)
    idle = planned.plan.empty and planned.leftovers.none and not _to_ask(assembly, planned, options)
    if idle and not outdated(assembly, planned) and _knows_places(planned):
        return nothing_to_do(assembly.new_run_id(), planned)
    async with AsyncExitStack() as stack:
        leases = {
            gateway: await stack.enter_async_context(
                assembly.ledger.lease(gateway, assembly.holder, assembly.lock_wait)
            )
            for gateway in sorted(_touched(assembly, planned))
        }
        fresh = await _look_again(assembly, planned, plan_options)
        assembly = replace(assembly, desired=fresh.world.desired)
        return await _recorded(assembly, fresh, plan_options, options, leases)


async def verify(
    assembly: Assembly, addresses: Sequence[Address]
) -> tuple[tuple[Outcome, ...], tuple[Diagnostic, ...]]:
    """Connectivity validation of what is live, now; of everything desired when no address is given.

    With it what there is to say of the manifests and of what could not be read.
    """
    await unset.prepare(assembly)
    ledger = await assembly.ledger.load()
    entries = planning.objects_of(destinations.recorded(assembly, ledger).ledger).entries
    assembly = located(assembly, entries)
    seen = await sought(assembly, without_idle(assembly, await observe(assembly), entries), entries)
    unread = (d for one in seen.values() for d in one.diagnostics)
    odd = planning.misplaced(assembly.desired, assembly.vault.issuer, assembly.vault.misfit)
    findings = ordered((*assembly.desired.diagnostics, *odd, *destinations.undecided(assembly, ledger), *unread))
    observed = planning.readdressed(seen, assembly.desired.everywhere, entries, assembly.capabilities)
    live = {seen.address: seen for answer in observed.values() for seen in answer.objects}
    wanted = [r for r in _chosen(assembly, addresses) if r.address.gateway not in assembly.held]
    chosen = [(r, live.get(r.address) or _unread(assembly, r, entries)) for r in wanted]
    outcomes = await asyncio.gather(*(_verified(assembly, r, found, entries.get(r.address)) for r, found in chosen))
    return tuple(outcomes), findings


def _unread(assembly: Assembly, resource: Resource, entries: Mapping[Address, Entry]) -> Live | None:
    return stand_in(assembly.sites[resource.address.gateway], resource, entries.get(resource.address))


async def snapshot(assembly: Assembly) -> Snapshot:
    """What gateways and ledger hold now, for a plan elsewhere. Needs no secret but the gateways' own.

    Raises InputError when a gateway could not be read: a snapshot of half a gateway would plan deletions; Blocked
    where one may not be looked at.
    """
    await destinations.require_admitted(assembly)
    await unset.learn(assembly)
    observed, leftovers = await _look(assembly)
    unread = [finding for seen in observed.values() for finding in seen.diagnostics if not _offered(seen)]
    if unread:
        raise InputError(unread)
    return Snapshot(
        assembly.clock.now(),
        assembly.tool_version,
        assembly.commit,
        {name: site.gateway.url or f"org {site.gateway.org}" for name, site in assembly.sites.items()},
        observed,
        _with_gateways(leftovers),
    )


def _with_gateways(leftovers: Leftovers) -> LedgerSnapshot:
    """The ledger with what it says of gateways themselves."""
    entries = leftovers.recorded.ledger.entries
    places = {address: entry for address, entry in entries.items() if address.kind == planning.GATEWAY}
    return replace(leftovers.snapshot, entries={**leftovers.snapshot.entries, **places})


def _offered(seen: Observed) -> bool:
    """Whether what is missing is only what the gateway does not offer."""
    return not has_errors(seen.diagnostics)


async def _look(assembly: Assembly) -> tuple[Mapping[str, Observed], Leftovers]:
    """All that is there under its own addresses, and the ledger as it stands once leftovers are settled."""
    seen, known = await asyncio.gather(observe(assembly), assembly.ledger.load())
    recorded = destinations.recorded(assembly, known)
    objects = planning.objects_of(recorded.ledger)
    clock = assembly.clock
    ends, pause = clock.monotonic() + LOOKED_WITHIN, FIRST_PAUSE
    while _shows_the_past(seen, objects.entries) and clock.monotonic() + pause <= ends:
        await clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        seen = await observe(assembly)
    seen = await sought(assembly, without_idle(assembly, seen, objects.entries), objects.entries)
    placed = planning.readdressed(seen, assembly.desired.everywhere, objects.entries, assembly.capabilities)
    leftovers = replace(resolve(objects, placed), recorded=recorded)
    strays = await _strays(assembly, seen, leftovers.snapshot)
    return seen, replace(leftovers, scratch=tuple(dict.fromkeys((*leftovers.scratch, *strays))))


RUNS_KNOWN = 10_000
"""Over how many runs back a candidate that is still there is known to be ours."""


async def _strays(
    assembly: Assembly, seen: Mapping[str, Observed], ledger: LedgerSnapshot
) -> Sequence[tuple[str, str]]:
    """Candidates of earlier runs of this very ledger that a gateway made after they had been given up."""
    claimed = {resource.remote_id or address.name for address, resource in assembly.desired.everywhere.items()}
    claimed |= {entry.remote_id for entry in ledger.entries.values()}
    found = candidates_in(seen, claimed)
    if not found:
        return ()
    ours = {record.run_id[-8:] for record in await assembly.ledger.history(RUNS_KNOWN)}
    return [place for place, run in found.items() if run in ours]


LOOKED_WITHIN = 5.0
"""Seconds that a list is given to show what the gateway answered to our last writes, before that is called drift."""


def _shows_the_past(seen: Mapping[str, Observed], entries: Mapping[Address, Entry]) -> bool:
    revisions = {
        (entry.address.gateway, entry.address.kind, entry.remote_id): entry.revision for entry in entries.values()
    }
    return any(
        is_older(live.revision, revisions.get((gateway, live.address.kind, live.remote_id)))
        for gateway, answer in seen.items()
        for live in answer.objects
    )


def _interrupted(leftovers: Leftovers) -> Sequence[Diagnostic]:
    """Say which objects an earlier run had left open, and that the next apply completes the ledger."""
    strays = [
        Diagnostic(
            Severity.INFO,
            "ENGINE010",
            "a candidate of an earlier run is there",
            f"{name!r} on gateway {gateway!r} was made to try a change, and its run could not remove it; the next "
            "apply does. Nothing needs to be done.",
        )
        for gateway, name in leftovers.scratch
    ]
    return strays + [
        Diagnostic(
            Severity.INFO,
            "ENGINE003",
            "an interrupted run is being completed",
            f"an earlier run ended while it wrote {address}; the gateway was looked at, and the next apply "
            "completes the ledger. Nothing needs to be done.",
            address=address,
        )
        for address in sorted(leftovers.entries)
    ]


async def _look_again(assembly: Assembly, planned: Planned, options: PlanOptions) -> Planned:
    """Under the lease nobody else writes: if the ledger moved since the plan, plan again and compare."""
    now = await assembly.ledger.load()
    if now.serial == planned.plan.basis.ledger_serial:
        return planned
    fresh = await plan(assembly, options)
    require_applicable(fresh.plan)
    require_same_intent(planned.plan, fresh.plan)
    return fresh


async def _recorded(
    assembly: Assembly,
    planned: Planned,
    plan_options: PlanOptions,
    options: ApplyOptions,
    leases: Mapping[str, Lease],
) -> Run:
    journal = Journal(assembly, assembly.new_run_id(), leases)
    record = opening(assembly, journal.run_id, tuple(leases))
    await journal.begin(record, digest=planned.plan.digest, changes=len(planned.plan.changes))
    try:
        run = await _carry_out(assembly, planned, plan_options, options, journal)
    except ReconcilerError as error:
        run = failed_run(journal.run_id)
        ended = closing(record, run, assembly.clock.now())
        await journal.end(ended, status=run.status.value, error=type(error).__name__)
        raise
    ended = closing(record, run, assembly.clock.now())
    await journal.end(ended, status=run.status.value, exitCode=run.exit_code)
    return run


async def _carry_out(
    assembly: Assembly, planned: Planned, plan_options: PlanOptions, options: ApplyOptions, journal: Journal
) -> Run:
    await destinations.record(assembly, journal)
    await _finish_leftovers(assembly, planned, journal)
    await _move(planned, journal)
    of_gateways = [destinations.done(change, journal) for change in planned.plan.changes if _is_gateway(change)]
    of_objects = [change for change in planned.plan.changes if not _is_gateway(change)]
    stepper = Stepper(assembly, journal, planned, options, planned.live, planned.world.ledger.entries)
    changes = (*_to_ask(assembly, planned, options), *of_objects)
    concurrency = {name: site.gateway.limits.concurrency for name, site in assembly.sites.items()}
    outcomes = await execute(changes, stepper.perform, concurrency, options.stop, stepper.halt)
    after = await _seen_again(assembly, plan_options, options, outcomes)
    await catch_up(assembly, after, journal, stepper.unproved)
    return finished_run(journal.run_id, planned, after, (*of_gateways, *outcomes), options, stepper.halt.said)


async def _seen_again(
    assembly: Assembly, plan_options: PlanOptions, options: ApplyOptions, outcomes: Sequence[Outcome]
) -> Planned:
    """The plan after the writes, once it shows them: a list may come from a copy that is behind its gateway."""
    waiting = Waiting(assembly.clock, options.stop)
    made = frozenset(o.address for o in outcomes if o.status is Status.APPLIED and o.action in MAKING)
    ends, pause = assembly.clock.monotonic() + SEEN_WITHIN, FIRST_PAUSE
    while True:
        after = await plan(assembly, plan_options)
        entries, reads = after.world.ledger.entries, after.world.capabilities
        behind = any(
            _is_behind(entries.get(address), after.live.get(address))
            for address in made
            if reads[address.gateway].kinds[address.kind].read
        )
        if not behind or waiting.is_stopped() or assembly.clock.monotonic() + pause > ends:
            return after
        await waiting.unless_stopped(assembly.clock.sleep(pause))
        pause = min(pause * 2, LONGEST_PAUSE)


def _is_behind(entry: Entry | None, live: Live | None) -> bool:
    """Whether what is seen of an object is older than what the gateway answered to our last write of it."""
    return entry is not None and (live is None or is_older(live.revision, entry.revision))


def _to_ask(assembly: Assembly, planned: Planned, options: ApplyOptions) -> Sequence[Change]:
    """What no change touches and was not proved to work yet, as steps that write nothing."""
    if options.verification is Verification.NONE:
        return ()
    resources = assembly.desired.resources
    return [
        Change(a, Action.NOOP, "not proved to work yet", depends_on=resources[a].depends_on)
        for a in sorted((*planned.plan.unproved, *planned.plan.unasked))
    ]


def _is_gateway(change: Change) -> bool:
    return change.address.kind == planning.GATEWAY


def _knows_places(planned: Planned) -> bool:
    """Whether the ledger has the gateways as they are declared; where a file was moved, it is told so as well."""
    return not any(_unrecorded(planned))


def _unrecorded(planned: Planned) -> Sequence[Mapping[Address, Entry | None]]:
    ledger = planned.world.recorded.ledger
    return planning.settlements(planned.world.desired, ledger, planning.Recorded(ledger))


async def _finish_leftovers(assembly: Assembly, planned: Planned, journal: Journal) -> None:
    """Remove candidates of an interrupted run, then complete the ledger by what was found."""
    for gateway, scratch in planned.leftovers.scratch:
        await assembly.sites[gateway].adapter.discard(scratch)
    making = {change.address for change in planned.plan.changes if change.action is Action.CREATE}
    # A creation that may still land is forgotten only when the next one takes the place of its intent.
    kept = making & planned.leftovers.begun.keys()
    settled = {address: entry for address, entry in planned.leftovers.entries.items() if address not in kept}
    if settled:
        await journal.settle_all(settled)


async def _move(planned: Planned, journal: Journal) -> None:
    """Bring entries to their new addresses, all at once: exchanged ones have no order. The gateways take no part."""
    moves = {c.address: c.moved_from for c in planned.plan.changes if c.moved_from is not None}
    entries, resources = planned.world.ledger.entries, planned.world.desired.resources
    settled: dict[Address, Entry | None] = dict.fromkeys(moves.values())
    settled |= {new: replace(entries[new], id_stated=resources[new].stated_id is not None) for new in moves}
    if settled:
        await journal.settle_all(settled)
    for new, earlier in sorted(moves.items()):
        remote_id = entries[new].remote_id
        journal.audit("object.moved", address=str(new), movedFrom=str(earlier), remoteId=remote_id)


def _chosen(assembly: Assembly, addresses: Sequence[Address]) -> Sequence[Resource]:
    if not addresses:
        return tuple(resource for _, resource in sorted(assembly.desired.resources.items()))
    unknown = [address for address in addresses if address not in assembly.desired.resources]
    if unknown:
        raise InputError([_undeclared(address) for address in unknown])
    return tuple(assembly.desired.resources[address] for address in addresses)


def _undeclared(address: Address) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "ENGINE004",
        "this address is not declared",
        f"{address} is not in the manifests; `reconciler plan` lists what is.",
        address=address,
    )


async def _verified(assembly: Assembly, resource: Resource, live: Live | None, entry: Entry | None) -> Outcome:
    if live is None:
        return Outcome(resource.address, Action.NOOP, Status.FAILED, error="not on the gateway", healthy=False)
    started = assembly.clock.monotonic()
    site = assembly.sites[resource.address.gateway]
    found = with_keys(site, resource, entry, await verify_one(assembly, site, resource, live))
    healthy = found.verdict is Verdict.READY
    return Outcome(
        resource.address,
        Action.NOOP,
        Status.UNCHANGED,
        verifications=found.attempts,
        duration_ms=(assembly.clock.monotonic() - started) * 1000,
        checks=found.checks,
        error=None if healthy else explain(found.checks),
        healthy=healthy,
    )


def _touched(assembly: Assembly, planned: Planned) -> set[str]:
    """Gateways whose entries will be written: each needs its lease."""
    addresses = [change.address for change in planned.plan.reviewed]
    addresses += [*planned.leftovers.entries, *outdated(assembly, planned)]
    addresses += [*planned.plan.unproved, *planned.plan.unasked]
    addresses += [address for part in _unrecorded(planned) for address in part]
    named = {gateway for gateway, _ in planned.leftovers.scratch} | planned.leftovers.recorded.renamed.keys()
    return {address.gateway for address in addresses} | named


def _completed(options: PlanOptions, assembly: Assembly) -> PlanOptions:
    return replace(
        options,
        commit=assembly.commit,
        tool_version=assembly.tool_version,
        secrets_available=assembly.vault.available,
    )
