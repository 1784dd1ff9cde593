"""LiteLLM as the engine sees it. A remote id is a name: of a model group, or of the one webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial

from reconciler.errors import GatewayError, OutcomeUnknown, Unsupported
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Guard, Resource
from reconciler.model.run import Check
from reconciler.planning.pointer import join
from reconciler.platforms.body import revealed_key
from reconciler.platforms.listed import Listed, observed
from reconciler.platforms.litellm import verify
from reconciler.platforms.litellm.api import Api
from reconciler.platforms.litellm.capabilities import ENDPOINT, WEBHOOK
from reconciler.platforms.litellm.convert import group_of, remote_id, wire_model
from reconciler.platforms.litellm.reading import Page, Reader
from reconciler.platforms.litellm.webhooks import Webhooks
from reconciler.platforms.litellm.writing import Writing, remove


@dataclass(frozen=True, slots=True)
class LitellmAdapter:
    """Implements the port Adapter.

    LiteLLM has no revisions: each write is guarded by a fresh read alone. Answers to writes are encrypted or wrong
    in places, so that what was stored is always read back.
    """

    gateway: Gateway
    api: Api
    reader: Reader
    webhooks: Webhooks

    async def observe(self) -> Observed:
        """Model groups and the webhook. What an interrupted creation left is told, and is no object."""
        listed = [await self._listed(ENDPOINT, self._endpoints()), await self._listed(WEBHOOK, self._webhook())]
        return observed(self.gateway.name, listed)

    async def _listed(self, kind: str, read: Awaitable[Listed]) -> Listed:
        try:
            return await read
        except GatewayError as error:
            unread = self._finding(
                Severity.ERROR, "PLATFORM006", f"{kind} objects could not be read", f"{error}. Plan again."
            )
            return Listed(kind, (), (unread,), whole=False)

    async def _endpoints(self) -> Listed:
        page = await self._page(None)
        groups = page.groups()
        return Listed(
            ENDPOINT,
            [self.reader.live(group, page) for group in groups if group.visible],
            [self._leftover(group.name) for group in groups if group.owned and not group.visible],
        )

    async def _webhook(self) -> Listed:
        seen = await self.webhooks.look()
        live = None if seen.name is None else seen.live(seen.name)
        return Listed(WEBHOOK, () if live is None else (live,), self.webhooks.leftover(seen))

    def _leftover(self, group: str) -> Diagnostic:
        detail = (
            f"model {group!r} is half made by an interrupted run, or was removed without its credentials. Apply its "
            "manifest, which completes it, or delete its credentials and deployments at the proxy."
        )
        return self._finding(Severity.WARNING, "PLATFORM009", "something unfinished is left", detail)

    def _finding(self, severity: Severity, code: str, summary: str, detail: str) -> Diagnostic:
        position = self.gateway.source.position("/spec/url")
        return Diagnostic(severity, code, summary, f"gateway {self.gateway.name!r}: {detail}", position)

    async def _page(self, group: str | None) -> Page:
        """One group, or all; credentials and settings come as a whole in any case."""
        deployments, credentials, router = await asyncio.gather(
            self.api.deployments(group), self.api.credentials(), self.api.router()
        )
        return self.reader.page(deployments, credentials, router)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One object, freshly."""
        if address.kind == WEBHOOK:
            return await self.webhooks.read(remote_id or address.name)
        name = remote_id or address.name
        page = await self._page(name)
        group = page.group(name)
        return self.reader.live(group, page) if group.visible else None

    async def create(self, resource: Resource, material: Material) -> Live:
        """Make credentials and deployments, in an order that an interruption leaves mendable."""
        if resource.address.kind == WEBHOOK:
            return await self.webhooks.create(resource)
        writing = await self._writing(resource, material, group_of(resource))
        await writing.create()
        return await self._stored(resource, group_of(resource))

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """Merge where LiteLLM can, and make anew where it cannot."""
        self._require_floor()
        if resource.address.kind == WEBHOOK:
            return await self.webhooks.update(resource, live)
        writing = await self._writing(resource, material, live.remote_id)
        await writing.update()
        return await self._stored(resource, live.remote_id)

    async def delete(self, live: Live) -> None:
        """Remove the group and the credentials of ours, or the webhook."""
        self._require_floor()
        if live.address.kind == WEBHOOK:
            await self.webhooks.delete(live)
            return
        page = await self._page(live.remote_id)
        await remove(self.api, page.group(live.remote_id))

    async def _writing(self, resource: Resource, material: Material, name: str) -> Writing:
        """Fallbacks may be any group of the proxy, so that all are listed where some are wanted."""
        page = await self._page(None if resource.spec.get("fallbackModels") else name)
        addresses = self.reader.addresses
        return Writing(self.api, resource, material, page, page.group(name), addresses, partial(self._page, name))

    async def _stored(self, resource: Resource, name: str) -> Live:
        try:
            live = await self.read(resource.address, name)
        except GatewayError as error:
            raise OutcomeUnknown(f"the write cannot be read back: {error}", gateway=self.gateway.name) from error
        if live is None:
            raise OutcomeUnknown(f"{resource.address} was written and is not listed", gateway=self.gateway.name)
        return live

    def _require_floor(self) -> None:
        if self.gateway.guard_floor.strength > Guard.COMPARE.strength:
            raise Unsupported(
                f"LiteLLM has no revisions, and the gateway's guardFloor asks for {self.gateway.guard_floor}: nothing "
                "was sent. Lower it to compare to go on",
                gateway=self.gateway.name,
            )

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:  # noqa: ARG002 - nothing is made
        """Try each new key by LiteLLM's connection test, which leaves nothing behind."""

        async def ask() -> Sequence[Check]:
            return await asyncio.gather(*(self._tried(resource, material, k) for k in resource.spec["credentials"]))

        await judge(ask)

    async def _tried(self, resource: Resource, material: Material, key_id: str) -> Check:
        """The address is given in any case: what is left out, LiteLLM borrows from a deployment of the same model."""
        key = material[join("/spec", ("credentials", key_id, "apiKey"))]
        address = self.reader.addresses.get(resource.spec["provider"])
        params = {"model": wire_model(resource.spec), "api_key": revealed_key(material, key_id), "api_base": address}
        try:
            return verify.of_connection(key_id, await self.api.connection(params, key))
        except GatewayError as error:
            return verify.doubt(f"key {key_id}", error)

    async def discard(self, scratch: str) -> None:
        """A connection test leaves nothing."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """One real call through each deployment, or a test event."""
        if resource.address.kind == WEBHOOK:
            return await self.webhooks.verify()
        keys = resource.spec["credentials"]
        ids = live.raw.get("ids") or {key_id: remote_id(live.remote_id, key_id) for key_id in keys}
        try:
            return verify.of_health(await self.api.health(live.remote_id), ids)
        except GatewayError as error:
            return (verify.doubt("health", error),)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
