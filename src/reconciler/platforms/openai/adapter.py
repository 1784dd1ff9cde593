"""An OpenAI-compatible gateway as the engine sees it: asked whether it works, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import GatewayError
from reconciler.model.address import Address
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.platforms.openai import verify
from reconciler.platforms.openai.api import Api
from reconciler.platforms.openai.capabilities import CAPABILITIES
from reconciler.platforms.watching import refuse, unseen


@dataclass(frozen=True, slots=True)
class OpenAIAdapter:
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
        """Ask for health and models side by side; no model is questioned, so that it costs nothing."""
        health, models = await asyncio.gather(self._health(), self._models())
        return verify.checks(health, models, str(resource.spec["model"]))

    async def _health(self) -> GatewayError | None:
        try:
            await self.api.health()
        except GatewayError as error:
            return error
        return None

    async def _models(self) -> frozenset[str] | GatewayError:
        try:
            return await self.api.models()
        except GatewayError as error:
            return error

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
