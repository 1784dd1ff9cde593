"""`lifecycle.ignore`: what others look after, and no write of ours carries back to the manifest's value. Pure.

| at an ignored path the plan shows    | a write carries           | the ledger then holds |
|--------------------------------------|---------------------------|-----------------------|
| nothing: it drifted, or was there    | what lives there          | the manifest's value  |
| a change: the manifest was changed   | the manifest's value      | the manifest's value  |
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.model.change import ABSENT
from reconciler.model.live import Live
from reconciler.model.resource import Resource, Spec
from reconciler.planning.diff import differing
from reconciler.planning.pointer import covers, join, lookup

CREDENTIALS = "credentials"


def is_ignored(path: str, ignore: Sequence[str]) -> bool:
    """Whether a path is at or below one of those that are ignored."""
    return any(covers(pattern, path) for pattern in ignore)


def blended(spec: Spec, other: Spec, ignore: Sequence[str], shown: Container[str] = ()) -> Spec:
    """`spec` with what `other` has at ignored paths, but for those that are `shown`; itself where they agree there.

    A credential comes whole or not at all: it stays with the spec that holds its key.
    """
    if not ignore:
        return spec
    found = spec
    for keys in differing(other, spec):
        path = join("/spec", keys)
        if is_ignored(path, ignore) and path not in shown and not _is_keyless(spec, keys):
            found = _with(found, keys, lookup(other, keys))
    return found


def left_alone(resource: Resource, live: Spec, shown: Container[str]) -> Resource:
    """What is to be written over a live object; the resource itself where nothing that is ignored differs."""
    spec = blended(resource.spec, live, resource.lifecycle.ignore, shown)
    return resource if spec is resource.spec else replace(resource, spec=spec)


def unkeepable(resource: Resource, live: Live) -> Iterator[str]:
    """Credentials that are to be left alone and that only the gateway has: a write cannot carry a key it never had."""
    ours = resource.spec.get(CREDENTIALS, {})
    for key_id in live.spec.get(CREDENTIALS, {}):
        path = join("/spec", (CREDENTIALS, key_id))
        if key_id not in ours and is_ignored(path, resource.lifecycle.ignore):
            yield path


def _is_keyless(spec: Spec, keys: Sequence[object]) -> bool:
    return keys[0] == CREDENTIALS and lookup(spec, keys[:2]) is ABSENT


def _with(value: Mapping[str, Any], keys: Sequence[object], member: Any) -> Mapping[str, Any]:
    first, *rest = keys
    name = str(first)
    if rest:
        inner = value.get(name)
        member = _with(inner if isinstance(inner, Mapping) else {}, rest, member)
    if member is ABSENT or member == {}:
        return {key: each for key, each in value.items() if key != name}
    return {**value, name: member}
