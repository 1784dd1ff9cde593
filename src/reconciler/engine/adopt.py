"""Taking over without writing to a gateway: what is nobody's, and entries for what becomes ours.

An adopted entry holds the object's spec, the references of its secrets and what the gateway shows of them, and no
fingerprint: none of its secrets was ever sent by this tool. See `planning/secretdiff.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from reconciler import planning
from reconciler.engine import unset
from reconciler.engine.assembly import Assembly, Site, located
from reconciler.engine.destinations import record_first, recorded, require_admitted
from reconciler.engine.observe import observe, sought
from reconciler.engine.record import Journal, closing, opening
from reconciler.errors import Blocked
from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.resource import Resource
from reconciler.model.run import Outcome, Run, RunStatus, Status
from reconciler.model.secret import SecretRef
from reconciler.planning import entry_for, sent_before
from reconciler.planning.pointer import join, lookup

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen, each object under the address that it is ours by.

    `live` are those that are declared or owned; `ambiguous` are addresses that several objects fit.
    """

    observed: Mapping[str, Observed]
    ledger: LedgerSnapshot
    live: Mapping[Address, Live]
    ambiguous: frozenset[Address]

    @property
    def unclaimed(self) -> Mapping[str, Sequence[Live]]:
        """By gateway, objects that no manifest declares and the ledger does not know."""
        ours = {id(live) for live in self.live.values()}
        busy = self.ambiguous | self.ledger.intents.keys()
        return {
            gateway: [live for live in seen.objects if id(live) not in ours and live.address not in busy]
            for gateway, seen in self.observed.items()
        }


async def survey(assembly: Assembly) -> Survey:
    """Look at the gateways and at the ledger. Writes nothing. Raises Blocked where one may not be looked at."""
    await require_admitted(assembly)
    await unset.learn(assembly)
    seen = await observe(assembly)
    snapshot = planning.objects_of(recorded(assembly, await assembly.ledger.load()).ledger)
    seen = await sought(assembly, seen, snapshot.entries)
    assembly = located(assembly, snapshot.entries)
    resources, entries = assembly.desired.resources, snapshot.entries
    observed = planning.readdressed(seen, resources, entries, assembly.capabilities)
    live: dict[Address, Live] = {}
    ambiguous: set[Address] = set()
    for each in observed.values():
        found, unclear, _ = planning.matched(each.objects, resources, entries)
        live.update({address: one for address, one in found.items() if address in resources or address in entries})
        ambiguous |= unclear
    return Survey(observed, snapshot, live, frozenset(ambiguous))


def expressible(site: Site, live: Live) -> str:
    """Why the platform would not take the object back as it is; empty where it would."""
    patterns = site.platform.capabilities.kinds[live.address.kind].write_only
    paths = [path for pattern in patterns for path in _expanded(pattern, live)]
    secrets = {path: SecretRef("env", ("NAME",)) for path in paths}
    found = site.platform.unsupported(Resource(live.address, live.spec, secrets), site.gateway)
    return " ".join(finding.detail for finding in found if finding.severity is Severity.ERROR)


def _expanded(pattern: str, live: Live) -> Iterator[str]:
    """The paths that a pattern with at most one ``*`` stands for in a live object."""
    before, star, after = pattern.partition("/*")
    if not star:
        yield pattern
        return
    for key in lookup(live.spec, before.split("/")[2:]) or ():
        yield join(before, (key,)) + after


def adopted(resource: Resource, live: Live, entry: Entry | None) -> Entry:
    """The entry of an object that equals its manifest; of one that was ours, what is known of its secrets stays.

    Keys that were not in the ledger are unsent: they came with the live object.
    """
    fresh = entry_for(resource, live, {})
    if entry is None:
        return fresh
    kept = sent_before(fresh, entry)
    new = {path for path in fresh.refs if lookup(entry.spec, path.split("/")[2:-1]) is ABSENT}
    refs = {path: ref for path, ref in fresh.refs.items() if path in new} | dict(kept.refs)
    hints = {path: hint for path, hint in live.hints.items() if path in new} | dict(entry.hints)
    return replace(
        kept,
        fingerprints=_of(kept.fingerprints, fresh.refs),
        refs=_of(refs, fresh.refs),
        hints=_of(hints, live.hints),
    )


def as_it_lives(resource: Resource, live: Live) -> Entry:
    """The entry of an object that was not ours and differs from its manifest: the next plan shows where."""
    return replace(adopted(resource, live, None), spec=planning.as_lives(resource, live.spec))


def _of(members: Mapping[str, T], paths: Container[str]) -> Mapping[str, T]:
    return {path: member for path, member in members.items() if path in paths}


@asynccontextmanager
async def taking_over(assembly: Assembly, seen: Survey, entries: Sequence[Entry]) -> AsyncIterator[None]:
    """Hold the gateways while the block prepares (writes files), then record `entries`; nothing if it raises.

    Raises LeaseHeld, and Blocked when the ledger moved since the survey.
    """
    gateways = sorted({entry.address.gateway for entry in entries})
    async with AsyncExitStack() as stack:
        leases = {
            gateway: await stack.enter_async_context(
                assembly.ledger.lease(gateway, assembly.holder, assembly.lock_wait)
            )
            for gateway in gateways
        }
        if leases and (await assembly.ledger.load()).serial != seen.ledger.serial:
            raise Blocked("the ledger moved meanwhile: another run was busy; look again", [_moved()])
        yield
        if leases:
            await _record(Journal(assembly, assembly.new_run_id(), leases), entries)


def _moved() -> Diagnostic:
    detail = "what was looked at is no longer all that the ledger knows. Nothing was recorded; run the command again."
    return Diagnostic(Severity.ERROR, "ENGINE002", "the ledger moved since it was read", detail)


async def _record(journal: Journal, entries: Sequence[Entry]) -> None:
    """One run of the history, one line of the audit for each object, and the entries."""
    assembly = journal.assembly
    record = opening(assembly, journal.run_id, tuple(journal.leases))
    await journal.begin(record, adopts=len(entries))
    await record_first(assembly, journal)
    await journal.settle_all({entry.address: entry for entry in entries})
    for entry in entries:
        journal.audit("object.adopted", address=str(entry.address), remoteId=entry.remote_id)
    outcomes = tuple(Outcome(entry.address, Action.ADOPT, Status.APPLIED) for entry in entries)
    run = Run(journal.run_id, RunStatus.OK, 0, outcomes)
    ended = closing(record, run, assembly.clock.now())
    await journal.end(ended, status=run.status.value, exitCode=run.exit_code)
