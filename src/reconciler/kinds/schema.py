"""JSON Schemas of the kinds, draft-07, generated from the models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from reconciler.kinds import table

VERSION = "v1"
DRAFT = "http://json-schema.org/draft-07/schema#"


def file_name(kind: str) -> str:
    """Where the schema of a kind is published, below ``schemas/``."""
    return f"{kind.lower()}.schema.json"


@cache
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Schema by kind."""
    return {kind: _one(kind) for kind in table.names()}


def _one(kind: str) -> Mapping[str, Any]:
    model = table.model_of(kind)
    if model is None:
        raise LookupError(f"there is no kind {kind!r}; known are {', '.join(table.names())}")
    generated = model.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions = generated.pop("$defs", {})
    head = {"$schema": DRAFT, "$id": f"urn:reconciler:schemas:{VERSION}:{kind}"}
    return {**head, **_draft7(generated), **({"definitions": _draft7(definitions)} if definitions else {})}


def union_schema() -> Mapping[str, Any]:
    """One schema for files that hold documents of any kind."""
    models = [(model, "validation") for kind in table.names() if (model := table.model_of(kind)) is not None]
    refs, generated = models_json_schema(models, ref_template="#/definitions/{model}")  # type: ignore[arg-type]  # mode is a literal
    return {
        "$schema": DRAFT,
        "$id": f"urn:reconciler:schemas:{VERSION}:manifest",
        "title": "A document of any kind",
        "oneOf": [_draft7(ref) for ref in refs.values()],
        "definitions": _draft7(generated.get("$defs", {})),
    }


def _draft7(node: Any) -> Any:
    """Pydantic writes 2020-12; of the words it uses here only the discriminator is unknown to draft-07."""
    if isinstance(node, dict):
        return {key: _draft7(value) for key, value in node.items() if key != "discriminator"}
    return [_draft7(item) for item in node] if isinstance(node, list) else node


def schema_text(kind: str | None = None) -> str:
    """A schema as it is published; of the union when no kind is named. Raises LookupError."""
    if kind is not None and kind not in schemas():
        raise LookupError(f"there is no kind {kind!r}; known are {', '.join(table.names())}")
    schema = union_schema() if kind is None else schemas()[kind]
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@cache
def _kept(name: str) -> Mapping[str, Any]:
    """Made once: whoever made one mistake a thousand times asks for it a thousand times."""
    return _one(name)


def members(model: type[Any], keys: Sequence[str | int]) -> tuple[str, ...]:
    """Names that the object at `keys` may have; empty where there is no such object."""
    schema = _kept(model.__name__)
    node: Any = schema
    for key in keys:
        node = _child(schema, node, key)
    return tuple(_properties(schema, node))


def _child(schema: Mapping[str, Any], node: Any, key: str | int) -> Any:
    for option in _options(schema, node):
        found = option.get("items") if isinstance(key, int) else option.get("properties", {}).get(key, values(option))
        if found is not None:
            return found
    return {}


def values(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the members of a mapping with free names are; None for an object with names of its own."""
    by_pattern = node.get("patternProperties", {}).values()
    other = node.get("additionalProperties")
    return next(iter(by_pattern), other if isinstance(other, dict) else None)


def _properties(schema: Mapping[str, Any], node: Any) -> list[str]:
    return [name for option in _options(schema, node) for name in option.get("properties", {})]


def _options(schema: Mapping[str, Any], node: Any) -> list[Mapping[str, Any]]:
    """A node with its references followed and its alternatives spread out."""
    if "$ref" in node:
        return _options(schema, schema["definitions"][node["$ref"].rsplit("/", 1)[1]])
    alternatives = [part for word in ("anyOf", "oneOf", "allOf") for part in node.get(word, ())]
    return [node, *(found for part in alternatives for found in _options(schema, part))]
