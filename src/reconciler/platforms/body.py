"""What goes into a body and comes out of one: keys in clear on the way out, masks never; hints on the way in. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from reconciler.errors import SecretMissing, Unsupported
from reconciler.model.ports import Material

Wire = Mapping[str, Any]

MASKED = "****"
"""What a masked value begins with."""

LONGEST_HINT = 4


def revealed(material: Material, path: str) -> str:
    """A secret for the wire. Raises SecretMissing where there is none, or a mask in its place."""
    text = material[path].reveal() if path in material else ""
    if not text:
        raise SecretMissing(f"no value for {path}: nothing was sent")
    if text.startswith(MASKED):
        raise SecretMissing(f"the value for {path} is a mask, as a gateway shows it, and no key: nothing was sent")
    return text


def rest(raw: Wire, ours: Container[str]) -> Wire:
    """Members that nobody modelled, to go back as they came. Raises Unsupported for one that is masked."""
    others = {name: value for name, value in raw.items() if name not in ours}
    masked = next(_masks(others, ()), None)
    if masked is not None:
        raise Unsupported(
            f"the live document holds {'.'.join(masked)} masked, which this tool does not know: a replacement would "
            "put the mask in place of the value. Nothing was sent; change this object at the gateway"
        )
    return others


def _masks(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, str) and value.startswith(MASKED):
        yield keys
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _masks(member, (*keys, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _masks(member, (*keys, str(index)))


def hint(masked: Any) -> str:
    """What a mask reveals: at most four characters behind its stars; none where it is full, or no mask at all."""
    if not isinstance(masked, str) or not masked.startswith("*"):
        return ""
    return masked.lstrip("*")[-LONGEST_HINT:]


def revision(raw: Wire) -> str | None:
    """The version that the server assigns, None where it assigns none."""
    version = raw.get("version")
    return str(version) if isinstance(version, str | int) else None
