"""SafetyPolicy: what is looked for in a customer's and in a model's text."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from reconciler.kinds.base import Document, RootMetadata, Strict, Text
from reconciler.model.inference import USUAL_DETECTORS

DETECTORS = ("credit-card", "date-of-birth", "email", "iban", "ip-address", "phone", "ssn")
"""Detectors of personal data that need no model."""

UNKNOWN_DETECTOR = "unknown_detector"

PRESIDIO = r"^presidio:[A-Z][A-Z_]{0,63}$"
"""An entity of Presidio, which is an extra: ``presidio:PERSON``."""

PLUGIN = r"^plugin:[a-z][a-z0-9-]{0,63}$"
"""A detector that somebody else's package provides: ``plugin:toxicity``."""

_ONE_OF: JsonDict = {"anyOf": [{"enum": list(DETECTORS)}, {"pattern": PRESIDIO}, {"pattern": PLUGIN}]}
_UNIQUE: JsonDict = {"uniqueItems": True}

TERM = r"^([^*]|[^\s*]{3}\*([\s_'’-]|$))+$"
"""A star ends a word of three letters or more: a shorter stem would block half of a language."""

Action = Literal["redact", "block", "report"]


def _known(name: str) -> str:
    if name in DETECTORS or re.fullmatch(PRESIDIO, name) or re.fullmatch(PLUGIN, name):
        return name
    near = difflib.get_close_matches(name, DETECTORS, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(DETECTORS)}."
    raise PydanticCustomError(
        UNKNOWN_DETECTOR, "there is no detector {name}. {hint}", {"name": repr(name), "hint": hint}
    )


def _stemmed(term: str) -> str:
    if not re.fullmatch(TERM, term):
        raise ValueError("a star stands for the ending of a word, and three letters at least stand before it")
    return term


def _distinct(words: list[str]) -> list[str]:
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} stands twice")
    return words


class SafetyPolicySpec(Strict):
    """Detectors, words and bounds."""

    pii: Annotated[
        list[Annotated[str, AfterValidator(_known), Field(json_schema_extra=_ONE_OF)]],
        Field(json_schema_extra=_UNIQUE),
        AfterValidator(_distinct),
    ] = Field(
        default=list(USUAL_DETECTORS),
        description="Which personal data, or what else by detectors of others, is looked for.",
    )
    on_input: Action = Field(default="redact", description="What happens to a customer's text.")
    on_output: Action = Field(default="redact", description="What happens to a model's text.")
    blocked_terms: Annotated[
        list[Annotated[Text, AfterValidator(_stemmed), Field(json_schema_extra={"pattern": TERM})]],
        Field(json_schema_extra=_UNIQUE),
        AfterValidator(_distinct),
    ] = Field(
        default=[],
        description="Whole words, whatever their case, or stems with any ending, as in exploit*; a text with one is "
        "always blocked.",
    )
    max_input_characters: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(
        default="US", description="Country of telephone numbers without a country code (ISO 3166)."
    )


class SafetyPolicy(Document):
    """What is looked for, and what happens then; one of a name in the fleet."""

    kind: Literal["SafetyPolicy"]
    metadata: RootMetadata
    spec: SafetyPolicySpec
