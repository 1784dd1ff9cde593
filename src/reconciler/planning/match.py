"""Which live object is which: by the ledger's remote id first, then by name and content.

A platform may hold several objects of one name (webhooks): an address then stands for the one that
the ledger knows; without an entry, for the one that equals what is desired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.resource import Resource
from reconciler.planning.world import World

_IDENTITY = ("name", "url")


def matched(
    objects: Sequence[Live], resources: Mapping[Address, Resource], entries: Mapping[Address, Entry]
) -> tuple[Mapping[Address, Live], frozenset[Address], Mapping[str, int]]:
    """Live objects by address, addresses that several fit equally, and how many of each kind are nobody's."""
    found: dict[Address, Live] = {}
    several: dict[Address, list[Live]] = {}
    for live in objects:
        first = found.setdefault(live.address, live)
        if first is not live:
            several.setdefault(live.address, [first]).append(live)
    ambiguous = set()
    for address, candidates in several.items():
        chosen = _chosen(candidates, resources.get(address), entries.get(address))
        if chosen is not None:
            found[address] = chosen
            continue
        del found[address]
        if address in resources or address in entries:
            ambiguous.add(address)
    unowned = Counter(live.address.kind for live in objects)
    unowned.subtract(address.kind for address in found if address in entries or address in resources)
    return found, frozenset(ambiguous), unowned


def live_objects(world: World) -> Mapping[Address, Live]:
    """What lives under each address: of several with one name, the one that is ours."""
    desired, entries = world.desired.resources, world.ledger.entries
    return {
        address: live
        for seen in world.observed.values()
        for address, live in matched(seen.objects, desired, entries)[0].items()
    }


def _chosen(candidates: Sequence[Live], resource: Resource | None, entry: Entry | None) -> Live | None:
    if entry is not None:
        return next((live for live in candidates if live.remote_id == entry.remote_id), None)
    if resource is None:
        return None
    alike = [live for live in candidates if _identity(live.spec) == _identity(resource.spec)]
    return alike[0] if len(alike) == 1 else None


def _identity(spec: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(spec.get(key) for key in _IDENTITY)
