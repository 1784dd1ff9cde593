"""JSON Schemas out of manifests: whether one stands on its own, and what a value lacks of it, within bounds.

| a schema                                                | is                                              |
|---------------------------------------------------------|-------------------------------------------------|
| its meta-schema refuses, or of an unknown dialect       | a fault, found when it is read                  |
| refers to another document, or nowhere                  | a fault: neither network nor files are reached  |
| has a pattern that takes no linear time (RE2)           | a fault, at the pattern                         |
| refers to itself without taking a step into the value   | a fault: it would never end                     |
| is longer, deeper or, unfolded, larger than the bounds  | a fault                                         |
| needs more than `MOST_STEPS` for one value              | Unjudgeable, when it is judged                  |

A manifest is a proposal and an answer is a stranger's text: together they must not keep a run, or the loop that
answers every other customer, busy for longer than a moment. So patterns are RE2's, which has no backtracking, and
every rule that is looked at counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from reconciler.errors import SchemaUnusable

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

Keys = tuple[str | int, ...]
Fault = tuple[Keys, str]

LONGEST_SCHEMA = 100_000
DEEPEST_SCHEMA = 48
LARGEST_UNFOLDED = 20_000
"""Rules for one place of a value, references followed: a few lines can unfold to more than there are atoms."""

LARGEST_PROGRAMS = 1_000_000
"""Instructions of all patterns of a schema together."""

MOST_STEPS = 100_000
"""Rules that may be looked at for one value: about a third of a second."""

INSTRUCTIONS_PER_STEP = 2_000
"""How far a pattern gets, in instructions times characters, in the time of one rule."""

_NAMED = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies", "extends"}
)
"""Keywords whose members are schemas under free names."""

_DATA = frozenset({"const", "default", "enum", "examples", "required", "type"})
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "extends", "dependentSchemas", "dependencies")
"""Keywords whose schemas look at the same place of the value."""


class Unjudgeable(SchemaUnusable):
    """A value for which a schema asks more than the bounds allow."""


class Judge:
    """A schema, ready to judge values. Raises SchemaUnusable for one that has a fault."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        fault = schema_fault(schema)
        if fault is not None:
            keys, why = fault
            raise SchemaUnusable(f"the schema cannot be used: /{'/'.join(map(str, keys))}: {why}")
        self._validator = _validator(json.dumps(schema, default=dict))

    def violations(self, value: Any) -> Sequence[ValidationError]:
        """What the value lacks, in the order of its places. Raises Unjudgeable."""
        with_steps = _STEPS.set([0])
        try:
            return sorted(self._validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        except Unjudgeable:
            raise
        except RecursionError:
            raise Unjudgeable("the schema has no end for this value") from None
        except Exception as error:  # noqa: BLE001 - a reference that leads nowhere, a number beyond all numbers
            raise Unjudgeable(f"the schema cannot judge this value ({type(error).__name__})") from None
        finally:
            _STEPS.reset(with_steps)


def schema_fault(schema: Mapping[str, Any]) -> Fault | None:
    """Keys that lead to what keeps a schema from being used, and why; None for a good one."""
    fault = _size_fault(schema)
    if fault is not None:
        return fault
    dialect = _dialect(schema)
    if dialect is None:
        return ("$schema",), f"there is no dialect {schema['$schema']!r}"
    for check in (lambda each: _meta_fault(each, dialect), _reference_fault, _pattern_fault, _unfolding_fault):
        fault = check(schema)
        if fault is not None:
            return fault
    return None


def _size_fault(schema: Mapping[str, Any]) -> Fault | None:
    try:
        deep = next((keys for keys, _ in _everything(schema, ()) if len(keys) > DEEPEST_SCHEMA), None)
        if deep is not None:
            return deep[:DEEPEST_SCHEMA], f"it is nested over {DEEPEST_SCHEMA} deep"
        length = len(json.dumps(schema, default=dict, allow_nan=False))
    except (RecursionError, TypeError, ValueError):
        return (), "it is no JSON document"
    if length > LONGEST_SCHEMA:
        return (), f"it is over {LONGEST_SCHEMA} characters"
    return None


def _everything(node: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    """Every mapping and list of a document, from the outside in; nothing below one that is too deep."""
    waiting: list[tuple[Keys, Any]] = [(keys, node)]
    while waiting:
        here, found = waiting.pop()
        yield here, found
        if isinstance(found, Mapping):
            waiting += [((*here, str(key)), child) for key, child in found.items() if isinstance(child, Mapping | list)]
        elif isinstance(found, list):
            waiting += [((*here, n), child) for n, child in enumerate(found) if isinstance(child, Mapping | list)]


def _dialect(schema: Mapping[str, Any]) -> Any:
    """The validator's class for a schema, None for a dialect that nobody knows."""
    from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415 - only where there are schemas

    named = schema.get("$schema")
    if named is None:
        return _bounded(Draft202012Validator)
    found: Any = validator_for({"$schema": named}, default=_NONE) if isinstance(named, str) else _NONE
    return None if found is _NONE else _bounded(found)


_NONE: Any = object()


def _meta_fault(schema: Mapping[str, Any], dialect: Any) -> Fault | None:
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - only where there are schemas
    from referencing import Registry  # noqa: PLC0415 - the same

    validator = dialect(dialect.META_SCHEMA, registry=Registry())
    try:
        error = best_match(validator.iter_errors(schema))
    except RecursionError:
        return (), "it is nested too deep"
    return None if error is None else (tuple(error.absolute_path), error.message)


def _schemas(node: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    """Every mapping that is read as a schema, also under a keyword that no dialect knows."""
    if isinstance(node, list):
        for n, child in enumerate(node):
            yield from _schemas(child, (*keys, n))
        return
    if not isinstance(node, Mapping):
        return
    yield keys, node
    for key, child in node.items():
        if key in _NAMED and isinstance(child, Mapping):
            for name, schema in child.items():
                yield from _schemas(schema, (*keys, key, name))
        elif key not in _DATA:
            yield from _schemas(child, (*keys, key))


def _reference_fault(root: Mapping[str, Any]) -> Fault | None:
    for keys, schema in _schemas(root):
        if keys and isinstance(schema.get("$schema"), str):
            return (*keys, "$schema"), "a dialect is named once, at the top"
        for word in _REFERENCES:
            target = schema.get(word)
            if isinstance(target, str):
                why = _leads_nowhere(root, target)
                if why is not None:
                    return (*keys, word), why
    return None


def _leads_nowhere(root: Any, reference: str) -> str | None:
    """Anchors are left to whoever judges; pointers are followed, and end at schemas."""
    if not reference.startswith("#"):
        return f"{reference!r} leads to another document, and none is fetched"
    if not reference.startswith("#/"):
        return None
    found = _target(root, reference)
    if found is _NONE:
        return f"{reference!r} leads nowhere"
    if not isinstance(found, Mapping | bool) or _DATA.intersection(_words(reference)[:-1]) - _free_names(reference):
        return f"{reference!r} leads to something that is no schema"
    return None


def _words(reference: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")]


def _free_names(reference: str) -> frozenset[str]:
    """Words of a pointer that are names somebody chose, and no keywords."""
    words = _words(reference)
    return frozenset(word for before, word in pairwise(words) if before in _NAMED)


def _target(root: Any, reference: str) -> Any:
    """What a pointer leads to, `_NONE` where it is nothing."""
    for word in _words(reference) if reference.startswith("#/") else ():
        if isinstance(root, list) and word.isdecimal() and int(word) < len(root):
            root = root[int(word)]
        elif isinstance(root, Mapping) and word in root:
            root = root[word]
        else:
            return _NONE
    return root


def _pattern_fault(root: Mapping[str, Any]) -> Fault | None:
    """Patterns that RE2 does not take, and a keyword that would have them searched by another engine."""
    total = 0
    for keys, schema in _schemas(root):
        for place, pattern in _patterns(schema):
            try:
                total += _compiled(pattern).programsize
            except _no_pattern() as error:
                return (*keys, *place), f"{pattern!r} is no pattern that can be searched in linear time: {_said(error)}"
            if total > LARGEST_PROGRAMS:
                return (*keys, *place), "with this one the patterns take too much to search; shorten their repetitions"
        if "unevaluatedProperties" in schema and any("patternProperties" in each for _, each in _schemas(root)):
            return (*keys, "unevaluatedProperties"), "it cannot be used together with patternProperties"
    return None


def _patterns(schema: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    if isinstance(schema.get("pattern"), str):
        yield ("pattern",), schema["pattern"]
    named = schema.get("patternProperties")
    yield from ((("patternProperties", name), name) for name in (named if isinstance(named, Mapping) else ()))


def _said(error: BaseException) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _unfolding_fault(root: Mapping[str, Any]) -> Fault | None:
    """Where a schema never ends, or unfolds beyond the bound, for one and the same place of a value."""
    sizes: dict[int, int] = {}

    def size(schema: Any, under_way: frozenset[int]) -> int:
        if not isinstance(schema, Mapping):
            return 1
        if id(schema) in under_way:
            return LARGEST_UNFOLDED + 1
        if id(schema) not in sizes:
            within = under_way | {id(schema)}
            sizes[id(schema)] = min(1 + sum(size(part, within) for part in _parts(root, schema)), LARGEST_UNFOLDED + 1)
        return sizes[id(schema)]

    try:
        for keys, schema in _schemas(root):
            if size(schema, frozenset()) > LARGEST_UNFOLDED:
                return keys, "its references lead in a circle, or unfold to more rules than can be looked at"
    except RecursionError:
        return (), "its references lead too deep"
    return None


def _parts(root: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Any]:
    """Schemas that are looked at together with this one, at the same place."""
    for word in _REFERENCES:
        if isinstance(schema.get(word), str):
            yield _target(root, schema[word])
    for word in _IN_PLACE:
        part = schema.get(word)
        if isinstance(part, list):
            yield from part
        elif isinstance(part, Mapping):
            yield from part.values() if word in _NAMED else (part,)


# --- judging -------------------------------------------------------------------------------------------------------

_STEPS: ContextVar[list[int]] = ContextVar("steps")
Keyword = Callable[[Any, Any, Any, Mapping[str, Any]], Any]


def _spend(steps: int) -> None:
    spent = _STEPS.get(None)
    if spent is not None:
        spent[0] += steps
        if spent[0] > MOST_STEPS:
            raise Unjudgeable(f"the schema asks more than {MOST_STEPS} steps for this value")


@lru_cache(maxsize=128)
def _validator(text: str) -> Validator:
    """Built once for each schema; without a way to fetch anything."""
    from referencing import Registry  # noqa: PLC0415 - loaded by the first schema

    schema = json.loads(text)
    validator: Validator = _dialect(schema)(schema, registry=Registry())
    return validator


@cache
def _bounded(dialect: Any) -> Any:
    """A dialect whose rules count their steps, and whose patterns are RE2's, also where a part names another."""
    from jsonschema.validators import extend  # noqa: PLC0415 - only where there are schemas

    ours: Mapping[str, Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    rules = {name: _counted(ours.get(name, rule)) for name, rule in dialect.VALIDATORS.items()}
    made: Any = extend(dialect, validators=rules)  # type: ignore[no-untyped-call]  # it has none

    def evolve(self: Any, **changes: Any) -> Any:
        kept = {"schema": self.schema, "format_checker": self.format_checker, "registry": self._registry}
        return made(**{**kept, "_resolver": self._resolver, **changes})

    made.evolve = evolve
    return made


def _counted(rule: Keyword) -> Keyword:
    def counting(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
        _spend(1)
        yield from rule(validator, value, instance, schema) or ()

    return counting


@cache
def _options() -> Any:
    import re2  # noqa: PLC0415 - loaded by the first pattern

    options = re2.Options()
    options.log_errors = False
    return options


def _no_pattern() -> tuple[type[Exception], ...]:
    import re2  # noqa: PLC0415 - see above

    return (re2.error, UnicodeError)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    import re2  # noqa: PLC0415 - see above

    return re2.compile(pattern, options=_options())


def _found(pattern: str, text: str) -> bool:
    compiled = _compiled(pattern)
    content = text.encode("utf-8", "replace")
    _spend(compiled.programsize * len(content) // INSTRUCTIONS_PER_STEP)
    return compiled.search(content) is not None


def _pattern(validator: Any, pattern: Any, instance: Any, _: Mapping[str, Any]) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - only where there are schemas

    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, named: Any, instance: Any, _: Mapping[str, Any]) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in named.items():
        for name, member in instance.items():
            if _found(pattern, name):
                yield from validator.descend(member, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - only where there are schemas

    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    others = [name for name in instance if name not in known and not any(_found(p, name) for p in patterns)]
    if validator.is_type(allowed, "object"):
        for name in others:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and others:
        yield ValidationError(f"Additional properties are not allowed ({', '.join(map(repr, others))} unexpected)")


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Mapping[str, Any]) -> Iterator[ValidationError]:
    """By their canonical texts: comparing each with each takes a day for a long list."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - only where there are schemas

    if wanted and validator.is_type(instance, "array") and len(set(map(_canonical, instance))) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _canonical(value: Any) -> str:
    return json.dumps(_whole(value), sort_keys=True, default=dict)


def _whole(value: Any) -> Any:
    """Numbers that are equal are written alike: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(member) for name, member in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value
