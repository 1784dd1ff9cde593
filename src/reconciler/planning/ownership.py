"""Whose is what: which object of a gateway a resource means, and which entries of the ledger are of it. Pure.

What a resource means, the first that holds:

| the manifest                            | the ledger                      | it means                             |
|-----------------------------------------|---------------------------------|--------------------------------------|
| gives the id                            | any                             | the object with that id              |
| gives none                              | knows one, not by a given id    | the object that the ledger knows     |
| says `movedFrom`                        | knows one under that name       | the object that the ledger knows     |
| gives none, and names are ids           | any                             | the object with its (earlier) name   |
| gives none, and the gateway chooses ids | nothing                         | the one with the same identity       |

An entry goes to the resource that means its object, wherever that is declared, so that a live object which a manifest
claims is never deleted:

| the entry's object is meant by           | its address is declared | the entry                                    |
|------------------------------------------|-------------------------|----------------------------------------------|
| the resource of its own address          | yes                     | stays                                        |
| another resource                         | any                     | moves there                                  |
| another one, which has an entry of it    | no                      | is forgotten: it is the same object          |
| several resources, its own among them    | yes                     | stays; the plan is refused                   |
| several others                           | no                      | is left out; the plan is refused             |
| nobody                                   | no                      | stays: its object is no longer declared      |
| nobody                                   | yes                     | is let go: the manifest means another object |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry
from reconciler.model.resource import EMPTY, Resource, Spec

Resources = Mapping[Address, Resource]
Entries = Mapping[Address, Entry]
Abilities = Mapping[str, Capabilities]

Place = tuple[str, str, str]
"""Gateway, kind and remote id."""

_USUAL: Mapping[str, tuple[str, ...]] = {"Webhook": ("name", "url")}
"""What objects are recognized by where a platform does not say."""

_UNKNOWN = KindCapability()


@dataclass(frozen=True, slots=True)
class Ownership:
    """Entries under the addresses that mean their objects, and how they came there.

    `moved` has the earlier address of each entry that goes elsewhere, `let_go` entries whose address means another
    object now, `doubles` the entries of objects that another entry stands for. `disputed` are addresses that mean one
    object together, each with the others; `torn` those whose `movedFrom` is another object than they mean.
    """

    entries: Entries = field(default_factory=dict)
    moved: Mapping[Address, Address] = field(default_factory=dict)
    let_go: Entries = field(default_factory=dict)
    doubles: Mapping[Address, Address] = field(default_factory=dict)
    disputed: Mapping[Address, Sequence[Address]] = field(default_factory=dict)
    torn: Entries = field(default_factory=dict)


def capability(abilities: Abilities, address: Address) -> KindCapability:
    """What the platform says of a kind; nothing in particular where it is not known."""
    found = abilities.get(address.gateway)
    return _UNKNOWN if found is None else found.kinds.get(address.kind, _UNKNOWN)


def identity(abilities: Abilities, address: Address) -> tuple[str, ...]:
    """Members of the spec that an object is recognized by while its id is not known."""
    found = capability(abilities, address)
    return () if found.named else found.identity or _USUAL.get(address.kind, ())


def with_first_id(resource: Resource, able: KindCapability) -> Resource:
    """A resource that moved keeps its earlier name as its id, where names are ids. Before it is normalized."""
    if resource.moved_from is None or resource.remote_id is not None or not able.named:
        return resource
    if any(resource.spec.get(member) is not None for member in able.identity):
        return resource
    return replace(resource, remote_id=resource.moved_from)


def located(
    resources: Resources, entries: Entries, abilities: Abilities, normalize: Callable[[Resource], Resource]
) -> Resources:
    """Resources with the ids that the ledger knows them by, where names are ids and the manifest gives none."""
    found = {
        address: normalize(replace(resource, remote_id=entry.remote_id))
        for address, resource in resources.items()
        if resource.stated_id is None and capability(abilities, address).named
        if (entry := _known(resource, resources, entries)) is not None
        if entry.remote_id != (resource.remote_id or address.name)
    }
    return {**resources, **found} if found else resources


def _known(resource: Resource, resources: Resources, entries: Entries) -> Entry | None:
    """The entry that says what a resource without an id of its own means."""
    own = entries.get(resource.address)
    if own is not None:
        return None if own.id_stated else own
    return _earlier(resource, resources, entries)


def _earlier(resource: Resource, resources: Resources, entries: Entries) -> Entry | None:
    """The entry under the name before a move that the ledger has not made yet."""
    if resource.moved_from is None:
        return None
    address = resource.address._replace(name=resource.moved_from)
    return None if address in resources else entries.get(address)


def meant(resources: Resources, entries: Entries, abilities: Abilities) -> Mapping[Address, str]:
    """The remote id that each resource means, as far as one is known before looking at the gateway."""
    return {
        address: found
        for address, resource in resources.items()
        if (found := _meant(resource, resources, entries, abilities)) is not None
    }


def _meant(resource: Resource, resources: Resources, entries: Entries, abilities: Abilities) -> str | None:
    if resource.stated_id is not None:
        return resource.stated_id
    known = _known(resource, resources, entries)
    if known is not None:
        return known.remote_id
    if resource.remote_id is not None:
        return resource.remote_id
    return resource.address.name if capability(abilities, resource.address).named else None


def owned(resources: Resources, entries: Entries, abilities: Abilities, observed: Mapping[str, Observed]) -> Ownership:
    """Bring each entry to the resource that means its object."""
    ids = meant(resources, entries, abilities)
    if all(ids.get(address) == entry.remote_id for address, entry in entries.items()) and _plain(resources):
        return Ownership(entries, disputed=_disputed(ids))
    return _Sorting(resources, entries, abilities, ids).sorted(observed)


def _plain(resources: Resources) -> bool:
    return not any(resource.moved_from for resource in resources.values())


def _disputed(ids: Mapping[Address, str]) -> Mapping[Address, Sequence[Address]]:
    """Addresses that mean one object together."""
    if len({(a.gateway, a.kind, key) for a, key in ids.items()}) == len(ids):
        return {}
    by_place: dict[Place, list[Address]] = {}
    for address, key in ids.items():
        by_place.setdefault((address.gateway, address.kind, key), []).append(address)
    return {a: [other for other in group if other != a] for group in by_place.values() if group[1:] for a in group}


class _Sorting:
    """The entries of one ledger, on their way to who means their objects."""

    def __init__(
        self, resources: Resources, entries: Entries, abilities: Abilities, ids: Mapping[Address, str]
    ) -> None:
        self.resources, self.entries, self.abilities, self.ids = resources, entries, abilities, ids
        self.disputed = _disputed(ids)
        self.kept: dict[Address, Entry] = {}
        self.moved: dict[Address, Address] = {}
        self.let_go: dict[Address, Entry] = {}
        self.doubles: dict[Address, Address] = {}
        self.torn: dict[Address, Entry] = {}

    def sorted(self, observed: Mapping[str, Observed]) -> Ownership:
        """Ids decide first, then what objects look like."""
        claimants = {(a.gateway, a.kind, key): a for a, key in self.ids.items() if a not in self.disputed}
        several = {(a.gateway, a.kind, self.ids[a]) for a in self.disputed}
        claimed: dict[Address, list[Entry]] = {}
        strays: list[Entry] = []
        for address, entry in sorted(self.entries.items()):
            place = (address.gateway, address.kind, entry.remote_id)
            owner = claimants.get(place)
            if address in self.disputed:
                self.kept[address] = entry
            elif place in several and address not in self.resources:
                continue  # the plan is refused, and meanwhile it is nobody's orphan
            elif owner is None:
                strays.append(entry)
            else:
                claimed.setdefault(owner, []).append(entry)
        for owner, found in claimed.items():
            self._claim(owner, found)
        self._tell_torn(strays)
        self._heirs([entry for entry in strays if entry.address not in self._torn_away()], observed)
        return Ownership(self.kept, self.moved, self.let_go, self.doubles, self.disputed, self.torn)

    def _claim(self, owner: Address, found: Sequence[Entry]) -> None:
        """The owner's own entry stands; of several others the first."""
        chosen = next((entry for entry in found if entry.address == owner), found[0])
        self._give(owner, chosen)
        for entry in found:
            if entry is not chosen and entry.address not in self.resources:
                self.doubles[entry.address] = owner

    def _give(self, owner: Address, entry: Entry) -> None:
        self.kept[owner] = entry if entry.address == owner else replace(entry, address=owner)
        if entry.address != owner:
            self.moved[owner] = entry.address

    def _tell_torn(self, strays: Sequence[Entry]) -> None:
        """A resource that says where it came from, and means something else."""
        waiting = {entry.address: entry for entry in strays if entry.address not in self.resources}
        for address, resource in self.resources.items():
            if resource.moved_from is None:
                continue
            entry = waiting.get(address._replace(name=resource.moved_from))
            if entry is not None and address in self.ids:
                self.torn[address] = entry

    def _torn_away(self) -> frozenset[Address]:
        return frozenset(entry.address for entry in self.torn.values())

    def _heirs(self, strays: Sequence[Entry], observed: Mapping[str, Observed]) -> None:
        """Objects whose ids nobody means, and that look like what a resource without an id describes."""
        free = {a: r for a, r in self.resources.items() if a not in self.ids}
        likenesses = _likenesses(free, self.abilities)
        looks = {(n, o.address.kind, o.remote_id): o.spec for n, seen in observed.items() for o in seen.objects}
        for entry in strays:
            gateway, kind, _ = entry.address
            names = identity(self.abilities, entry.address)
            live = looks.get((gateway, kind, entry.remote_id))
            specs = [entry.spec] if live is None else [live, entry.spec]
            heir = next(
                (found for spec in specs if (found := likenesses.get((gateway, kind, *_look(spec, names))))), None
            )
            if heir is not None and heir not in self.kept:
                self._give(heir, entry)
            elif entry.address in self.resources:
                self.let_go[entry.address] = entry
            else:
                self.kept[entry.address] = entry


def _likenesses(resources: Resources, abilities: Abilities) -> Mapping[tuple[object, ...], Address]:
    """Resources by what they are recognized by; what several share tells nothing."""
    by_look = [
        ((a.gateway, a.kind, *_look(resource.spec, names)), a)
        for a, resource in resources.items()
        if (names := identity(abilities, a))
    ]
    counted = Counter(look for look, _ in by_look)
    return {look: address for look, address in by_look if counted[look] == 1}


def _look(spec: Spec, names: Iterable[str]) -> tuple[object, ...]:
    return tuple(spec.get(name) for name in names)


def readdressed(
    observed: Mapping[str, Observed], resources: Resources, entries: Entries, abilities: Abilities = EMPTY
) -> Mapping[str, Observed]:
    """Each live object under the address that it is ours by.

    | the object                                             | its address               |
    |--------------------------------------------------------|---------------------------|
    | has the id of an entry of the ledger                   | of that entry             |
    | has the id that a resource means                       | of that resource          |
    | looks like a resource that has neither entry nor id    | of that resource          |
    | bears the earlier name of such a resource              | of that resource          |
    | bears the name of one that means another object        | one that cannot be written |
    | anything else                                          | its own                   |

    Names on a gateway need not be names in the language, and may change there.
    """
    ids = meant(resources, entries, abilities)
    if all(_at_home(live, entries, ids) for seen in observed.values() for live in seen.objects):
        return observed
    naming = _Naming(resources, entries, abilities, ids)
    return {
        gateway: _renamed(seen, [naming.address(live) for live in seen.objects]) for gateway, seen in observed.items()
    }


def _at_home(live: Live, entries: Entries, ids: Mapping[Address, str]) -> bool:
    """The quick way for a fleet that is all ours."""
    entry = entries.get(live.address)
    return entry is not None and entry.remote_id == live.remote_id == ids.get(live.address, live.remote_id)


class _Naming:
    """Finds the address that a live object is ours by."""

    def __init__(
        self, resources: Resources, entries: Entries, abilities: Abilities, ids: Mapping[Address, str]
    ) -> None:
        self.resources, self.entries, self.abilities, self.ids = resources, entries, abilities, ids
        self.owners: dict[Place, Address] = {(a.gateway, a.kind, key): a for a, key in ids.items()}
        self.owners |= {(a.gateway, a.kind, entry.remote_id): a for a, entry in entries.items()}
        free = {a: r for a, r in resources.items() if a not in ids and a not in entries}
        self.likenesses = _likenesses(free, abilities)
        self.earlier = {a._replace(name=r.moved_from): a for a, r in free.items() if r.moved_from is not None}

    def address(self, live: Live) -> Address:
        """The address, by the table of `readdressed`."""
        own = live.address
        owner = self.owners.get((own.gateway, own.kind, live.remote_id))
        if owner is None:
            look = _look(live.spec, identity(self.abilities, own))
            owner = self.likenesses.get((own.gateway, own.kind, *look)) or self.earlier.get(own)
        if owner is not None:
            return owner
        return own if self._may_be(own, live.remote_id) else own._replace(name=f"{own.name} ({live.remote_id})")

    def _may_be(self, own: Address, remote_id: str) -> bool:
        """Whether an object that nobody means may stand under its own name: as ours made anew, or to be adopted."""
        if own in self.resources:
            return self.ids.get(own, remote_id) == remote_id or not _is_other(self, own)
        return own not in self.entries


def _is_other(naming: _Naming, own: Address) -> bool:
    """Whether the resource of this name is known to mean another object, by more than an entry whose id may be gone."""
    resource = naming.resources[own]
    return resource.stated_id is not None or capability(naming.abilities, own).named


def _renamed(seen: Observed, addresses: Sequence[Address]) -> Observed:
    pairs = list(zip(seen.objects, addresses, strict=True))
    if all(live.address == address for live, address in pairs):
        return seen
    return replace(seen, objects=tuple(replace(live, address=address) for live, address in pairs))


def claims(resource: Resource, able: KindCapability, names: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    """What of a gateway a resource takes for itself, by its manifest alone: id, looks, what may be there once."""
    key = resource.remote_id or (resource.first_name if able.named else None)
    if key is not None:
        yield ("id", key)
    for what, members in (("looks", names or None), ("unique", able.unique)):
        if members is not None and None not in _look(resource.spec, members):
            yield (what, *_look(resource.spec, members))


def twins(resources: Resources, abilities: Abilities) -> Iterator[tuple[Resource, Resource, tuple[object, ...]]]:
    """Resources that lead to one live object by their manifests alone, each with the other and what they share."""
    first: dict[tuple[object, ...], Resource] = {}
    told: set[tuple[Address, Address]] = set()
    for address, resource in sorted(resources.items()):
        able = capability(abilities, address)
        if address.gateway not in abilities or not (able.read or able.create):
            continue
        for claim in claims(resource, able, identity(abilities, address)):
            other = first.setdefault((address.gateway, address.kind, *claim), resource)
            if other is not resource and (other.address, address) not in told:
                told.add((other.address, address))
                yield other, resource, claim
                yield resource, other, claim


def place_of(resource: Resource, claim: tuple[object, ...], able: KindCapability) -> str:
    """Where a manifest says what a claim is about."""
    if claim[0] != "id":
        names = able.unique if claim[0] == "unique" else able.identity
        return f"/spec/{names[0]}" if names else "/metadata/name"
    if resource.stated_id is not None:
        return "/metadata/remoteId" if not able.identity else f"/spec/{able.identity[0]}"
    return "/metadata/name" if resource.moved_from is None else "/metadata/movedFrom"
