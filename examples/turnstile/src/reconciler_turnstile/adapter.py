"""Turnstile as the engine sees it: every write names the revision that it was planned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import GatewayError, NotFound, OutcomeUnknown, ProtocolError, Unsupported
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import EMPTY, Gateway, Resource
from reconciler.model.run import Check, Verdict
from reconciler.transport import Client, segment
from reconciler_turnstile import convert

BOTS = "/bots"
ABSENT = {"if-none-match": "*"}


@dataclass(frozen=True, slots=True)
class TurnstileAdapter:
    """Implements the port Adapter."""

    gateway: Gateway
    client: Client

    async def observe(self) -> Observed:
        """All bots, in one call. What could not be read is not taken for nothing."""
        try:
            found = tuple(convert.live(self.gateway.name, raw) for raw in await self._listed())
        except GatewayError as error:
            position = self.gateway.source.position("/spec/url")
            detail = f"gateway {self.gateway.name!r}: {error}. Plan again when the gateway answers."
            unread = Diagnostic(Severity.ERROR, "PLATFORM006", "bots could not be read", detail, position)
            return Observed(self.gateway.name, (), complete=False, diagnostics=(unread,))
        return Observed(self.gateway.name, found)

    async def _listed(self) -> Sequence[Any]:
        answer = await self.client.request("GET", BOTS)
        listed = answer.body.get("bots") if isinstance(answer.body, dict) else None
        if not isinstance(listed, list):
            raise ProtocolError("the answer holds no list of bots", gateway=self.gateway.name)
        return listed

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One bot with the ETag that guards the next write."""
        try:
            answer = await self.client.request("GET", _path(remote_id or address.name))
        except NotFound:
            return None
        return convert.live(self.gateway.name, answer.body, answer.headers.get("etag"))

    async def create(self, resource: Resource, material: Material) -> Live:
        """PUT that refuses to overwrite."""
        return await self._put(resource.remote_id or resource.address.name, resource, material, EMPTY, ABSENT)

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """PUT over what was just read."""
        return await self._put(live.remote_id, resource, material, live.raw, _guard(live))

    async def _put(
        self, name: str, resource: Resource, material: Material, raw: convert.Wire, guard: Mapping[str, str]
    ) -> Live:
        """An accepted write was carried out: an answer that cannot be read does not undo it."""
        body, secrets = convert.body(resource, material, raw), tuple(material.values())
        answer = await self.client.request("PUT", _path(name), body=body, headers=guard, conceal=secrets)
        try:
            return convert.live(self.gateway.name, answer.body, answer.headers.get("etag"))
        except ProtocolError as error:
            raise OutcomeUnknown(f"{error}; it has to be read back", gateway=self.gateway.name) from error

    async def delete(self, live: Live) -> None:
        """DELETE what was just read; what is gone already is fine."""
        try:
            await self.client.request("DELETE", _path(live.remote_id), headers=_guard(live))
        except NotFound:
            return

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:  # noqa: ARG002 - the port's
        """Never asked for: the capabilities say so."""
        raise Unsupported("turnstile proves no candidates", gateway=self.gateway.name)

    async def discard(self, scratch: str) -> None:
        """No candidate is ever made."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:  # noqa: ARG002 - the port's
        """Ask the gateway whether the bot serves. Not to be answered is a doubt, and no rejection."""
        try:
            answer = await self.client.request("GET", _path(live.remote_id) + "/health")
        except GatewayError as error:
            return (Check("serving", Verdict.UNKNOWN, str(error)),)
        serving = isinstance(answer.body, dict) and answer.body.get("serving") is True
        return (Check("serving", Verdict.READY if serving else Verdict.REJECTED),)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""


def _path(name: str) -> str:
    return f"{BOTS}/{segment(name)}"


def _guard(live: Live) -> Mapping[str, str]:
    return {} if live.etag is None else {"if-match": live.etag}
