"""PromptTemplate and ResponseSchema: what a model is asked, and what its answer must look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from reconciler.kinds.base import NO_OTHER_NAMES, Document, RootMetadata, Strict
from reconciler.model.templates import LONGEST_TEMPLATE

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"

VariableName = Annotated[str, StringConstraints(pattern=VARIABLE)]


class VariableModel(Strict):
    """One hole of a template."""

    required: bool = Field(default=True, description="Whether it must be given; not if there is a default.")
    default: str | None = Field(default=None, description="What stands there when it is not given.")
    max_length: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, description="In characters.")


class PromptTemplateSpec(Strict):
    """A system message, which is the team's own text, and a user message, which may hold a customer's."""

    engine: Literal["jinja2", "braces", "dollar"] = Field(
        description="How holes are written: Jinja2 in a sandbox, {{name}}, or $name."
    )
    system: Annotated[str, StringConstraints(max_length=LONGEST_TEMPLATE)] = Field(
        default="", description="The team's own words: it has no variables."
    )
    user: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEMPLATE)]
    variables: dict[VariableName, VariableModel] = Field(
        default={}, description="Every hole, by its name.", json_schema_extra=NO_OTHER_NAMES
    )


class PromptTemplate(Document):
    """A prompt, one of a name in the fleet."""

    kind: Literal["PromptTemplate"]
    metadata: RootMetadata
    spec: PromptTemplateSpec


class ResponseSchemaSpec(Strict):
    """A JSON Schema, checked against its meta-schema before it ships."""

    schema_: Annotated[dict[str, Any], Field(min_length=1)] = Field(
        alias="schema", description="The JSON Schema that an answer must satisfy."
    )
    repair_attempts: Annotated[int, Field(ge=0, le=5)] = Field(
        default=1, description="How often a model is asked again with its failed answer."
    )


class ResponseSchema(Document):
    """What an answer must look like, one of a name in the fleet."""

    kind: Literal["ResponseSchema"]
    metadata: RootMetadata
    spec: ResponseSchemaSpec
