"""JSON pointers (RFC 6901) into canonical specs, always beginning with ``/spec``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.change import ABSENT


def join(base: str, keys: Sequence[object]) -> str:
    """Append keys to a pointer, escaped."""
    return base + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def lookup(spec: Mapping[str, Any] | None, keys: Sequence[object]) -> Any:
    """The value that stands at `keys`, ABSENT when there is none."""
    found: Any = ABSENT if spec is None else spec
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            return ABSENT
        found = found[key]
    return found


def leaves(value: Any, keys: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Key paths of all leaves below `value`. A list is one leaf, and so is an empty mapping."""
    if not isinstance(value, Mapping) or not value:
        yield keys
        return
    for key, child in value.items():
        yield from leaves(child, (*keys, key))


def covers(pattern: str, path: str) -> bool:
    """Whether `path` is at or below `pattern`."""
    return path == pattern or path.startswith(pattern.rstrip("/") + "/")
