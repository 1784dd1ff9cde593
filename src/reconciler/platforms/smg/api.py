"""The calls of smg, one method each. Every write is answered 202: it is queued, and a read tells how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import OutcomeUnknown, ProtocolError
from reconciler.model.ports import Material
from reconciler.platforms.smg.capabilities import WORKERS
from reconciler.platforms.smg.convert import Wire
from reconciler.transport import Client, segment


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError."""

    client: Client

    async def workers(self) -> Sequence[Wire]:
        """All workers; those that are being added are not among them."""
        answer = await self.client.request("GET", WORKERS)
        found = answer.body.get("workers", []) if isinstance(answer.body, dict) else None
        if not isinstance(found, list) or not all(isinstance(worker, dict) for worker in found):
            raise ProtocolError("GET /workers: the answer is no list of workers", request_id=answer.request_id)
        return found

    async def worker(self, key: str) -> Wire:
        """One worker, also while it comes or goes. Raises NotFound."""
        answer = await self.client.request("GET", _path(key))
        return _mapping(answer.body)

    async def post(self, body: Wire, material: Material) -> str:
        """Ask for a worker; its id. Raises Conflict where the URL has one."""
        answer = await self.client.request("POST", WORKERS, body=body, conceal=tuple(material.values()))
        found = answer.body.get("worker_id") if isinstance(answer.body, dict) else None
        if not isinstance(found, str):
            raise OutcomeUnknown("the gateway took a new worker without saying its id; it has to be read back")
        return found

    async def put(self, key: str, body: Wire, material: Material) -> None:
        """Ask for a replacement. Raises NotFound."""
        await self.client.request("PUT", _path(key), body=body, conceal=tuple(material.values()))

    async def patch(self, key: str, body: Wire, material: Material) -> None:
        """Ask for a change. Raises NotFound."""
        await self.client.request("PATCH", _path(key), body=body, conceal=tuple(material.values()))

    async def delete(self, key: str) -> None:
        """Ask for a removal. Raises NotFound."""
        await self.client.request("DELETE", _path(key))


def _path(key: str) -> str:
    return f"{WORKERS}/{segment(key)}"


def _mapping(body: Any) -> Wire:
    if not isinstance(body, dict):
        raise ProtocolError("GET /workers/{id}: the answer is no worker")
    return body
