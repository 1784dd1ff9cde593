"""Where two canonical specs differ. DeepDiff finds the places; plain comparison comes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.model.change import ABSENT
from reconciler.model.resource import Spec
from reconciler.planning.pointer import leaves, lookup

Keys = tuple[object, ...]


def prepare() -> None:
    """Load DeepDiff, which takes 0.1 s: best done while a gateway is being waited for."""
    import deepdiff  # noqa: F401, PLC0415 - see above


def differing(before: Spec, after: Spec) -> tuple[Keys, ...]:
    """Key paths of the leaves that differ, sorted. Lists are compared and shown as a whole."""
    if before == after:
        return ()
    from deepdiff import DeepDiff  # noqa: PLC0415 - 0.1 s of import that an empty plan need not pay

    # DeepDiff takes time for every member it walks, so it is given those alone that differ.
    moved = [key for key in {**before, **after} if lookup(before, (key,)) != lookup(after, (key,))]
    ours, theirs = ({key: side[key] for key in moved if key in side} for side in (before, after))
    tree = DeepDiff(ours, theirs, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False)
    found: dict[Keys, None] = {}
    for levels in tree.values():
        for level in levels:
            keys = _until_list(level.path(output_format="list"))
            found |= dict.fromkeys(_expanded(keys, before, after))
    return tuple(sorted(found, key=lambda keys: tuple(map(str, keys))))


def _until_list(path: Iterable[Any]) -> Keys:
    keys: list[object] = []
    for key in path:
        if isinstance(key, int):
            break
        keys.append(key)
    return tuple(keys)


def _expanded(keys: Keys, before: Spec, after: Spec) -> Iterable[Keys]:
    """A mapping that came or went is shown leaf by leaf."""
    for side in (before, after):
        value = lookup(side, keys)
        if value is ABSENT:
            continue
        for found in leaves(value, keys):
            if lookup(before, found) != lookup(after, found):
                yield found
