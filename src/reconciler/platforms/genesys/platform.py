"""The pure half of Genesys Cloud: nothing to configure, an address, and what may be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.platforms.findings import only_watched, require, url_findings
from reconciler.platforms.genesys.capabilities import CAPABILITIES, NAME, PATHS
from reconciler.platforms.genesys.unsupported import gateway_findings
from reconciler.platforms.watching import WatchingAdapter, keyless

if TYPE_CHECKING:
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class GenesysPlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """Everything but an Endpoint that is only watched, and what is wrong with the Gateway."""
        return (*gateway_findings(gateway), *only_watched(self.name, resource))

    def normalize(self, resource: Resource) -> Resource:
        """Without its keys: they are never sent, so that a run need not have them."""
        return keyless(resource)

    def base_url(self, gateway: Gateway) -> str:
        """From `url`. Raises InputError without one: an organisation is a host, and hosts follow no pattern."""
        require(url_findings(self.name, gateway))
        return gateway.url or ""

    def token_path(self, gateway: Gateway) -> str:
        """The contract's, unless the manifest overrides it."""
        return gateway.paths.get("token", PATHS["token"])

    def open(self, gateway: Gateway, client: Client) -> WatchingAdapter:
        """The adapter of one gateway. Raises InputError for one that cannot be used."""
        from reconciler.platforms.genesys.adapter import watching  # noqa: PLC0415 - offline work needs no HTTP
        from reconciler.platforms.genesys.api import Api  # noqa: PLC0415 - the same

        require(gateway_findings(gateway))
        return watching(gateway, Api(client, {**PATHS, **gateway.paths}))


PLATFORM = GenesysPlatform()
