"""The table of kinds, and reading documents against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError

from reconciler.kinds.base import Document
from reconciler.kinds.endpoint import CredentialMatrix, Endpoint, RateLimit
from reconciler.kinds.gateway import Gateway
from reconciler.kinds.patch import Patch, Policy
from reconciler.kinds.probe import Pricing, Probe
from reconciler.kinds.prompt import PromptTemplate, ResponseSchema
from reconciler.kinds.route import Route
from reconciler.kinds.safety import SafetyPolicy
from reconciler.kinds.webhook import Webhook

TAGS = frozenset({"<name>", "<names>", "<labels>", "<inline>", "<hmac>", "<standard>"})
"""Marks of alternatives that pydantic puts into the place of a problem, and that nobody wrote."""

_KINDS: tuple[type[Document], ...] = (
    *(Gateway, Endpoint, CredentialMatrix, RateLimit, Webhook, Patch, Policy),
    *(PromptTemplate, SafetyPolicy, ResponseSchema, Pricing, Probe, Route),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a document: where (keys and indices), pydantic's type of error, its words.

    `about` says whether the place is the name of a member (an unknown field) or its value.
    """

    keys: tuple[str | int, ...]
    type: str
    message: str
    names: tuple[str, ...] = ()


def names() -> tuple[str, ...]:
    """All kinds, in the order of the table."""
    return tuple(model.__name__ for model in _KINDS)


def model_of(kind: str) -> type[Document] | None:
    """The model of a kind, None for an unknown one."""
    return next((model for model in _KINDS if model.__name__ == kind), None)


@cache
def _fleet() -> TypeAdapter[list[Any]]:
    union = Union[_KINDS]  # type: ignore[valid-type]  # noqa: UP007 - built from the table
    return TypeAdapter(list[Annotated[union, Field(discriminator="kind")]])


def problems(documents: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Problem]]:
    """Validate documents of known kinds; yields the index of a document and what is wrong with it.

    One pass over all of them when all is well; only those that are not are looked at one by one.
    """
    try:
        _fleet().validate_python(documents)
    except ValidationError as error:
        broken = sorted(
            {
                int(item["loc"][0])
                for item in error.errors(include_url=False, include_input=False, include_context=False)
            }
        )
        for index in broken:
            for problem in _of_one(documents[index]):
                yield index, problem


def _of_one(document: Mapping[str, Any]) -> Iterator[Problem]:
    model = model_of(str(document.get("kind")))
    if model is None:
        return
    try:
        model.model_validate(document)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            keys = tuple(key for key in item["loc"] if key not in TAGS)
            yield Problem(keys, item["type"], item["msg"], _known(model, keys))


def _known(model: type[Any], keys: Sequence[str | int]) -> tuple[str, ...]:
    """Members that would be allowed where `keys` leads, for "did you mean"."""
    from reconciler.kinds.schema import members  # noqa: PLC0415 - only for what is broken

    return members(model, keys[:-1])
