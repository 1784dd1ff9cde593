"""Gateways and policies from their documents, and whether dependencies lead anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.parts import secret_ref
from reconciler.manifest.patches import Effective
from reconciler.manifest.problems import diagnostic
from reconciler.manifest.source import DocumentSource
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import (
    Auth,
    Bearer,
    Gateway,
    Guard,
    Header,
    Limits,
    OAuth,
    Policy,
    Resource,
    Timeouts,
)


def gateways(documents: Sequence[Document], diagnostics: list[Diagnostic]) -> Mapping[str, Gateway]:
    """Gateways by name; a second one of a name is reported."""
    found: dict[str, Gateway] = {}
    places: dict[str, Document] = {}
    for document in documents:
        if document.kind != "Gateway":
            continue
        if document.name in places:
            place = places[document.name].position(("metadata", "name"))
            detail = f"gateway {document.name!r} is declared at {place} already; rename or remove one."
            diagnostics.append(diagnostic("REF002", detail, document.position(("metadata", "name"))))
            continue
        places[document.name] = document
        found[document.name] = _gateway(document)
    _check_renames(found, diagnostics)
    return found


def _check_renames(found: Mapping[str, Gateway], diagnostics: list[Diagnostic]) -> None:
    """The same for gateways as `check_moves` for what lives on them."""
    first: dict[str, Gateway] = {}
    for gateway in found.values():
        earlier = gateway.moved_from
        if earlier is None:
            continue
        position = gateway.source.position("/metadata/movedFrom")
        if earlier in found:
            place = found[earlier].source.position("/metadata/name")
            detail = f"gateway {earlier!r} is declared at {place}, so nothing can have moved away; take movedFrom out."
            diagnostics.append(diagnostic("REF012", detail, position))
        elif first.setdefault(earlier, gateway) is not gateway:
            detail = f"gateway {first[earlier].name!r} was {earlier!r} as well; only one can be, so take one out."
            diagnostics.append(diagnostic("REF013", detail, position))


def _gateway(document: Document) -> Gateway:
    """The document is valid; what it leaves out is what the model's own defaults say."""
    metadata, spec = document.data["metadata"], document.data["spec"]
    limits, timeouts = spec.get("limits", {}), spec.get("timeouts", {})
    return Gateway(
        metadata["name"],
        spec["platform"],
        spec["url"].rstrip("/") if "url" in spec else None,
        spec.get("org"),
        _auth(spec.get("auth")),
        spec.get("paths", {}),
        Limits(
            limits.get("concurrency", _LIMITS.concurrency), limits.get("requestsPerSecond"), limits.get("endpoints")
        ),
        Timeouts(float(timeouts.get("connect", _TIMEOUTS.connect)), float(timeouts.get("total", _TIMEOUTS.total))),
        spec.get("prune", True),
        Guard(spec.get("guardFloor", Guard.COMPARE)),
        spec.get("transport"),
        spec["webSocketUrl"].rstrip("/") if "webSocketUrl" in spec else None,
        metadata.get("labels", {}),
        DocumentSource(Effective(document, document.data)),
        metadata.get("movedFrom"),
    )


_LIMITS, _TIMEOUTS = Limits(), Timeouts()


def _auth(written: Mapping[str, Any] | None) -> Auth | None:
    if not written:
        return None
    if written.get("oauth"):
        pair = written["oauth"]
        return OAuth(
            secret_ref(pair["clientId"]),
            secret_ref(pair["clientSecret"]),
            pair.get("tokenUrl"),
            tuple(pair.get("scopes", ())),
            pair.get("clientAuth", "post"),
        )
    if written.get("bearer"):
        return Bearer(secret_ref(written["bearer"]))
    return Header(written["header"]["name"], secret_ref(written["header"]["value"]))


def policies(documents: Sequence[Document]) -> tuple[Policy, ...]:
    """The team's rules, in the order of files."""
    return tuple(_policy(document) for document in documents if document.kind == "Policy")


def _policy(document: Document) -> Policy:
    spec = document.data["spec"]
    match = spec.get("match", {})
    return Policy(
        document.name,
        match.get("kind"),
        match.get("matchLabels", {}),
        spec.get("rule", {}),
        tuple(spec.get("forbid", ())),
        spec["message"],
        spec.get("severity", "error"),
        DocumentSource(Effective(document, document.data)),
    )


def check_dependencies(resources: Mapping[Address, Resource], diagnostics: list[Diagnostic]) -> None:
    """Report dependencies on what is not declared, and circles."""
    for address, resource in resources.items():
        for index, needed in enumerate(resource.depends_on):
            position = f"/lifecycle/dependsOn/{index}"
            if needed not in resources:
                detail = f"{needed.kind}/{needed.name} is not declared on gateway {needed.gateway!r}; check the name."
                diagnostics.append(diagnostic("REF007", detail, resource.source.position(position)))
            elif _reaches(resources, needed, address):
                detail = f"{address} and {needed} wait for each other; take one dependsOn out."
                diagnostics.append(diagnostic("REF008", detail, resource.source.position(position)))


def check_moves(resources: Mapping[Address, Resource], diagnostics: list[Diagnostic]) -> None:
    """Report a `movedFrom` that names what is still declared, or what another document names as well."""
    first: dict[Address, Resource] = {}
    for address, resource in resources.items():
        if resource.moved_from is None:
            continue
        earlier = address._replace(name=resource.moved_from)
        position = resource.source.position("/metadata/movedFrom")
        if earlier in resources:
            place = resources[earlier].source.position("/metadata/name")
            detail = (
                f"{earlier} is declared at {place}, so nothing can have moved away from there; take movedFrom out, or "
                "the other document."
            )
            diagnostics.append(diagnostic("REF012", detail, position))
        elif first.setdefault(earlier, resource) is not resource:
            other = first[earlier]
            place = other.source.position("/metadata/movedFrom")
            detail = f"{other.address} was {earlier} as well, by {place}; only one of them can be, so take one out."
            diagnostics.append(diagnostic("REF013", detail, position))


def _reaches(resources: Mapping[Address, Resource], start: Address, goal: Address) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if here == goal:
            return True
        following = [a for a in resources[here].depends_on if a in resources and a not in seen]
        seen.update(following)
        waiting += following
    return False
