"""What all kinds share: strictness, names, labels, membership, lifecycle, secret references."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from reconciler.model.conceal import looks_like_key

NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
POINTER = r"^(/[^/]+)+$"
DEPENDENCY = r"^(Endpoint|Webhook)/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"

DAY = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(min_length=1)]
Labels = dict[Text, str]


def _in_the_calendar(value: str) -> str:
    """The thirtieth of February is found here and not on the first of March."""
    date.fromisoformat(value)
    return value


Day = Annotated[str, StringConstraints(pattern=DAY), AfterValidator(_in_the_calendar)]
"""A day of the calendar, written in quotes."""


class Strict(BaseModel):
    """No unknown fields, no conversions: what is written is what is meant."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
    )


def exactly_one(model: BaseModel, names: tuple[str, ...]) -> None:
    """Raise ValueError unless one of `names` is given."""
    given = model.model_fields_set.intersection(names)
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(names)}")


NO_OTHER_NAMES: JsonDict = {"additionalProperties": False}
"""For mappings whose names have a pattern: pydantic says what members of such names are, and nothing of others."""

ONE_MEMBER: JsonDict = {"minProperties": 1, "maxProperties": 1}

_SOURCES = ("env", "file", "command")
_ONE_SOURCE: JsonDict = {"oneOf": [{"required": [name]} for name in _SOURCES]}


def _no_key(text: str) -> str:
    """Whoever types a key where its place belongs must not see it printed on top."""
    if looks_like_key(text):
        raise PydanticCustomError("a_key_in_clear", "a secret in clear")
    return text


class SecretReference(Strict):
    """Where a secret is, and how long it lasts; the value itself is never written."""

    model_config = ConfigDict(json_schema_extra=_ONE_SOURCE)

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), AfterValidator(_no_key)] = Field(
        default="", description="Name of an environment variable."
    )
    file: Annotated[Text, AfterValidator(_no_key)] = Field(
        default="", description="Path below the configured folder for secrets."
    )
    command: list[Annotated[Text, AfterValidator(_no_key)]] = Field(
        default=[], min_length=1, description="A command and its arguments, run without a shell, if settings allow it."
    )
    expires_on: Day | None = Field(
        default=None, description="First day on which the secret no longer works, for a warning in time; never sent."
    )

    @model_validator(mode="after")
    def _one(self) -> SecretReference:
        exactly_one(self, _SOURCES)
        return self


class MatchLabels(Strict):
    """Everything that carries these labels."""

    match_labels: Annotated[Labels, Field(min_length=1)]


def _membership(value: Any) -> str:
    if isinstance(value, str):
        return "<name>"
    return "<names>" if isinstance(value, list) else "<labels>"


Membership = Annotated[
    Annotated[Name, Tag("<name>")]
    | Annotated[list[Name], Field(min_length=1), Tag("<names>")]
    | Annotated[MatchLabels, Tag("<labels>")],
    Discriminator(_membership),
]


class Metadata(Strict):
    """Identity and labels. `gateways` is needed as soon as more than one Gateway is loaded."""

    name: Name
    labels: Labels = {}
    gateways: Membership | None = Field(default=None, description="Which gateways this belongs to.")


class ObjectMetadata(Metadata):
    """Identity and labels of what lives on a gateway under a name that may have been another."""

    moved_from: Name | None = Field(
        default=None,
        description="The name that the same object had before: the ledger's entry moves, and nothing is written.",
    )


class RootMetadata(Strict):
    """Identity and labels of what belongs to no gateway."""

    name: Name
    labels: Labels = {}


class LifecycleModel(Strict):
    """How far the tool may go with the object."""

    manage: Literal["full", "observe", "create-only", "no-delete"] = Field(
        default="full", description="How far the tool may go."
    )
    protect: bool = Field(default=False, description="Deleting or replacing needs a person's word.")
    adopt: bool = Field(default=False, description="A live object of this identity may be taken over.")
    ignore: list[Annotated[str, StringConstraints(pattern=POINTER)]] = Field(
        default=[], description="JSON pointers, such as /spec/model, whose drift is left alone."
    )
    depends_on: list[Annotated[str, StringConstraints(pattern=DEPENDENCY)]] = Field(
        default=[], description="Kind/name of objects that must be healthy first."
    )


class Document(Strict):
    """The members of every document."""

    api_version: Literal["reconciler/v1"]
