"""Fields: desired D, applied A (ledger), live L.

| D | A  | L      | means                          | effect                              | origin   |
|---|----|--------|--------------------------------|-------------------------------------|----------|
| x | x  | x      | in sync                        | –                                   |          |
| x | –  | –      | new field                      | set                                 | config   |
| x | ≠x | x      | someone already made it so     | the ledger catches up               |          |
| x | y  | y      | we changed our mind            | set                                 | config   |
| x | x  | y or – | changed behind our back        | set back, or left alone if ignored  | drift    |
| x | y  | z or – | both                           | set, flagged                        | both     |
| x | –  | y      | existed before we managed it   | set, flagged, or left if ignored    | takeover |
| – | y  | y      | we stopped managing it         | removed, or left if it cannot be    | release  |
| – | y  | z      | released and drifted           | removed, or left if it cannot be    | release  |
| – | y  | –      | released and gone              | the ledger forgets                  |          |
| – | –  | y      | never ours: a server default   | left alone, shown by drift          | server   |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.model.change import ABSENT, FieldChange, Origin
from reconciler.model.resource import Resource, Spec
from reconciler.planning.diff import differing
from reconciler.planning.ignored import is_ignored
from reconciler.planning.pointer import join, lookup


def origin_of(desired: Any, applied: Any, live: Any) -> Origin | None:
    """Classify one field by the table; None where nothing is to be set or removed."""
    if desired == live:
        return None
    if desired is ABSENT:
        return None if applied is ABSENT or live is ABSENT else Origin.RELEASE
    if applied is ABSENT:
        return Origin.CONFIG if live is ABSENT else Origin.TAKEOVER
    if applied == desired:
        return Origin.DRIFT
    return Origin.CONFIG if applied == live else Origin.BOTH


_LEFT_ALONE = frozenset({Origin.DRIFT, Origin.TAKEOVER})
"""Differences that are left as they are at an ignored path."""


def field_changes(
    resource: Resource, applied: Spec | None, live: Spec, releases: frozenset[Origin]
) -> Iterator[FieldChange]:
    """Fields of an object that is there. `releases` holds RELEASE where the platform can clear a field."""
    for keys in differing(live, resource.spec):
        path = join("/spec", keys)
        desired, seen = lookup(resource.spec, keys), lookup(live, keys)
        origin = origin_of(desired, lookup(applied, keys), seen)
        if origin is None or (origin is Origin.RELEASE and origin not in releases):
            continue
        if origin in _LEFT_ALONE and is_ignored(path, resource.lifecycle.ignore):
            continue
        yield FieldChange(path, seen, desired, origin, place=resource.source)


def drifted(applied: Spec, live: Spec, ignore: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """Fields that we applied and that are different now, unless told to be ignored: path, live, applied."""
    for keys in differing(live, applied):
        ours, path = lookup(applied, keys), join("/spec", keys)
        if ours is not ABSENT and not is_ignored(path, ignore):
            yield path, lookup(live, keys), ours


def server_given(resource: Resource, applied: Spec | None, live: Spec) -> Iterator[FieldChange]:
    """Fields of which only the server speaks."""
    for keys in differing(live, resource.spec):
        if lookup(resource.spec, keys) is ABSENT and lookup(applied, keys) is ABSENT:
            seen = lookup(live, keys)
            yield FieldChange(join("/spec", keys), seen, ABSENT, Origin.SERVER, place=resource.source)
