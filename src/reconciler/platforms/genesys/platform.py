"""The pure half of Genesys Cloud: nothing to configure, an address, and what may be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import EMPTY, Gateway, Resource
from reconciler.platforms.findings import require, url_findings
from reconciler.platforms.genesys.capabilities import CAPABILITIES, NAME, PATHS
from reconciler.platforms.genesys.unsupported import gateway_findings, resource_findings
from reconciler.platforms.watching import bare

if TYPE_CHECKING:
    from reconciler.platforms.genesys.adapter import GenesysAdapter
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class GenesysPlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """Everything but an Endpoint that is only watched, and what is wrong with the Gateway."""
        return (*gateway_findings(gateway), *resource_findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Without its keys: they are never sent, so that a run need not have them."""
        if not resource.secrets and "credentials" not in resource.spec:
            return resource
        return replace(resource, spec=bare(resource.spec), secrets=EMPTY)

    def base_url(self, gateway: Gateway) -> str:
        """From `url`. Raises InputError without one: an organisation is a host, and hosts follow no pattern."""
        require(self._address(gateway))
        return gateway.url or ""

    def _address(self, gateway: Gateway) -> Iterator[Diagnostic]:
        return url_findings(self.name, gateway)

    def token_path(self, gateway: Gateway) -> str:
        """The contract's, unless the manifest overrides it."""
        return gateway.paths.get("token", PATHS["token"])

    def open(self, gateway: Gateway, client: Client) -> GenesysAdapter:
        """The adapter of one gateway. Raises InputError for one that cannot be used."""
        from reconciler.platforms.genesys.adapter import GenesysAdapter  # noqa: PLC0415 - offline work needs no HTTP
        from reconciler.platforms.genesys.api import Api  # noqa: PLC0415 - the same

        require(gateway_findings(gateway))
        return GenesysAdapter(gateway, Api(client, {**PATHS, **gateway.paths}))


PLATFORM = GenesysPlatform()
