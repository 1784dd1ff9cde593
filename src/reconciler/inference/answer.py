"""The answer contract: what a model has to write, whether it did, and how it is asked again.

::

    in the answer                             result
    over LONGEST_ANSWER characters            a problem: too long
    no JSON anywhere                          a problem: no JSON
    a document that satisfies the schema      its value, the first one
    documents, none of which does             the problems of the first

Problems name places and rules, never the text: they may be logged and sent on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reconciler.errors import SchemaUnusable
from reconciler.inference.chat import Message, Role
from reconciler.inference.excerpt import LONGEST_ANSWER, documents
from reconciler.model.inference import ResponseSchema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

MOST_PROBLEMS = 5
LONGEST_RULE = 120
LONGEST_SCHEMA = 100_000
LONGEST_ECHO = 4_000
"""Characters of a failed answer that a model is shown again."""

DEEPEST_SCHEMA = 48
DEMAND = "Return ONLY valid JSON. No markdown. No extra text."

_DATA = frozenset({"const", "default", "enum", "examples"})
_REFERENCES = frozenset({"$dynamicRef", "$recursiveRef", "$ref"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A judged answer: its value, or why there is none."""

    value: Any
    problems: tuple[str, ...] = ()

    @property
    def satisfies(self) -> bool:
        """Whether `value` is what the schema asks for."""
        return not self.problems


class AnswerContract:
    """A response schema, ready to judge. SchemaUnusable when it is no JSON Schema or refers outside itself."""

    def __init__(self, schema: ResponseSchema) -> None:
        self._text = _checked_text(schema.schema)
        self._validator = _validator(self._text)
        self.repair_attempts = schema.repair_attempts

    def read(self, text: str) -> Answer:
        """Find the JSON in an answer and judge it."""
        if len(text) > LONGEST_ANSWER:
            return Answer(None, (f"the answer is over {LONGEST_ANSWER} characters",))
        first: Answer | None = None
        for document in documents(text):
            problems = self._problems(document)
            if not problems:
                return Answer(document)
            first = first or Answer(None, problems)
        return first or Answer(None, ("the answer holds no JSON",))

    def repair(self, messages: Sequence[Message], text: str, problems: Sequence[str]) -> tuple[Message, ...]:
        """The same conversation, the failed answer, and the demand to mend it."""
        failed = text[:LONGEST_ECHO]
        reasons = "\n".join(f"- {problem}" for problem in problems)
        demand = (
            f"{DEMAND}\nThe previous answer does not satisfy the JSON Schema:\n{reasons}\n"
            f"JSON Schema: {self._text}\nPrevious failed output: {failed}"
        )
        return (*messages, Message(Role.ASSISTANT, failed), Message(Role.USER, demand))

    def _problems(self, document: Any) -> tuple[str, ...]:
        try:
            errors = sorted(
                self._validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path))
            )
        except RecursionError:
            return ("the schema has no end for this answer",)
        return tuple(map(_problem, errors[:MOST_PROBLEMS]))


def _problem(error: ValidationError) -> str:
    place = "/" + "/".join(map(str, error.absolute_schema_path))
    return f"{_pointer(error)}: not {error.validator} {_rule(error.validator_value)} (schema {place[:LONGEST_RULE]})"


def _pointer(error: ValidationError) -> str:
    """Where in the answer; names that a model made up are text of the answer and stay out."""
    return "/" + "/".join(str(part) if isinstance(part, int) else _known(error, part) for part in error.absolute_path)


def _known(error: ValidationError, name: str) -> str:
    return name if name in error.absolute_schema_path else "*"


def _rule(value: object) -> str:
    written = json.dumps(value, default=dict)
    return written if len(written) <= LONGEST_RULE else written[:LONGEST_RULE] + "…"


def _checked_text(schema: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(schema, sort_keys=True, default=dict, allow_nan=False)
    except (RecursionError, TypeError, ValueError) as error:
        raise SchemaUnusable("the schema is no JSON document") from error
    if len(text) > LONGEST_SCHEMA:
        raise SchemaUnusable(f"the schema is over {LONGEST_SCHEMA} characters")
    for reference in _references(json.loads(text), DEEPEST_SCHEMA):
        if not reference.startswith("#"):
            raise SchemaUnusable("the schema refers outside itself: put what it needs into $defs")
    return text


def _references(schema: Any, depth: int) -> Iterator[str]:
    if depth < 0:
        raise SchemaUnusable(f"the schema is nested over {DEEPEST_SCHEMA} deep")
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part, depth - 1)
    if isinstance(schema, dict):
        yield from (value for name, value in schema.items() if name in _REFERENCES and isinstance(value, str))
        for name, part in schema.items():
            yield from _references(part, depth - 1) if name not in _DATA else ()


@lru_cache(maxsize=128)
def _validator(text: str) -> Validator:
    """Built once for each schema; without a way to fetch anything."""
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - loaded by the first schema
    from jsonschema.validators import validator_for  # noqa: PLC0415 - the same
    from referencing import Registry  # noqa: PLC0415 - the same

    schema = json.loads(text)
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path))
        raise SchemaUnusable(f"the schema is no JSON Schema: /{place} breaks {error.validator}") from error
    return kind(schema, registry=Registry())
