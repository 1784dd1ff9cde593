"""Whether a mapping is a JSON Schema that stands on its own, and where not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Keys = tuple[str | int, ...]


def schema_fault(schema: Mapping[str, Any]) -> tuple[Keys, str] | None:
    """Keys that lead to what cannot be, and why; None for a JSON Schema.

    What its meta-schema refuses, a dialect that is not known, a regular expression that is none, and references that
    lead nowhere or to another document: nothing is fetched when an answer is checked.
    """
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - only where there are schemas
    from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415 - the same

    dialect = schema.get("$schema")
    named = validator_for({"$schema": dialect}, default=_NONE) if isinstance(dialect, str) else _NONE
    chosen = Draft202012Validator if dialect is None else named
    if chosen is _NONE:
        return ("$schema",), f"there is no dialect {dialect!r}"
    error = best_match(chosen(chosen.META_SCHEMA, format_checker=chosen.FORMAT_CHECKER).iter_errors(schema))
    if error is not None:
        return tuple(error.absolute_path), error.message
    return next(_references(schema, schema, ()), None)


_NONE: Any = object()


def _references(root: Mapping[str, Any], node: Any, keys: Keys) -> Iterator[tuple[Keys, str]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        here = (*keys, key)
        if key == "$ref" and isinstance(child, str):
            fault = _leads_nowhere(root, child)
            if fault is not None:
                yield here, fault
        else:
            yield from _references(root, child, here)


def _leads_nowhere(root: Any, reference: str) -> str | None:
    """Anchors are left to whoever checks answers; pointers are followed."""
    if not reference.startswith("#"):
        return f"{reference!r} leads to another document, and none is fetched"
    if not reference.startswith("#/"):
        return None
    for part in reference[2:].split("/"):
        word = part.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list) and word.isdecimal() and int(word) < len(root):
            root = root[int(word)]
        elif isinstance(root, dict) and word in root:
            root = root[word]
        else:
            return f"{reference!r} leads nowhere"
    return None
