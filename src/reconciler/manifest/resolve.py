"""Step 2, resolve: documents to resources, with parts and patches worked in and sources kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.manifest import declared
from reconciler.manifest.document import Document
from reconciler.manifest.fleet import Fleet
from reconciler.manifest.inference import declarations
from reconciler.manifest.membership import Membership
from reconciler.manifest.parts import Parts, credentials_of, limits_of, secret_ref
from reconciler.manifest.patches import Effective, Patching
from reconciler.manifest.problems import diagnostic
from reconciler.manifest.source import EndpointSource, WebhookSource
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inference import InferenceDeclarations
from reconciler.model.resource import (
    DEFAULT_LIFECYCLE,
    DEFAULT_READINESS,
    Gateway,
    Lifecycle,
    Manage,
    Readiness,
    Resource,
    Rollout,
)

_PLAIN_FIELDS = ("displayName", "provider", "model", "apiBase", "fallbackStrategy", "timeoutMs", "retryOnRateLimit")


@dataclass(slots=True)
class Resolution:
    """What resolving has come to so far."""

    gateways: Mapping[str, Gateway]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    resources: dict[Address, Resource] = field(default_factory=dict)
    written: dict[Address, Document] = field(default_factory=dict)
    inference: InferenceDeclarations = field(default_factory=InferenceDeclarations)


def resolve(documents: Sequence[Document]) -> Resolution:
    """Turn valid documents into resources."""
    diagnostics: list[Diagnostic] = []
    gateways = declared.gateways(documents, diagnostics)
    result = Resolution(gateways, diagnostics)
    membership = Membership(gateways, diagnostics)
    patching = Patching(_patches(documents, membership))
    parts = Parts.of(documents, membership, patching, diagnostics)
    for document in documents:
        build = _BUILDERS.get(document.kind)
        if build is None:
            continue
        for gateway in membership.of(document):
            address = Address(gateway, document.kind, document.name)
            if _first(result, address, document):
                effective = patching.applied(document, gateway, diagnostics)
                resource = build(address, effective, parts, diagnostics)
                if resource is not None:
                    result.resources[address] = resource
    diagnostics += patching.unmatched()
    diagnostics += parts.unused()
    declared.check_dependencies(result.resources, diagnostics)
    declared.check_moves(result.resources, diagnostics)
    fleet = Fleet(gateways, result.resources, result.written, membership, diagnostics)
    result.inference = declarations(documents, fleet)
    return result


def _patches(
    documents: Sequence[Document], membership: Membership
) -> Mapping[str, Sequence[tuple[Document, frozenset[str]]]]:
    by_kind: dict[str, list[tuple[Document, frozenset[str]]]] = {}
    for document in documents:
        if document.kind == "Patch":
            kind = document.data["spec"]["target"]["kind"]
            by_kind.setdefault(kind, []).append((document, frozenset(membership.of(document))))
    return by_kind


def _first(result: Resolution, address: Address, document: Document) -> bool:
    other = result.written.setdefault(address, document)
    if other is document:
        return True
    place = other.position(("metadata", "name"))
    detail = f"{address} is declared at {place} already; rename or remove one."
    result.diagnostics.append(diagnostic("REF002", detail, document.position(("metadata", "name"))))
    return False


def _endpoint(address: Address, effective: Effective, parts: Parts, diagnostics: list[Diagnostic]) -> Resource | None:
    written = effective.data["spec"]
    matrix = parts.matrix(address, effective, diagnostics)
    limits = parts.limits(address, effective, diagnostics)
    if matrix is None or limits is None:
        return None
    keys = credentials_of(matrix)
    spec: dict[str, Any] = {name: written[name] for name in _PLAIN_FIELDS if written.get(name) is not None}
    spec["credentials"] = keys.spec
    if keys.rotation is not None:
        spec["rotationStrategy"] = keys.rotation
    bounds = limits_of(limits)
    if bounds:
        spec["rateLimits"] = bounds
    if written.get("fallbackModels"):
        spec["fallbackModels"] = written["fallbackModels"]
    if written.get("options"):
        spec["options"] = written["options"]
    readiness = written.get("readiness")
    return Resource(
        address,
        spec,
        keys.secrets,
        _depends_on(address, effective),
        lifecycle_of(effective),
        effective.data["metadata"].get("labels", {}),
        DEFAULT_READINESS if readiness is None else _readiness(readiness),
        Rollout(written.get("rollout", "candidate")),
        effective.data["metadata"].get("remoteId"),
        EndpointSource(
            effective,
            None if matrix.effective is effective else matrix.effective,
            None if limits.effective is effective else limits.effective,
        ),
        effective.data["metadata"].get("remoteId"),
        effective.data["metadata"].get("movedFrom"),
        origin=effective.document.file.name,
    )


def _readiness(written: Mapping[str, Any]) -> Readiness:
    return Readiness(
        written.get("quotaBaseline", DEFAULT_READINESS.quota_baseline),
        written.get("maxLatencyMs"),
        float(written.get("deadlineSeconds", DEFAULT_READINESS.deadline_seconds)),
    )


def _webhook(address: Address, effective: Effective, parts: Parts, diagnostics: list[Diagnostic]) -> Resource:  # noqa: ARG001 - one signature for all builders
    written = effective.data["spec"]
    moved_from = effective.data["metadata"].get("movedFrom")
    name = written.get("displayName") or moved_from or address.name
    spec = {"name": name, "url": written["url"], "events": sorted(written["events"])}
    secret = written.get("secret")
    return Resource(
        address,
        spec,
        {} if secret is None else {"/spec/secret": secret_ref(secret)},
        _depends_on(address, effective),
        lifecycle_of(effective),
        effective.data["metadata"].get("labels", {}),
        source=WebhookSource(effective),
        moved_from=moved_from,
        origin=effective.document.file.name,
    )


_BUILDERS = {"Endpoint": _endpoint, "Webhook": _webhook}


def lifecycle_of(effective: Effective) -> Lifecycle:
    """`lifecycle`, the shared default where there is none."""
    written = effective.data.get("lifecycle")
    if not written:
        return DEFAULT_LIFECYCLE
    return Lifecycle(
        Manage(written.get("manage", "full")),
        written.get("protect", False),
        written.get("adopt", False),
        tuple(written.get("ignore", ())),
    )


def _depends_on(address: Address, effective: Effective) -> tuple[Address, ...]:
    written = effective.data.get("lifecycle", {}).get("dependsOn", ())
    return tuple(Address(address.gateway, *dependency.split("/", 1)) for dependency in written)
