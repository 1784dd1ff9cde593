"""Which live object is which: by the ledger's remote id first, then by name and content.

A platform may hold several objects of one name (webhooks): an address then stands for the one that
the ledger knows; without an entry, for the one that equals what is desired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.live import Live, Observed
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


def readdressed(
    observed: Mapping[str, Observed], resources: Mapping[Address, Resource], entries: Mapping[Address, Entry]
) -> Mapping[str, Observed]:
    """Each live object under the address that it is ours by.

    | the object                                          | its address     |
    |-----------------------------------------------------|-----------------|
    | has the id of an entry of the ledger                | of that entry   |
    | has the id, or name and url, that a manifest states | of the manifest |
    | anything else                                       | its own         |

    Names on a gateway need not be names in the language, and may change there.
    """
    if all(_at_home(live, entries) for seen in observed.values() for live in seen.objects):
        return observed
    owned = {(address.gateway, address.kind, entry.remote_id): address for address, entry in entries.items()}
    stated = {place: address for address, r in resources.items() if address not in entries for place in _stated(r)}
    return {
        gateway: _moved(seen, [_ours(live, owned, stated) for live in seen.objects])
        for gateway, seen in observed.items()
    }


def _at_home(live: Live, entries: Mapping[Address, Entry]) -> bool:
    """The quick way for a fleet that is all ours."""
    entry = entries.get(live.address)
    return entry is not None and entry.remote_id == live.remote_id


def _stated(resource: Resource) -> Iterator[tuple[object, ...]]:
    """Where on the gateway a manifest says that its object is, other than under its name."""
    gateway, kind, name = resource.address
    if resource.remote_id is not None:
        yield (gateway, kind, resource.remote_id)
    elif resource.spec.get("name", name) != name:
        yield (gateway, kind, *_identity(resource.spec))


def _ours(
    live: Live, owned: Mapping[tuple[str, str, str], Address], stated: Mapping[tuple[object, ...], Address]
) -> Address:
    gateway, kind, _ = live.address
    found = owned.get((gateway, kind, live.remote_id))
    if found is None and stated:
        named = (gateway, kind, *_identity(live.spec))
        found = stated.get((gateway, kind, live.remote_id)) or stated.get(named)
    return found or live.address


def _moved(seen: Observed, addresses: Sequence[Address]) -> Observed:
    pairs = list(zip(seen.objects, addresses, strict=True))
    if all(live.address == address for live, address in pairs):
        return seen
    return replace(seen, objects=tuple(replace(live, address=address) for live, address in pairs))


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
