"""The pure half of CXone: what it can express, its defaults, where it lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Gateway, Resource
from reconciler.platforms.cxone.adapter import CxoneAdapter
from reconciler.platforms.cxone.api import Api
from reconciler.platforms.cxone.capabilities import (
    CAPABILITIES,
    DEFAULT_STRATEGY,
    ENDPOINT,
    EVENTS,
    NAME,
    NOT_EXPRESSIBLE,
    PATHS,
    PROVIDERS,
)
from reconciler.platforms.cxone.convert import LIMITS, Reader
from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class CxonePlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:  # noqa: ARG002 - the port
        """What the contract has no place for, or would answer with a 400."""
        kind = resource.address.kind
        if kind not in self.capabilities.kinds:
            return (_finding(resource, "PLATFORM004", f"cxone has no {kind}", "/metadata/name"),)
        expressible = _endpoint_findings(resource) if kind == ENDPOINT else _webhook_findings(resource)
        return (*_not_expressible(resource), *expressible)

    def normalize(self, resource: Resource) -> Resource:
        """Defaults of the contract, and without what the manifest allows to be left out."""
        spec = resource.spec
        added = _defaults(resource)
        dropped = [name for name in NOT_EXPRESSIBLE.get(resource.address.kind, ()) if name in spec]
        if not added and not dropped:
            return resource
        kept = {name: value for name, value in spec.items() if name not in dropped}
        return replace(resource, spec={**added, **kept})

    def base_url(self, gateway: Gateway) -> str:
        """From `url`, or from `org` as the contract says."""
        return gateway.url or f"https://{gateway.org}.platform.nicecxone.com"

    def token_path(self, gateway: Gateway) -> str:
        """The contract's, unless the manifest overrides it."""
        return {**PATHS, **gateway.paths}["token"]

    def open(self, gateway: Gateway, client: Client) -> CxoneAdapter:
        """The adapter of one tenant."""
        return CxoneAdapter(gateway, Api(client, {**PATHS, **gateway.paths}), Reader(gateway.name))


def _defaults(resource: Resource) -> Mapping[str, Any]:
    if resource.address.kind != ENDPOINT:
        return {}
    wanted = {"displayName": resource.address.name, "fallbackStrategy": DEFAULT_STRATEGY}
    return {name: value for name, value in wanted.items() if name not in resource.spec}


def _not_expressible(resource: Resource) -> Iterator[Diagnostic]:
    for name in NOT_EXPRESSIBLE[resource.address.kind]:
        path = f"/spec/{name}"
        if name in resource.spec and path not in resource.lifecycle.ignore:
            detail = f"cxone has no {name}: take it out, or name {path} in lifecycle.ignore to leave it out."
            yield _finding(resource, "PLATFORM001", detail, path)


def _endpoint_findings(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    if spec.get("provider") not in PROVIDERS:
        detail = f"cxone knows the providers {', '.join(PROVIDERS)}."
        yield _finding(resource, "PLATFORM003", detail, "/spec/provider")
    if not spec.get("credentials"):
        yield _finding(resource, "PLATFORM002", "cxone needs at least one credential.", "/spec/credentials")
    for name in LIMITS:
        if name not in spec.get("rateLimits", {}):
            yield _finding(resource, "PLATFORM002", f"cxone needs rateLimits.{name}.", "/spec/rateLimits")


def _webhook_findings(resource: Resource) -> Iterator[Diagnostic]:
    unknown = [event for event in resource.spec.get("events", ()) if event not in EVENTS]
    if unknown:
        detail = f"cxone has no event {', '.join(map(repr, unknown))}; it knows {', '.join(EVENTS)}."
        yield _finding(resource, "PLATFORM003", detail, "/spec/events")
    if "/spec/secret" not in resource.secrets:
        yield _finding(resource, "PLATFORM002", "cxone needs a secret to sign deliveries with.", "/spec/secret")


_SUMMARIES: Mapping[str, str] = {
    "PLATFORM001": "the platform cannot express this field",
    "PLATFORM002": "the platform needs this field",
    "PLATFORM003": "the platform does not take this value",
    "PLATFORM004": "the platform does not have this kind",
}


def _finding(resource: Resource, code: str, detail: str, path: str) -> Diagnostic:
    position = resource.source.position(path)
    return Diagnostic(Severity.ERROR, code, _SUMMARIES[code], detail, position, resource.address, path)


PLATFORM = CxonePlatform()
