"""What a gateway has room for once: who has it, who is to have it, and how it is handed on within one plan. Pure.

| what a change takes for itself belongs, by what is live, to | then                                     |
|-------------------------------------------------------------|------------------------------------------|
| nobody, or the object itself                                | nothing                                  |
| an object that this plan gives another                      | the change waits for that one            |
| such objects in a circle                                    | SAFETY006: none of them could be first   |
| an object that keeps it                                     | SAFETY006                                |
| an object that this plan deletes                            | SAFETY006: it goes last                  |
| an object that is not declared                              | SAFETY006                                |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live
from reconciler.model.resource import Resource, Spec
from reconciler.planning.ownership import capability
from reconciler.planning.world import World

_USUAL: Mapping[str, tuple[str, ...]] = {"Endpoint": ("provider", "displayName")}
"""What is unique where a platform does not say."""

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change that takes what another object has."""

    change: Change
    resource: Resource
    holder: Address
    members: tuple[str, ...]


def handed_on(world: World, changes: Sequence[Change]) -> tuple[tuple[Change, ...], tuple[Diagnostic, ...]]:
    """The changes, waiting for each other where one takes what another gives up, and those that cannot be."""
    by_address = {change.address: change for change in changes}
    wishes = {wish.change.address: wish for wish in _wishes(world, changes)}
    giving = {a: w.holder for a, w in wishes.items() if _gives_up(by_address.get(w.holder))}
    turning = {a: holder for a, holder in giving.items() if not _in_circle(a, giving)}
    found = [_refused(w, by_address, giving, world) for a, w in sorted(wishes.items()) if a not in turning]
    waiting = [
        replace(change, depends_on=(*change.depends_on, turning[change.address]))
        if change.address in turning
        else change
        for change in changes
    ]
    return tuple(waiting), tuple(found)


def _gives_up(change: Change | None) -> bool:
    """Of objects that keep what they have there is no wish; whoever else is written gets something else."""
    return change is not None and change.action in {Action.UPDATE, Action.REPLACE}


def _in_circle(address: Address, giving: Mapping[Address, Address]) -> bool:
    seen, here = {address}, giving.get(address)
    while here is not None and here not in seen:
        seen.add(here)
        here = giving.get(here)
    return here is not None


def _wishes(world: World, changes: Sequence[Change]) -> Iterator[_Wish]:
    writing = [c for c in changes if c.action.writes and c.action is not Action.DELETE]
    kinds = {(c.address.gateway, c.address.kind) for c in writing}
    holders = {kind: _holders(world, kind) for kind in kinds}
    for change in writing:
        resource = world.desired.resources[change.address]
        members = _members(world, change.address)
        if members is None:
            continue
        key = _key(resource.spec, members)
        others = [a for a in holders[change.address[:2]].get(key, ()) if a != change.address]
        holder = next((a for a in others if not _keeps_nothing(world, a, key, changes)), None)
        if holder is not None:
            yield _Wish(change, resource, holder, members)


def _keeps_nothing(world: World, holder: Address, key: Key, changes: Iterable[Change]) -> bool:
    """Two documents that want the same are told by `validate`, and not once more."""
    resource = world.desired.resources.get(holder)
    members = _members(world, holder)
    written = any(change.address == holder and change.action.writes for change in changes)
    return resource is not None and members is not None and written and _key(resource.spec, members) == key


def _members(world: World, address: Address) -> tuple[str, ...] | None:
    found = capability(world.capabilities, address).unique
    return _USUAL.get(address.kind) if found is None else found


def _holders(world: World, place: tuple[str, str]) -> Mapping[Key, Sequence[Address]]:
    gateway, kind = place
    found: dict[Key, list[Address]] = {}
    members = _members(world, Address(gateway, kind, ""))
    if members is None or gateway not in world.observed:
        return found
    for live in world.observed[gateway].objects:
        if live.address.kind == kind and (key := _shown(live, members)) is not None:
            found.setdefault(key, []).append(live.address)
    return found


def _shown(live: Live, members: tuple[str, ...]) -> Key | None:
    key = _key(live.spec, members)
    return None if None in key else key


def _key(spec: Spec, members: tuple[str, ...]) -> Key:
    return tuple(spec.get(member) for member in members)


def _refused(
    wish: _Wish, changes: Mapping[Address, Change], giving: Mapping[Address, Address], world: World
) -> Diagnostic:
    address, last = wish.change.address, (wish.members or ("name",))[-1]
    path = f"/spec/{last}" if wish.members else "/metadata/name"
    what = _words(wish)
    return Diagnostic(
        Severity.ERROR,
        "SAFETY006",
        "the display name is taken on the gateway" if last == "displayName" else "the place is taken on the gateway",
        f"{_holder_words(wish.holder, changes, world)} has {what} on {address.gateway!r}."
        f"{_way(wish, changes, giving, last)}",
        wish.resource.source.position(path),
        address,
        path,
    )


def _words(wish: _Wish) -> str:
    spec, members = wish.resource.spec, wish.members
    if members == ("provider", "displayName"):
        return f"the name {spec['displayName']!r} within provider {spec['provider']!r}"
    return " and ".join(f"the {m} {spec[m]!r}" for m in members) or f"the only {wish.holder.kind} that there can be"


def _holder_words(holder: Address, changes: Mapping[Address, Change], world: World) -> str:
    change = changes.get(holder)
    if change is not None and change.action is Action.DELETE:
        return f"{holder}, which is no longer declared,"
    if holder in world.desired.resources:
        return str(holder)
    return f"an {holder.kind.lower()} that is not in these manifests ({holder})"


def _way(wish: _Wish, changes: Mapping[Address, Change], giving: Mapping[Address, Address], last: str) -> str:
    address, holder = wish.change.address, wish.holder
    change = changes.get(holder)
    if change is not None and change.action is Action.DELETE:
        return (
            f" It is deleted only once {address} works, and the gateway refuses the name until then: say `movedFrom: "
            f"{holder.name}` if it is the same object, or choose another {last}, or keep the name {holder.name!r}."
        )
    if address in giving:
        return (
            f" It is to get another one, and waits for {address} in turn: whoever is first would be refused. Give one "
            f"of them a {last} of its own for one apply, and the one that is wanted with the next."
        )
    return f" Choose another {last}."
