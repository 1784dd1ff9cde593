"""Documents for inference to what is declared: each kind by its name, cross-checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from reconciler.manifest import prompts
from reconciler.manifest.document import Document
from reconciler.manifest.fleet import Fleet
from reconciler.manifest.lookup import Lookup
from reconciler.manifest.probes import probe
from reconciler.manifest.routes import route, same_paths
from reconciler.model.inference import InferenceDeclarations

T = TypeVar("T")


def declarations(documents: Sequence[Document], fleet: Fleet) -> InferenceDeclarations:
    """Everything for inference. What is wrong goes to the fleet's diagnostics."""
    lookup = Lookup.of(documents, fleet.diagnostics)
    routes = lookup.documents["Route"]
    found = InferenceDeclarations(
        _each(lookup, "PromptTemplate", prompts.prompt),
        _each(lookup, "SafetyPolicy", prompts.policy),
        _each(lookup, "ResponseSchema", prompts.schema),
        _each(lookup, "Pricing", prompts.pricing),
        _each(lookup, "Probe", lambda document: probe(document, fleet, lookup)),
        {name: built for name, document in routes.items() if (built := route(document, fleet, lookup)) is not None},
    )
    fleet.diagnostics.extend(same_paths(tuple(routes.values())))
    fleet.diagnostics.extend(lookup.unused())
    return found


def _each(lookup: Lookup, kind: str, build: Callable[[Document], T]) -> dict[str, T]:
    return {name: build(document) for name, document in lookup.documents[kind].items()}
