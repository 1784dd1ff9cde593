"""Order changes: what is depended upon first; among equals, by address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.memory import Entry

_REMOVALS = frozenset({Action.DELETE, Action.FORGET})


def ordered(edges: Mapping[Address, Iterable[Address]]) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """Sort addresses so that each comes after those it depends on; the second part is what lies on a cycle.

    `edges` maps each address to what it depends on; dependencies outside of it are ignored.
    """
    waits = {address: {d for d in needs if d in edges and d != address} for address, needs in edges.items()}
    behind: dict[Address, list[Address]] = {}
    for address, needs in waits.items():
        for need in needs:
            behind.setdefault(need, []).append(address)
    ready = [address for address, needs in waits.items() if not needs]
    heapify(ready)
    done: list[Address] = []
    while ready:
        address = heappop(ready)
        done.append(address)
        for dependent in behind.get(address, ()):
            waits[dependent].discard(address)
            if not waits[dependent]:
                heappush(ready, dependent)
    return tuple(done), tuple(sorted(set(edges) - set(done)))


def in_order(changes: Sequence[Change], entries: Mapping[Address, Entry]) -> tuple[Change, ...]:
    """Changes in the order of execution, each with the changes of this plan that must end before it.

    A removal waits for everything that depended on it to be removed, or to be written without it.
    """
    by_address = {change.address: change for change in changes}
    edges: dict[Address, set[Address]] = {change.address: set() for change in changes}
    for change in changes:
        if change.action not in _REMOVALS:
            edges[change.address] |= {need for need in change.depends_on if need in by_address}
        for needed in entries[change.address].depends_on if change.address in entries else ():
            if needed in by_address and by_address[needed].action in _REMOVALS:
                edges[needed].add(change.address)
    done, cyclic = ordered(edges)
    linked = {address: replace(by_address[address], depends_on=tuple(sorted(edges[address]))) for address in edges}
    sequence = [*done, *cyclic]
    written = [linked[a] for a in sequence if linked[a].action not in _REMOVALS]
    removed = [linked[a] for a in sequence if linked[a].action in _REMOVALS]
    return (*written, *removed)
