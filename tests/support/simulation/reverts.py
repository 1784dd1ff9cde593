"""Mends taken back, one by one: a simulation is judged by whether it finds the fault that each of them ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.engine import destinations, executor, leftover, observe, step, write
from reconciler.errors import Conflict
from reconciler.model.change import Origin
from reconciler.model.memory import Entry
from reconciler.planning import (
    findings,
    gateways,
    ignored,
    names,
    outcome,
    ownership,
    planner,
    safety,
    secretdiff,
)

Replacement = tuple[Callable[..., Any], Callable[..., Any]]


@contextmanager
def reverted(fault: str) -> Iterator[None]:
    """Until the block ends the code behaves as it did before the mend of `fault`."""
    pairs = FAULTS[fault]()
    for old, new in pairs:
        _replace(old, new)
    try:
        yield
    finally:
        for old, new in pairs:
            _replace(new, old)


def _replace(old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Everywhere where the package knows a function by name."""
    for name, module in list(sys.modules.items()):
        if name.startswith("reconciler"):
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)


def _deletion_does_not_wait() -> list[Replacement]:
    return [(executor._gates, lambda *_: iter(()))]


def _rename_is_a_deletion() -> list[Replacement]:
    return [(ownership.owned, lambda _resources, entries, _abilities, _observed: ownership.Ownership(entries))]


def _no_delete_is_forgotten() -> list[Replacement]:
    def kept(entry: Entry, context: Any) -> Any:
        return None if context.gateway.prune else findings._orphan(entry, "prune", "prune")

    return [(findings.kept, kept)]


def _protection_ends_with_its_manifest() -> list[Replacement]:
    def is_protected(world: Any, address: Any) -> bool:
        resource = world.desired.resources.get(address)
        return bool(resource and resource.lifecycle.protect)

    return [(safety._is_protected, is_protected)]


def _part_is_the_whole() -> list[Replacement]:
    return [(planner._in_scope, lambda _scope, _resources, entries, _draft: iter(entries))]


def _list_is_believed() -> list[Replacement]:
    return [(observe.sought, old_sought)]


def _doubt_counts_as_sent() -> list[Replacement]:
    def origin(alike: Any, replaced: object, moved_ref: object) -> Any:
        found = old(alike, replaced, moved_ref)
        return None if found is Origin.UNCOMPARED else found

    old = secretdiff._origin
    return [(old, origin), (outcome.sent_before, lambda wanted, _entry: wanted)]


def _names_are_not_handed_on() -> list[Replacement]:
    return [(names.handed_on, lambda _world, changes: (tuple(changes), ()))]


def _ignored_path_is_written() -> list[Replacement]:
    return [(ignored.left_alone, lambda resource, _live, _shown: resource)]


def _unproved_is_forgotten() -> list[Replacement]:
    return [(step._at_stake, lambda _job: ()), (planner._unproved, lambda *_: ())]


def _fallback_hides_the_primary() -> list[Replacement]:
    return [(step._sent, lambda _job: ())]


def _own_creation_is_a_conflict() -> list[Replacement]:
    def require_doubt(_job: Any, doubt: Any, error: Any) -> None:
        if doubt is None or not isinstance(error, Conflict):
            raise (doubt or error) from error

    return [(write._require_doubt, require_doubt), (leftover._decide, lambda *_: None)]


def _old_read_is_believed() -> list[Replacement]:
    return [(write._is_as_new, lambda *_: True), (observe.sought, old_sought)]


async def old_sought(_assembly: Any, observed: Any, _entries: Any) -> Any:
    """Lists as they came."""
    return observed


def _destination_is_not_approved() -> list[Replacement]:
    async def admitted(_assembly: Any) -> None:
        return None

    return [
        (destinations.require_admitted, admitted),
        (destinations.undecided, lambda _assembly, _ledger: ()),
        (gateways.held, lambda _desired, _recorded, _admits: frozenset()),
    ]


FAULTS: Mapping[str, Callable[[], list[Replacement]]] = {
    "a deletion does not wait for what replaces it": _deletion_does_not_wait,
    "a rename that keeps its id deletes the object": _rename_is_a_deletion,
    "`no-delete` ends with its manifest": _no_delete_is_forgotten,
    "protection ends with its manifest": _protection_ends_with_its_manifest,
    "PATHs are taken for the whole fleet": _part_is_the_whole,
    "what a list lacks is made anew, unread": _list_is_believed,
    "a unique name that is handed on fails in mid-apply": _names_are_not_handed_on,
    "a secret that could not be compared counts as sent": _doubt_counts_as_sent,
    "an ignored path is written by any other update": _ignored_path_is_written,
    "what was not proved is not asked again": _unproved_is_forgotten,
    "a new key hides behind one that works": _fallback_hides_the_primary,
    "a creation of our own, found again, is a conflict": _own_creation_is_a_conflict,
    "an old read after our own write is believed": _old_read_is_believed,
    "a gateway that moved is logged in to at once": _destination_is_not_approved,
}
