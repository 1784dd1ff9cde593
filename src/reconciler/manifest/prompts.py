"""Templates, safety policies, answer schemas and prices from their documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.parts import day
from reconciler.manifest.patches import Effective
from reconciler.manifest.source import DocumentSource
from reconciler.model.inference import (
    USUAL_DETECTORS,
    Engine,
    Price,
    Pricing,
    PromptTemplate,
    ResponseSchema,
    SafetyAction,
    SafetyPolicy,
    Variable,
)


def source_of(document: Document) -> DocumentSource:
    """Where the members of a document are written that no patch can change."""
    return DocumentSource(Effective(document, document.data))


def prompt(document: Document) -> PromptTemplate:
    """A template with its variables."""
    spec = document.data["spec"]
    variables = {name: variable(written) for name, written in spec.get("variables", {}).items()}
    return PromptTemplate(
        document.name, Engine(spec["engine"]), spec.get("system", ""), spec["user"], variables, source_of(document)
    )


def variable(written: Mapping[str, Any]) -> Variable:
    """A variable with a default need not be given."""
    default = written.get("default")
    return Variable(written.get("required", True) and default is None, default, written.get("maxLength"))


def policy(document: Document) -> SafetyPolicy:
    """A safety policy, with the usual detectors where it names none."""
    spec = document.data["spec"]
    return SafetyPolicy(
        document.name,
        tuple(spec.get("pii", USUAL_DETECTORS)),
        SafetyAction(spec.get("onInput", "redact")),
        SafetyAction(spec.get("onOutput", "redact")),
        tuple(spec.get("blockedTerms", ())),
        spec.get("maxInputCharacters"),
        spec.get("region", "US"),
        source_of(document),
    )


def schema(document: Document) -> ResponseSchema:
    """An answer schema."""
    spec = document.data["spec"]
    return ResponseSchema(document.name, spec["schema"], spec.get("repairAttempts", 1), source_of(document))


def _price(said: Mapping[str, Any]) -> Price:
    return Price(float(said["prompt"]), float(said["completion"]), day(said, "retiresOn"), said.get("contextTokens"))


def pricing(document: Document) -> Pricing:
    """Prices by model."""
    spec = document.data["spec"]
    prices = {model: _price(said) for model, said in spec["models"].items()}
    return Pricing(document.name, prices, spec.get("currency", "USD"), source_of(document))
