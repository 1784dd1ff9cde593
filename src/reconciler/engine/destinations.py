"""Gateways of a run as places that credentials go to: what is undecided about them, and how they are recorded.

They are recorded once a plan is approved and before anything of it is written: should a write fail, where its gateway
is has been approved all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler import planning
from reconciler.engine.assembly import Assembly
from reconciler.engine.record import Journal
from reconciler.errors import Blocked
from reconciler.model.change import Change
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.run import Outcome, Status


def undecided(assembly: Assembly, ledger: LedgerSnapshot) -> Sequence[Diagnostic]:
    """Gateways that a person must decide about before anything is done or said of them. `ledger` is as it was read."""
    return planning.undecided(assembly.desired, planning.recorded_for(assembly.desired, ledger), assembly.held)


async def require_admitted(assembly: Assembly) -> None:
    """Raise Blocked where a gateway of the run may not be looked at."""
    if assembly.held:
        found = undecided(assembly, await assembly.ledger.load())
        raise Blocked("where a credential goes is not approved: nothing was sent", found)


def recorded(assembly: Assembly, ledger: LedgerSnapshot) -> planning.Recorded:
    """The ledger as it reads today. Fingerprints of a gateway's earlier name are made anew where they are the same."""
    found = planning.recorded_for(assembly.desired, ledger)
    if not found.renamed:
        return found
    earlier = {new: old for old, new in found.renamed.items()}
    entries = {
        address: entry if address in ledger.entries else _rekeyed(assembly, entry, earlier[address.gateway])
        for address, entry in found.ledger.entries.items()
    }
    return replace(found, ledger=replace(found.ledger, entries=entries))


def _rekeyed(assembly: Assembly, entry: Entry, earlier: str) -> Entry:
    """A key belongs to the name of its gateway: what one says of a secret of today is said again with the other."""
    resource, fingerprints = assembly.desired.resources.get(entry.address), dict(entry.fingerprints)
    for path, ref in resource.secrets.items() if resource is not None else ():
        now = assembly.vault.fingerprint(entry.address.gateway, ref)
        if now is not None and assembly.vault.fingerprint(earlier, ref) == fingerprints.get(path):
            fingerprints[path] = now
    return replace(entry, fingerprints=fingerprints)


async def record(assembly: Assembly, journal: Journal) -> None:
    """Bring the ledger up to what the manifests say of gateways."""
    ledger = await assembly.ledger.load()
    for entries in planning.settlements(assembly.desired, ledger, recorded(assembly, ledger)):
        if entries:
            await journal.settle_all(entries)


async def record_first(assembly: Assembly, journal: Journal) -> None:
    """Tell the ledger of gateways that it has never heard of: whoever takes an object over has looked at them."""
    found = planning.first_seen(assembly.desired, await assembly.ledger.load())
    if found:
        await journal.settle_all(found)


def done(change: Change, journal: Journal) -> Outcome:
    """How the change of a gateway itself ended: it was recorded, and that is all there is to it."""
    outcome = Outcome(change.address, change.action, Status.APPLIED)
    journal.finished(change, None, outcome)
    return outcome
