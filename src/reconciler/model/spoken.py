"""The text in a structured answer: where a schema says that it is, and what stands there.

| the pointer leads to                                      | in a schema  | in an answer           |
|-----------------------------------------------------------|--------------|------------------------|
| all of it (the empty pointer)                             | fine         | the document as text   |
| a member, item or alternative that may be a text          | fine         | that text              |
| what the schema does not have, or what is never a text    | a fault      | nothing                |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

USUAL = ("/text", "/suggested_response")
"""Members that are spoken where a route names none and its schema has one."""

_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_DEEPEST = 48


def fault(schema: Mapping[str, Any], pointer: str) -> str | None:
    """Why no text can be expected there; None where one can."""
    if not pointer:
        return None
    found = list(_options(schema, schema))
    for name in _names(pointer):
        found = [option for node in _children(found, name) for option in _options(schema, node)]
        if not found:
            return f"it has no {name!r} there"
    return None if any(map(_may_be_text, found)) else "what is there is no text"


def usual(schema: Mapping[str, Any]) -> str:
    """What is spoken of an answer to this schema where nobody says so: a usual member, else all of it."""
    return next((pointer for pointer in USUAL if fault(schema, pointer) is None), "")


def text_at(value: Any, pointer: str) -> str | None:
    """What is said of an answer; None where there is nothing to say."""
    for name in _names(pointer):
        value = _member(value, name)
    if not pointer and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) and value.strip() else None


def _names(pointer: str) -> Sequence[str]:
    """RFC 6901's reference tokens."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return None


def _options(root: Mapping[str, Any], node: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """A schema with its references followed and its alternatives spread out."""
    if not isinstance(node, Mapping) or depth > _DEEPEST:
        return
    yield node
    reference = node.get("$ref")
    parts = [_referred(root, reference)] if isinstance(reference, str) else []
    parts += [part for word in _ALTERNATIVES for part in node.get(word, ())]
    for part in parts:
        yield from _options(root, part, depth + 1)


def _referred(root: Mapping[str, Any], reference: str) -> Any:
    if not reference.startswith("#"):
        return None
    node: Any = root
    for name in _names(reference[1:]):
        node = _member(node, name)
    return node


def _children(options: Sequence[Mapping[str, Any]], name: str) -> Iterator[Any]:
    for option in options:
        properties = option.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            yield properties[name]
        elif isinstance(option.get("additionalProperties"), Mapping):
            yield option["additionalProperties"]
        if name.isdecimal():
            first = option.get("prefixItems")
            at = first[int(name)] if isinstance(first, list) and int(name) < len(first) else option.get("items")
            yield at


def _may_be_text(option: Mapping[str, Any]) -> bool:
    kinds = option.get("type")
    if kinds is not None:
        return kinds == "string" or (not isinstance(kinds, str) and "string" in kinds)
    values = [option["const"]] if "const" in option else option.get("enum", ())
    return any(isinstance(value, str) for value in values)
