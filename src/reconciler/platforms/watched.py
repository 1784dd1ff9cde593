"""The pure half of gateways that can only be watched: nothing to configure, an address, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.platforms.findings import only_watched, path_findings, require, transport_findings, url_findings
from reconciler.platforms.watching import WatchingAdapter, keyless

if TYPE_CHECKING:
    from reconciler.transport import Client

Paths = Mapping[str, str]
"""Calls by name; a Gateway's `paths` override them."""


@dataclass(frozen=True, slots=True)
class WatchedPlatform:
    """Implements OpenablePlatform. `opened` makes the adapter of a gateway whose calls are at these paths."""

    name: str
    capabilities: Capabilities
    paths: Paths
    opened: Callable[[Gateway, Client, Paths], WatchingAdapter] = field(repr=False)

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """Everything but an Endpoint that is only watched, and what is wrong with the Gateway."""
        return (*self._gateway_findings(gateway), *only_watched(self.name, resource))

    def normalize(self, resource: Resource) -> Resource:
        """Without its keys: they are never sent, so that a run need not have them."""
        return keyless(resource)

    def base_url(self, gateway: Gateway) -> str:
        """From `url`. Raises InputError without one: no host follows from an organisation's name."""
        require(url_findings(self.name, gateway))
        return gateway.url or ""

    def token_path(self, gateway: Gateway) -> str:
        """The contract's, unless the manifest overrides it."""
        return gateway.paths.get("token", self.paths["token"])

    def open(self, gateway: Gateway, client: Client) -> WatchingAdapter:
        """The adapter of one gateway. Raises InputError for one that cannot be used."""
        require(self._gateway_findings(gateway))
        return self.opened(gateway, client, {**self.paths, **gateway.paths})

    def _gateway_findings(self, gateway: Gateway) -> Sequence[Diagnostic]:
        return (
            *path_findings(self.name, gateway, self.paths),
            *transport_findings(self.name, gateway, self.capabilities),
        )
