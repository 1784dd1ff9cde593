"""Genesys Cloud as the engine sees it: asked whether it works, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import GatewayError
from reconciler.model.address import Address
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.platforms.genesys import verify
from reconciler.platforms.genesys.api import Api
from reconciler.platforms.genesys.capabilities import CAPABILITIES
from reconciler.platforms.watching import refuse, unseen


@dataclass(frozen=True, slots=True)
class GenesysAdapter:
    """Implements the port Adapter."""

    gateway: Gateway
    api: Api

    async def observe(self) -> Observed:
        """Nothing is sent: there is no list."""
        return unseen(self.gateway, CAPABILITIES)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, f"read {address}")

    async def create(self, resource: Resource, material: Material) -> Live:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, f"create {resource.address}")

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, f"update {live.address}")

    async def delete(self, live: Live) -> None:
        """Raises Unsupported."""
        refuse(self.gateway, f"delete {live.address}")

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:  # noqa: ARG002 - the port's
        """Raises Unsupported."""
        refuse(self.gateway, "prove a candidate")

    async def discard(self, scratch: str) -> None:
        """No candidate is ever made."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:  # noqa: ARG002 - the model is in the manifest
        """Fetch a token and ask the model for one word."""
        try:
            await self.api.invoke(str(resource.spec["model"]))
        except GatewayError as error:
            return verify.checks(error)
        return verify.checks(None)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
