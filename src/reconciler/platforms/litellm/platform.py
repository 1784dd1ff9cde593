"""The pure half of LiteLLM: what it can express, its defaults, where it lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource, Spec
from reconciler.platforms.findings import require, without_ignored
from reconciler.platforms.litellm.capabilities import CAPABILITIES, DEFAULT_STRATEGY, NAME, WEBHOOK
from reconciler.platforms.litellm.convert import group_of
from reconciler.platforms.litellm.unsupported import gateway_findings, inexpressible, resource_findings

if TYPE_CHECKING:
    from reconciler.platforms.litellm.adapter import LitellmAdapter
    from reconciler.transport import Client

_EMPTY = ("rateLimits", "fallbackModels")


@dataclass(frozen=True, slots=True)
class LitellmPlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What LiteLLM has no place for, or would take and not do, in the resource and in its Gateway."""
        return (*gateway_findings(gateway), *resource_findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """The one strategy, no empty parts, and nothing that the manifest allows to be left out."""
        if resource.address.kind not in self.capabilities.kinds:
            return resource
        if resource.address.kind == WEBHOOK:
            return replace(resource, spec={**resource.spec, "events": sorted(resource.spec.get("events", ()))})
        spec = _filled(without_ignored(resource, inexpressible(resource)))
        return resource if spec == resource.spec else replace(resource, spec=spec)

    def base_url(self, gateway: Gateway) -> str:
        """`url`; raises InputError where there is none, or where the Gateway cannot be used."""
        require(gateway_findings(gateway))
        return gateway.url or ""

    def token_path(self, gateway: Gateway) -> str:  # noqa: ARG002 - the protocol's signature
        """LiteLLM gives out no tokens; a Gateway with OAuth is refused."""
        return "/"

    def open(self, gateway: Gateway, client: Client) -> LitellmAdapter:
        """The adapter of one proxy. Raises InputError for a Gateway that cannot be used."""
        from reconciler.platforms.litellm.adapter import LitellmAdapter  # noqa: PLC0415 - what works offline needs no HTTP
        from reconciler.platforms.litellm.api import Api  # noqa: PLC0415 - the same
        from reconciler.platforms.litellm.reading import Reader  # noqa: PLC0415 - the same
        from reconciler.platforms.litellm.webhooks import Webhooks  # noqa: PLC0415 - the same

        require(gateway_findings(gateway))
        api = Api(client)
        return LitellmAdapter(gateway, api, Reader(gateway.name, gateway.paths), Webhooks(gateway, api))


def _filled(resource: Resource) -> Spec:
    spec = resource.spec
    dropped = {name for name in _EMPTY if not spec.get(name)}
    if spec.get("displayName") == group_of(resource):
        dropped.add("displayName")
    return {
        "fallbackStrategy": DEFAULT_STRATEGY,
        **{name: value for name, value in spec.items() if name not in dropped},
    }


PLATFORM = LitellmPlatform()
