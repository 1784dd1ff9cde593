"""The pure half of Cognigy.AI: what it can express, its defaults, where it lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.planning.pointer import join
from reconciler.platforms.cognigy.capabilities import CAPABILITIES, DEFAULTS, ENDPOINT, NAME, PATHS, capabilities_of
from reconciler.platforms.cognigy.convert import name_of, placed
from reconciler.platforms.cognigy.unsupported import gateway_findings, inexpressible, resource_findings
from reconciler.platforms.fields import ignored, without
from reconciler.platforms.findings import org_findings, require

if TYPE_CHECKING:
    from reconciler.platforms.cognigy.adapter import CognigyAdapter
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class CognigyPlatform:
    """Implements OpenablePlatform and Fitting."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def fitted(self, gateway: Gateway) -> CognigyPlatform:
        """The platform with what this gateway's `paths` switches on."""
        return replace(self, capabilities=capabilities_of(gateway))

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What the contract has no place for or would refuse, in the resource and in its Gateway."""
        return (*gateway_findings(gateway), *resource_findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Defaults of the contract, keys by their places, and without what the manifest allows to be left out."""
        if resource.address.kind != ENDPOINT:
            return resource
        left_out = [keys for keys in inexpressible(resource) if ignored(resource, join("/spec", keys))]
        name = name_of(resource)
        spec = {**DEFAULTS, **without(resource.spec, left_out), "displayName": name}
        normal = placed(replace(resource, spec=spec))
        if name == resource.address.name:
            return normal
        stated = name if resource.remote_id is None and name != resource.first_name else resource.stated_id
        return replace(normal, remote_id=name, stated_id=stated)

    def base_url(self, gateway: Gateway) -> str:
        """From `url`, or from `org` as the contract says. Raises InputError for an `org` that is no tenant name."""
        require(org_findings(gateway))
        return gateway.url or f"https://{gateway.org}.cognigy.ai"

    def token_path(self, gateway: Gateway) -> str:  # noqa: ARG002 - the protocol's
        """The contract knows keys only; where an identity provider stands before it, `tokenUrl` says where."""
        return "/oauth/token"

    def open(self, gateway: Gateway, client: Client) -> CognigyAdapter:
        """The adapter of one organisation. Raises InputError for a Gateway that cannot be used."""
        from reconciler.platforms.cognigy.adapter import CognigyAdapter  # noqa: PLC0415 - offline work needs no HTTP
        from reconciler.platforms.cognigy.api import Api  # noqa: PLC0415 - the same

        require(gateway_findings(gateway))
        return CognigyAdapter(gateway, capabilities_of(gateway), Api(client, {**PATHS, **gateway.paths}))


PLATFORM = CognigyPlatform()
