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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.inference.chat import Message, Role
from reconciler.inference.excerpt import LONGEST_ANSWER, documents
from reconciler.model.inference import ResponseSchema
from reconciler.schemas import Judge, Unjudgeable

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MOST_PROBLEMS = 5
LONGEST_RULE = 120
LONGEST_ECHO = 4_000
"""Characters of a failed answer that a model is shown again."""

DEMAND = "Return ONLY valid JSON. No markdown. No extra text."


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
        self._judge = Judge(schema.schema)
        self._text = json.dumps(schema.schema, sort_keys=True, default=dict)
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
            errors = self._judge.violations(document)
        except Unjudgeable as error:
            return (str(error),)
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
