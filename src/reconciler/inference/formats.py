"""How an answer in JSON is asked for, and what follows where a gateway refuses to be asked so.

| declared      | form         | `response_format`           | schema in the system message | refused, then |
|---------------|--------------|-----------------------------|------------------------------|---------------|
| `json_schema` | SCHEMA       | `json_schema`, with it      | no                           | TOLD_OBJECT   |
|               | TOLD_OBJECT  | `json_object`               | yes                          | TOLD          |
| `json_object` | OBJECT       | `json_object`               | no: the prompt says it       | TOLD          |
| `prompt`      | TOLD         | none                        | yes                          |               |
| nothing       | SCHEMA where there is a schema; none where there is not                                     |

A contract without a field for a form is asked with TOLD. A refusal is a 400, 404 or 422 that names the field, before
anything was heard; another one is about something else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any

from reconciler.errors import GatewayError, NotFound, Rejected
from reconciler.inference.chat import Message, Role
from reconciler.model.inference import AnswerMode


class Form(Enum):
    """What is sent. The value is what a log says."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TOLD_OBJECT = "json_object, with the schema in the prompt"
    TOLD = "prompt"


FORMS: Mapping[AnswerMode, Form] = {
    AnswerMode.JSON_SCHEMA: Form.SCHEMA,
    AnswerMode.JSON_OBJECT: Form.OBJECT,
    AnswerMode.PROMPT: Form.TOLD,
}
AFTER: Mapping[Form, Form] = {Form.SCHEMA: Form.TOLD_OBJECT, Form.TOLD_OBJECT: Form.TOLD, Form.OBJECT: Form.TOLD}

_TELLS = frozenset({Form.TOLD_OBJECT, Form.TOLD})
_NAMES = ("response_format", "responseformat", "response format", "json_schema", "json_object", "output_format")
_STATUSES = frozenset({400, 404, 422, None})

DEMAND = "Answer with one JSON document that satisfies this JSON Schema. No markdown. No extra text."
SCHEMA_MARK = "JSON Schema: "


def form_of(form: Form | None, schema: Mapping[str, Any] | None, known: AbstractSet[Form]) -> Form | None:
    """The form of a question in a dialect with fields for `known`; None where any text will do."""
    wanted = form or (None if schema is None else Form.SCHEMA)
    return wanted if wanted is None or wanted in known else Form.TOLD


def messages_of(messages: Sequence[Message], form: Form | None, schema: Mapping[str, Any] | None) -> Sequence[Message]:
    """What is sent: with the schema at the end of the system message where the form tells it there."""
    if form not in _TELLS or schema is None:
        return messages
    text = instruction(schema)
    if messages and messages[0].role is Role.SYSTEM:
        return (Message(Role.SYSTEM, f"{messages[0].content}\n\n{text}"), *messages[1:])
    return (Message(Role.SYSTEM, text), *messages)


def instruction(schema: Mapping[str, Any]) -> str:
    """The schema in words."""
    return f"{DEMAND}\n{SCHEMA_MARK}{json.dumps(schema, sort_keys=True, separators=(',', ':'), default=dict)}"


def response_format(form: Form | None, schema: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The member of OpenAI's calls; None where nothing is sent."""
    match form:
        case Form.SCHEMA:
            return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        case Form.OBJECT | Form.TOLD_OBJECT:
            return {"type": "json_object"}
        case _:
            return None


def is_refused(error: GatewayError) -> bool:
    """Whether a gateway refuses the form, and not the question."""
    if not isinstance(error, Rejected | NotFound) or error.status not in _STATUSES:
        return False
    said = str(error).lower()
    return any(name in said for name in _NAMES)
