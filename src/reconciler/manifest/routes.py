"""Routes from their documents, and what is wrong between them and what they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.manifest.answers import route_response
from reconciler.manifest.document import Document
from reconciler.manifest.fleet import Fleet
from reconciler.manifest.lookup import Lookup
from reconciler.manifest.parts import secret_ref
from reconciler.manifest.probes import missing_prices, sampling
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.manifest.prompts import source_of, variable
from reconciler.model.address import Address
from reconciler.model.channels import CHANNELS, SCHEMAS
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inference import (
    Channel,
    History,
    Response,
    Route,
    Signature,
    SignatureScheme,
)
from reconciler.model.resource import Resource


def route(document: Document, fleet: Fleet, lookup: Lookup) -> Route | None:
    """A route; None, reported, when its endpoint is not there. Problems go to the lookup's diagnostics."""
    spec = document.data["spec"]
    template = lookup.named(document, ("spec", "prompt"), "PromptTemplate")
    lookup.named(document, ("spec", "safety"), "SafetyPolicy")
    response = route_response(document, lookup, SCHEMAS.get(Channel(spec["channel"])))
    prices = lookup.named(document, ("spec", "pricing"), "Pricing")
    if template is not None:
        lookup.diagnostics += _variables(document, template)
    endpoint = _endpoint(document, fleet)
    if endpoint is None:
        return None
    lookup.diagnostics += _history_gateway(document, fleet)
    resource = fleet.resources.get(endpoint)
    if resource is not None:
        lookup.diagnostics += _models(document, resource, prices)
        lookup.diagnostics += _deadline(document, resource)
    return _built(document, endpoint, response)


def _built(document: Document, endpoint: Address, response: Response) -> Route:
    spec = document.data["spec"]
    channel = Channel(spec["channel"])
    usual = CHANNELS[channel]
    return Route(
        document.name,
        path_of(document),
        channel,
        endpoint,
        spec["prompt"],
        spec.get("fallback") or usual.fallback,
        _signature(spec.get("signature")),
        _history(spec.get("history"), channel),
        tuple(spec.get("fallbackModels", ())),
        spec.get("safety"),
        response,
        spec.get("pricing"),
        sampling(spec.get("sampling", {}), usual.sampling),
        float(spec.get("threshold", 0.75)),
        spec.get("deadlineMs") or usual.deadline_ms,
        source_of(document),
    )


def path_of(document: Document) -> str:
    """Where a route answers: as it says, or as its channel has it."""
    spec = document.data["spec"]
    return str(spec.get("path") or CHANNELS[Channel(spec["channel"])].path)


def _signature(written: Mapping[str, Any] | None) -> Signature | None:
    if written is None:
        return None
    signature = Signature(
        SignatureScheme(written.get("scheme", "hmac")), tuple(secret_ref(secret) for secret in written["secrets"])
    )
    return replace(
        signature,
        header=written.get("header", signature.header),
        tolerance_seconds=written.get("toleranceSeconds", signature.tolerance_seconds),
        calls_per_second=written.get("callsPerSecond", signature.calls_per_second),
    )


def _history(written: Mapping[str, Any] | None, channel: Channel) -> History | None:
    if written is None:
        return None
    path = written.get("path") or CHANNELS[channel].history
    return History(path, written.get("turns", 10), written.get("timeoutMs", 2_000), written.get("gateway"))


def _history_gateway(document: Document, fleet: Fleet) -> Iterator[Diagnostic]:
    """The history may be read at a gateway of its own, which has to be declared."""
    name = (document.data["spec"].get("history") or {}).get("gateway")
    if name is None or name in fleet.gateways:
        return
    hint = did_you_mean(name, fleet.gateways) or f" Declared are {', '.join(sorted(fleet.gateways)) or 'none'}."
    detail = f"there is no gateway {name!r} to read histories from.{hint}"
    yield diagnostic("REF004", detail, document.position(("spec", "history", "gateway")))


def _endpoint(document: Document, fleet: Fleet) -> Address | None:
    """One endpoint on one gateway: a caller is not to be answered by two."""
    gateways = fleet.membership.of(document)
    if len(gateways) > 1:
        detail = f"it would be on {', '.join(gateways)}; a route is on one gateway: name it."
        fleet.diagnostics.append(diagnostic("LLM017", detail, document.position(("metadata", "gateways"))))
        return None
    name = document.data["spec"]["endpoint"]
    found = fleet.named(document, gateways, name, ("spec", "endpoint")) if gateways else ()
    return found[0] if found else None


def _variables(document: Document, template: Document) -> Iterator[Diagnostic]:
    """What an event does not give needs a default."""
    channel = Channel(document.data["spec"]["channel"])
    given = CHANNELS[channel].variables
    for name, written in template.data["spec"].get("variables", {}).items():
        if variable(written).required and name not in given:
            detail = (
                f"no event of {channel} gives {name!r}, which PromptTemplate {template.name!r} needs; give it a "
                f"default there, or use one of {', '.join(sorted(given))}."
            )
            yield diagnostic("LLM005", detail, document.position(("spec", "prompt")))


def _models(document: Document, endpoint: Resource, prices: Document | None) -> Iterator[Diagnostic]:
    """Models in the order in which they are asked: each once, and each with a price."""
    seen = [str(endpoint.spec["model"])]
    for index, model in enumerate(document.data["spec"].get("fallbackModels", ())):
        if model in seen:
            chain = " → ".join([*seen[seen.index(model) :], model])
            detail = f"{chain}: a model that has just failed would be asked again; take it out."
            yield diagnostic("LLM016", detail, document.position(("spec", "fallbackModels", index)))
        else:
            seen.append(model)
    if prices is not None:
        yield from missing_prices(document, prices, dict.fromkeys(seen))


def _deadline(document: Document, endpoint: Resource) -> Iterator[Diagnostic]:
    """A first model that may take the whole turn leaves no time for the fallbacks."""
    spec = document.data["spec"]
    timeout = endpoint.spec.get("timeoutMs")
    deadline = spec.get("deadlineMs") or CHANNELS[Channel(spec["channel"])].deadline_ms
    reading = 0 if spec.get("history") is None else spec["history"].get("timeoutMs", 2_000)
    if timeout is not None and deadline < reading + timeout:
        detail = (
            f"the history ({reading} ms) and {endpoint.address.name} ({timeout} ms, timeoutMs at "
            f"{endpoint.source.position('/spec/timeoutMs')}) may take longer than the whole turn ({deadline} ms); "
            "change one."
        )
        keys = ("spec", "deadlineMs") if spec.get("deadlineMs") else ("spec", "endpoint")
        yield diagnostic("LLM015", detail, document.position(keys))


def same_paths(documents: Sequence[Document]) -> Iterator[Diagnostic]:
    """Two routes at one path: one of them would never be asked."""
    first: dict[str, Document] = {}
    for document in documents:
        path = path_of(document)
        other = first.setdefault(path, document)
        if other is not document:
            place = other.position(("metadata", "name"))
            detail = f"route {other.name!r} at {place} answers at {path} already; choose another path."
            keys = ("spec", "path") if document.data["spec"].get("path") else ("spec", "channel")
            yield diagnostic("LLM012", detail, document.position(keys))
