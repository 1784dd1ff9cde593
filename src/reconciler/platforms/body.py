"""What goes into a body and comes out of one: keys in clear on the way out, masks never; hints on the way in. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from reconciler.errors import SecretMissing, Unsupported
from reconciler.model.ports import Material
from reconciler.model.secret import is_mask, unfit
from reconciler.planning.pointer import join

Wire = Mapping[str, Any]

LONGEST_HINT = 4


def revealed(material: Material, path: str) -> str:
    """A secret for the wire, for every platform, at the moment of sending.

    Raises SecretMissing where there is none, or what cannot be one in its place, such as a mask.
    """
    text = material[path].reveal() if path in material else ""
    why = unfit(text)
    if why is not None:
        raise SecretMissing(f"no value for {path} that could be sent: {why}. Nothing was sent")
    return text


def revealed_key(material: Material, key_id: str) -> str:
    """The key of a credential, on the same terms."""
    return revealed(material, join("/spec", ("credentials", key_id, "apiKey")))


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
    if isinstance(value, str) and is_mask(value):
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
