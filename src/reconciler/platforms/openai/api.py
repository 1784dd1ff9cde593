"""The two calls that cost nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import ProtocolError
from reconciler.transport import Client


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError; one that the gateway lacks raises Unsupported."""

    client: Client
    paths: Mapping[str, str]

    async def health(self) -> None:
        """Whether it feels well; not every gateway has the call."""
        await self.client.request("GET", self.paths["health"], optional="tell its health")

    async def models(self) -> frozenset[str]:
        """Ids of the models that the key may use."""
        answer = await self.client.request("GET", self.paths["models"], optional="list its models")
        listed = answer.body.get("data") if isinstance(answer.body, dict) else None
        if not isinstance(listed, list):
            raise ProtocolError("the answer holds no list of models", gateway=self.client.gateway, status=answer.status)
        return frozenset(str(model["id"]) for model in listed if isinstance(model, dict) and "id" in model)
