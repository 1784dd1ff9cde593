"""Probes from their documents, and what is wrong between them and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.manifest.answers import probe_response
from reconciler.manifest.document import Document
from reconciler.manifest.fleet import Fleet
from reconciler.manifest.lookup import Lookup
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.manifest.prompts import source_of, variable
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inference import Expectations, Probe, Sampling

USD = "USD"


def probe(document: Document, fleet: Fleet, lookup: Lookup) -> Probe:
    """A probe with the endpoints that its selector finds; problems go to the lookup's diagnostics."""
    spec = document.data["spec"]
    expect = spec.get("expect", {})
    template = lookup.named(document, ("spec", "prompt"), "PromptTemplate")
    lookup.named(document, ("spec", "expect", "schema"), "ResponseSchema")
    lookup.named(document, ("spec", "expect", "safety"), "SafetyPolicy")
    prices = lookup.named(document, ("spec", "pricing"), "Pricing")
    endpoints = fleet.selected(document, spec["endpoints"])
    if template is not None:
        lookup.diagnostics += _variables(document, template)
    if prices is not None or not spec.get("pricing"):
        lookup.diagnostics += _prices(document, prices, fleet.models(endpoints))
    response = probe_response(document, lookup)
    return Probe(
        document.name,
        endpoints,
        spec["prompt"],
        spec.get("variables", {}),
        expectations({"schema": response.schema, **expect}),
        sampling(spec.get("sampling", {}), Sampling()),
        spec.get("pricing"),
        spec.get("gate", False),
        None if spec.get("budget") is None else float(spec["budget"]),
        spec.get("cheapest") == "models",
        spec.get("deadlineMs", 15_000),
        response,
        source_of(document),
    )


def expectations(written: Mapping[str, Any]) -> Expectations:
    """What is expected of an answer."""
    cost = written.get("maxCostUsd")
    return Expectations(
        written.get("schema"),
        written.get("maxLatencyMs"),
        written.get("maxTimeToFirstTokenMs"),
        None if cost is None else float(cost),
        written.get("minTokens"),
        written.get("safety"),
        written.get("finishReason"),
    )


def sampling(written: Mapping[str, Any], usual: Sampling) -> Sampling:
    """What is written, and what is usual for the rest."""
    temperature = written.get("temperature", usual.temperature)
    top_p = written.get("topP", usual.top_p)
    return Sampling(
        None if temperature is None else float(temperature),
        written.get("maxTokens", usual.max_tokens),
        None if top_p is None else float(top_p),
    )


def _variables(document: Document, template: Document) -> Iterator[Diagnostic]:
    """A probe gives what its template needs, and nothing else."""
    given = document.data["spec"].get("variables", {})
    declared = {name: variable(v) for name, v in template.data["spec"].get("variables", {}).items()}
    for name, hole in declared.items():
        if hole.required and name not in given:
            detail = f"PromptTemplate {template.name!r} needs {name!r}; add it to variables."
            keys = ("spec", "variables") if given else ("spec", "prompt")
            yield diagnostic("LLM005", detail, document.position(keys))
    for name, value in given.items():
        if name not in declared:
            hint = did_you_mean(name, declared) or f" It has {', '.join(declared) or 'none'}."
            detail = f"PromptTemplate {template.name!r} has no variable {name!r}.{hint}"
            yield diagnostic("LLM006", detail, document.key_position(("spec", "variables", name)))
            continue
        longest = declared[name].max_length
        if longest is not None and len(value) > longest:
            detail = f"{name} has {len(value)} characters, and its template takes {longest}; shorten it."
            yield diagnostic("LLM006", detail, document.position(("spec", "variables", name)))


def _prices(document: Document, prices: Document | None, models: Mapping[str, Address]) -> Iterator[Diagnostic]:
    """A bound on money needs a price for every model that is asked."""
    spec = document.data["spec"]
    bounds = [("spec", "expect", "maxCostUsd")] if spec.get("expect", {}).get("maxCostUsd") is not None else []
    bounds += [("spec", "budget")] if spec.get("budget") is not None else []  # type: ignore[list-item]  # of any length
    if not bounds:
        return
    if prices is None:
        detail = "what a call costs is not known; add pricing with the prices of these models: " + ", ".join(models)
        yield diagnostic("LLM009", f"{detail}.", document.position(bounds[0]))
        return
    yield from missing_prices(document, prices, models)
    currency = prices.data["spec"].get("currency", USD)
    if bounds[0][-1] == "maxCostUsd" and currency != USD:
        detail = f"Pricing {prices.name!r} is in {currency}; use a list in USD, or bound the run by budget."
        yield diagnostic("LLM019", detail, document.position(bounds[0]))


def missing_prices(document: Document, prices: Document, models: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Models that may be asked and stand in no price list."""
    listed = prices.data["spec"]["models"]
    for model in models:
        if model not in listed:
            hint = did_you_mean(model, listed)
            detail = f"Pricing {prices.name!r} has no price for {model!r}; add it.{hint}"
            yield diagnostic("LLM009", detail, document.position(("spec", "pricing")))
