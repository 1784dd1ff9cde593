"""Fields of a spec that a wire has no place for: found, or left out where the manifest says so. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from reconciler.model.resource import Resource, Spec
from reconciler.planning.pointer import covers

Keys = tuple[str, ...]


def strangers(members: Mapping[str, Any], known: AbstractSet[str], keys: Keys) -> Iterator[Keys]:
    """Members below `keys` that are not known."""
    if not members.keys() <= known:
        yield from ((*keys, name) for name in sorted(members.keys() - known))


def ignored(resource: Resource, path: str) -> bool:
    """Whether the manifest allows that `path` is left out."""
    return any(covers(pattern, path) for pattern in resource.lifecycle.ignore)


def without(spec: Spec, left_out: Sequence[Keys]) -> Spec:
    """The spec less some of its members, wherever they lie."""
    for keys in left_out:
        spec = _cut(spec, keys)
    return spec


def _cut(value: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    first, *rest = keys
    if not rest:
        return {name: member for name, member in value.items() if name != first}
    return {**value, first: _cut(value[first], tuple(rest))}
