"""MLflow's gateway as the engine sees it. The server has no preconditions: writes are guarded by the read before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass

from reconciler.errors import Conflict, GatewayError, NotFound, OutcomeUnknown, ProtocolError, Rejected
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.platforms.listed import Listed, observed
from reconciler.platforms.mlflow import convert, verify
from reconciler.platforms.mlflow.api import Api
from reconciler.platforms.mlflow.capabilities import ENDPOINT, WEBHOOK
from reconciler.platforms.mlflow.convert import Wire
from reconciler.platforms.mlflow.parts import Parts, Stock, called

SHOWN = 5
"""How many names of stray parts one warning lists."""


@dataclass(frozen=True, slots=True)
class MlflowAdapter:
    """Implements the port Adapter. A remote id of an endpoint is its name, of a webhook the server's id."""

    gateway: Gateway
    api: Api
    parts: Parts

    async def observe(self) -> Observed:
        """Endpoints with their parts, and webhooks, side by side. `unseen` names the kind that could not be read."""
        listed = await asyncio.gather(
            self._listed(ENDPOINT, self._endpoints()), self._listed(WEBHOOK, self._webhooks())
        )
        return observed(self.gateway.name, listed)

    async def _listed(self, kind: str, read: Awaitable[Listed]) -> Listed:
        try:
            return await read
        except GatewayError as error:
            detail = f"{error}. Plan again when the gateway answers."
            unread = self._finding(Severity.ERROR, "PLATFORM006", f"{kind} objects could not be read", detail)
            return Listed(kind, (), (unread,), whole=False)

    async def _endpoints(self) -> Listed:
        stock = await self.parts.stock()
        return Listed(
            ENDPOINT, [self._live(raw, stock.secrets.values()) for raw in stock.endpoints], self._stray(stock)
        )

    def _live(self, raw: Wire, secrets: Iterable[Wire]) -> Live:
        by_id = {str(secret.get("secret_id")): secret for secret in secrets}
        return convert.read_endpoint(self.gateway.name, raw, by_id)

    def _stray(self, stock: Stock) -> Sequence[Diagnostic]:
        found = list(stock.stray())
        if not found:
            return ()
        names = ", ".join(found[:SHOWN]) + (" and more" if len(found) > SHOWN else "")
        detail = (
            f"no endpoint calls {names}. An interrupted run left them; the next write of their endpoint takes them up "
            "or away. If there will be none, delete them at the gateway."
        )
        return (self._finding(Severity.WARNING, "PLATFORM009", "parts without their endpoint", detail),)

    async def _webhooks(self) -> Listed:
        found: dict[str, Live] = {}
        async for raw in self.api.webhooks():
            live = convert.read_webhook(self.gateway.name, raw)
            found[live.remote_id] = live
        return Listed(WEBHOOK, tuple(found.values()))

    def _finding(self, severity: Severity, code: str, summary: str, detail: str) -> Diagnostic:
        position = self.gateway.source.position("/spec/url")
        return Diagnostic(severity, code, summary, f"gateway {self.gateway.name!r}: {detail}", position)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One object, freshly. Raises Conflict when a webhook is looked for by a name that several have."""
        if address.kind == ENDPOINT:
            raw = await self._calling(remote_id or address.name)
            return None if raw is None else self._live(raw, await self.api.secrets())
        if remote_id is not None:
            raw = await self.api.webhook(remote_id)
            return None if raw is None else convert.read_webhook(self.gateway.name, raw)
        found = [live for live in (await self._webhooks()).objects if live.address == address]
        if len(found) > 1:
            raise Conflict(f"{len(found)} webhooks are called {address.name!r}", gateway=self.gateway.name)
        return found[0] if found else None

    async def _calling(self, name: str) -> Wire | None:
        """One endpoint. One that calls nothing is in no list, and counts as not there."""
        raw = await self.api.endpoint(name)
        return raw if raw is not None and called(raw) else None

    async def create(self, resource: Resource, material: Material) -> Live:
        """Make the parts, then the endpoint; or a webhook. Raises Conflict for an endpoint whose name is taken."""
        if resource.address.kind == WEBHOOK:
            made = await self.api.post_webhook(convert.webhook_body(resource, material), material)
            return self._of_write(made)
        name = resource.remote_id or resource.first_name
        await self._require_free(name)
        await self._make(name, resource, material)
        return await self._written(resource.address, name)

    async def _require_free(self, name: str) -> None:
        """Asked before the first write: the parts of an endpoint that is there bear the names that ours would."""
        if await self._calling(name) is not None:
            raise Conflict(f"there is an endpoint {name!r} already", gateway=self.gateway.name)

    async def _make(self, name: str, resource: Resource, material: Material) -> None:
        stock = await self.parts.stock()
        definitions = await self.parts.ensure(name, resource, material, stock)
        hollow = await self.api.endpoint(name)
        if hollow is not None and not called(hollow):
            await self._link(hollow, definitions)
        else:
            await self._found(name, definitions)
        await self.parts.sweep(name, self._names(name, resource), stock)

    async def _found(self, name: str, definitions: Sequence[str]) -> None:
        """A name that was taken meanwhile is refused with an error of the database."""
        body = {"name": name, **convert.linked(definitions), "usage_tracking": False}
        try:
            await self.api.write("endpoints/create", "endpoint", body)
        except Rejected:
            await self._require_free(name)
            raise

    async def _link(self, endpoint: Wire, definitions: Sequence[str]) -> None:
        body = {"endpoint_id": endpoint["endpoint_id"], **convert.linked(definitions)}
        await self.api.write("endpoints/update", "endpoint", body)

    def _names(self, name: str, resource: Resource) -> Sequence[str]:
        return [convert.part_name(name, key_id) for key_id in resource.spec["credentials"]]

    async def _written(self, address: Address, name: str) -> Live:
        """The endpoint's own answer does not show its secrets, so it is read once more."""
        found = await self.read(address, name)
        if found is None:
            raise OutcomeUnknown(f"endpoint {name!r} was written and is not there", gateway=self.gateway.name)
        return found

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """Bring the parts in place, then let the endpoint call them; or change a webhook.

        Definitions that somebody else made are no longer called, and stay.
        """
        if resource.address.kind == WEBHOOK:
            body = convert.webhook_body(resource, material)
            return self._of_write(await self.api.patch_webhook(live.remote_id, body, material))
        stock = await self.parts.stock()
        definitions = await self.parts.ensure(live.remote_id, resource, material, stock)
        await self._link(live.raw, definitions)
        await self.parts.sweep(live.remote_id, self._names(live.remote_id, resource), stock)
        return await self._written(resource.address, live.remote_id)

    def _of_write(self, raw: Wire) -> Live:
        """An accepted write was carried out: an answer that cannot be read does not undo it."""
        try:
            return convert.read_webhook(self.gateway.name, raw)
        except ProtocolError as error:
            raise OutcomeUnknown(f"{error}; the write has to be read back", gateway=self.gateway.name) from error

    async def delete(self, live: Live) -> None:
        """Remove the parts, then the endpoint; or a webhook."""
        if live.address.kind == WEBHOOK:
            await self.api.delete_webhook(live.remote_id)
            return
        await self._clear(live.remote_id)

    async def _clear(self, name: str) -> None:
        stock = await self.parts.stock()
        await self.parts.clear(name, await self.api.endpoint(name), stock)

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Make an endpoint `scratch` with secrets of its own, which nothing has cached, and ask it a question."""
        try:
            await self._make(scratch, resource, material)
            await judge(lambda: self._asked(resource, scratch, {}))
        finally:
            await self.discard(scratch)

    async def discard(self, scratch: str) -> None:
        """Remove a candidate with its parts; none there is fine."""
        await self._clear(scratch)

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Put a question through an endpoint; let a webhook deliver."""
        if resource.address.kind == ENDPOINT:
            return await self._asked(resource, live.remote_id, live.raw)
        try:
            raw = await self.api.webhook(live.remote_id)
            if raw is None:
                raise NotFound("the webhook is gone", gateway=self.gateway.name)
            return verify.delivered(raw, await self.api.deliver(live.remote_id))
        except GatewayError as error:
            return verify.undelivered(error)

    async def _asked(self, resource: Resource, name: str, endpoint: Wire) -> Sequence[Check]:
        clock = self.api.client.clock
        try:
            answer = await self.api.invoke(name)
        except GatewayError as error:
            return verify.unanswered(error, endpoint, clock.now())
        return verify.answered(resource, answer, endpoint, clock.now())

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
