"""After the writes: bring the ledger up to what is true without writing to a gateway.

An owned object that already is as the manifest wants (someone made it so, a field was released, a
reference was renamed, protection was switched on) needs no write; only the ledger's entry is behind.

What the ledger keeps of the manifest itself (its file, its labels, `manage`, `protect`) follows it also where the
object differs: one that is only observed, or a change that failed, has a manifest all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.engine.assembly import Assembly, Planned
from reconciler.engine.leftover import contains
from reconciler.engine.record import Journal
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.resource import Resource
from reconciler.planning import entry_for, left_alone, sent_before


def outdated(assembly: Assembly, planned: Planned) -> Mapping[Address, Entry]:
    """Entries as they should stand, for those that are behind."""
    changing = {change.address for change in planned.plan.changes}
    entries, live = planned.world.ledger.entries, planned.live
    open_intents = planned.leftovers.entries.keys() | planned.world.ledger.intents.keys()
    behind = {}
    for address, resource in assembly.desired.resources.items():
        entry, seen = entries.get(address), live.get(address)
        if entry is None:
            continue
        if seen is None or address in changing or not _is_as_wanted(resource, seen):
            # An open intent is closed by whoever finds out how it ended, and by nothing else.
            wanted = entry if address in open_intents else restated(resource, entry)
        else:
            wanted = _entry(assembly, resource, seen, entry)
        if wanted != entry:
            behind[address] = wanted
    return behind


def _is_as_wanted(resource: Resource, seen: Live) -> bool:
    """What is ignored does not keep the ledger behind."""
    return contains(seen.spec, left_alone(resource, seen.spec, ()).spec)


async def catch_up(
    assembly: Assembly, planned: Planned, journal: Journal, unproved: Mapping[Address, tuple[str, ...]]
) -> None:
    """Settle the entries that are behind, in one go; `unproved` is what this run found out about what it wrote."""
    behind, entries = dict(outdated(assembly, planned)), planned.world.ledger.entries
    for address, left in unproved.items():
        entry = behind.get(address) or entries.get(address)
        if entry is not None and (entry.unproved != left or entry.unasked):
            behind[address] = replace(entry, unproved=left, unasked=False)
    if behind:
        await journal.settle_all(behind)


def restated(resource: Resource, entry: Entry) -> Entry:
    """The entry with what its manifest says of itself now, and nothing of what it wants of the object."""
    life = resource.lifecycle
    return replace(
        entry,
        protect=life.protect,
        manage=life.manage,
        origin=resource.origin or entry.origin,
        labels=resource.labels,
        id_stated=resource.stated_id is not None,
    )


def _entry(assembly: Assembly, resource: Resource, live: Live, entry: Entry) -> Entry:
    """What nothing was written over is no news: a revision that moved, or a key that somebody replaced meanwhile.

    Of an object that is only observed no plan shows such a key, and once it is managed again the next one must.
    """
    wanted = sent_before(entry_for(resource, live, assembly.fingerprints(resource)), entry)
    sent = {path: hint for path, hint in entry.hints.items() if path in wanted.fingerprints}
    return replace(wanted, revision=entry.revision, hints={**wanted.hints, **sent})
