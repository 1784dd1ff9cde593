"""The pure half of smg: what it can express, where it lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.platforms.findings import misplaced, require, without_ignored
from reconciler.platforms.smg import unsupported
from reconciler.platforms.smg.capabilities import CAPABILITIES, NAME

if TYPE_CHECKING:
    from reconciler.platforms.smg.adapter import SmgAdapter
    from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class SmgPlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What a worker has no place for, and what the Gateway says that smg does not have."""
        return (*misplaced(gateway, NAME, CAPABILITIES), *unsupported.findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Without what the manifest allows to be left out; smg has no defaults that a read would show."""
        if resource.address.kind not in self.capabilities.kinds:
            return resource
        return without_ignored(resource, unsupported.places(resource))

    def base_url(self, gateway: Gateway) -> str:
        """`url`. Raises InputError where there is none."""
        require(misplaced(gateway, NAME, CAPABILITIES))
        return gateway.url or ""

    def token_path(self, gateway: Gateway) -> str:  # noqa: ARG002 - the protocol's signature
        """Where a token would be had, if smg had tokens: its keys are static."""
        return "/oauth/token"

    def open(self, gateway: Gateway, client: Client) -> SmgAdapter:
        """The adapter of one gateway."""
        from reconciler.platforms.smg.adapter import SmgAdapter  # noqa: PLC0415 - what works offline needs no HTTP
        from reconciler.platforms.smg.api import Api  # noqa: PLC0415 - the same
        from reconciler.platforms.smg.settle import Settling  # noqa: PLC0415 - the same

        return SmgAdapter(gateway, Api(client), Settling(client))


PLATFORM = SmgPlatform()
