"""The calls of the contract, one method each. Paths come from the table, ids are encoded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.ports import Material
from reconciler.platforms.cxone.convert import Wire
from reconciler.transport import Answer, Client, Repeat, pages, segment


@dataclass(frozen=True, slots=True)
class Found:
    """An object as one read returned it. `etag` is None where the gateway gave none."""

    body: Wire
    etag: str | None


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError."""

    client: Client
    paths: Mapping[str, str]

    def _path(self, name: str, key: str = "") -> str:
        return self.paths[name].replace("{id}", segment(key))

    def listing(self, name: str) -> AsyncIterator[Sequence[Wire]]:
        """Pages of ``endpoints`` or ``webhooks``."""
        return pages(self.client, self._path(name), optional=f"list {name}")

    async def get(self, name: str, key: str) -> Found:
        """One object."""
        return _found(await self.client.request("GET", self._path(name, key)))

    async def put(self, name: str, key: str, body: Wire, guard: Mapping[str, str], material: Material) -> Found:
        """Replace one object as a whole, or make it."""
        secrets = tuple(material.values())
        return _found(
            await self.client.request("PUT", self._path(name, key), body=body, headers=guard, conceal=secrets)
        )

    async def post(self, name: str, body: Wire, material: Material) -> Found:
        """Make an object whose id the gateway chooses."""
        secrets = tuple(material.values())
        return _found(await self.client.request("POST", self._path(name), body=body, conceal=secrets))

    async def delete(self, name: str, key: str, guard: Mapping[str, str]) -> None:
        """Remove one object. Raises NotFound when there is none."""
        await self.client.request("DELETE", self._path(name, key), headers=guard)

    async def validate(self, key: str) -> Wire:
        """A dry run of inference through an endpoint; it changes nothing, so it may be repeated."""
        answer = await self.client.request(
            "POST", self._path("validate", key), body={}, repeat=Repeat.ALWAYS, optional="validate an endpoint"
        )
        return _mapping(answer.body)


ABSENT: Mapping[str, str] = {"if-none-match": "*"}
"""The precondition of a creation."""


def _found(answer: Answer) -> Found:
    return Found(_mapping(answer.body), answer.headers.get("etag"))


def _mapping(body: Any) -> Wire:
    if not isinstance(body, dict):
        raise ProtocolError("the gateway answered with something that is no object")
    return body
