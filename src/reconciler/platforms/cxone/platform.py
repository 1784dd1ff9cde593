"""The pure half of CXone: what it can express, its defaults, where it lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource, Spec
from reconciler.planning.pointer import join
from reconciler.platforms.cxone.capabilities import CAPABILITIES, DEFAULT_STRATEGY, ENDPOINT, NAME, PATHS
from reconciler.platforms.cxone.unsupported import inexpressible, resource_findings
from reconciler.platforms.fields import ignored, without
from reconciler.platforms.findings import org_findings, path_findings, require, transport_findings

if TYPE_CHECKING:
    from reconciler.platforms.cxone.adapter import CxoneAdapter
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class CxonePlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What the contract has no place for or would refuse, in the resource and in its Gateway's `paths`."""
        return (*_gateway_findings(gateway), *resource_findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Defaults of the contract, events in order, and without what the manifest allows to be left out."""
        if resource.address.kind not in self.capabilities.kinds:
            return resource
        spec = resource.spec
        if resource.lifecycle.ignore:
            spec = without(spec, [k for k in inexpressible(resource) if ignored(resource, join("/spec", k))])
        spec = _filled(resource, spec)
        return resource if spec is resource.spec else replace(resource, spec=spec)

    def base_url(self, gateway: Gateway) -> str:
        """From `url`, or from `org` as the contract says. Raises InputError for an `org` that is no tenant name."""
        require(org_findings(gateway))
        return gateway.url or f"https://{gateway.org}.platform.nicecxone.com"

    def token_path(self, gateway: Gateway) -> str:
        """The contract's, unless the manifest overrides it."""
        return gateway.paths.get("token", PATHS["token"])

    def open(self, gateway: Gateway, client: Client) -> CxoneAdapter:
        """The adapter of one tenant. Raises InputError for `paths` that cannot be used."""
        from reconciler.platforms.cxone.adapter import CxoneAdapter  # noqa: PLC0415 - what works offline needs no HTTP
        from reconciler.platforms.cxone.api import Api  # noqa: PLC0415 - the same
        from reconciler.platforms.cxone.convert import Reader  # noqa: PLC0415 - the same

        require(_gateway_findings(gateway))
        return CxoneAdapter(gateway, Api(client, {**PATHS, **gateway.paths}), Reader(gateway.name))


def _gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    yield from path_findings(NAME, gateway, PATHS)
    yield from transport_findings(NAME, gateway, CAPABILITIES)


def _filled(resource: Resource, spec: Spec) -> Spec:
    """The spec itself where nothing is to be added, so that a fleet that says everything costs nothing."""
    if resource.address.kind != ENDPOINT:
        events = sorted(spec.get("events", ()))
        return spec if events == spec.get("events") else {**spec, "events": events}
    if "displayName" in spec and "fallbackStrategy" in spec:
        return spec
    return {"displayName": resource.first_name, "fallbackStrategy": DEFAULT_STRATEGY, **spec}


PLATFORM = CxonePlatform()
