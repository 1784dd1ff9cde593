"""CXone as the engine sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.errors import Conflict, GatewayError, NotFound, OutcomeUnknown, ProtocolError, Unsupported
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import EMPTY, Gateway, Guard, Resource
from reconciler.model.run import Check
from reconciler.platforms.body import Wire
from reconciler.platforms.cxone import verify
from reconciler.platforms.cxone.api import ABSENT, UNGUARDED, Api, Found
from reconciler.platforms.cxone.capabilities import ENDPOINT, WEBHOOK
from reconciler.platforms.cxone.convert import Reader, endpoint_body, webhook_body


@dataclass(frozen=True, slots=True)
class _Listed:
    """What one list call gave; `finding` says why it is not all."""

    kind: str
    objects: Sequence[Live] = ()
    finding: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class CxoneAdapter:
    """Implements the port Adapter.

    Every write follows a single read, whose ETag it carries as If-Match. Where the gateway gives none, the
    write is guarded by that fresh read alone: `guard_of` says which it was.
    """

    gateway: Gateway
    api: Api
    reader: Reader
    _removes: set[str] = field(default_factory=set, repr=False, compare=False)

    async def observe(self) -> Observed:
        """Endpoints and webhooks, side by side, page by page. `unseen` names the kind that could not be read."""
        listed = await asyncio.gather(
            self._list(ENDPOINT, "endpoints", self.reader.endpoint),
            self._list(WEBHOOK, "webhooks", self.reader.webhook),
        )
        return Observed(
            self.gateway.name,
            tuple(live for each in listed for live in each.objects),
            complete=all(each.finding is None for each in listed),
            diagnostics=tuple(each.finding for each in listed if each.finding is not None),
            unseen=frozenset(each.kind for each in listed if each.finding is not None),
        )

    async def _list(self, kind: str, name: str, read: Callable[[Wire], Live]) -> _Listed:
        """What is made or removed while pages are turned may stand on two of them: each id counts once."""
        found: dict[str, Live] = {}
        try:
            async for page in self.api.listing(name):
                found.update((live.remote_id, live) for live in map(read, page))
        except Unsupported as error:
            return _Listed(kind, (), self._unlisted(kind, name, error))
        except GatewayError as error:
            return _Listed(kind, tuple(found.values()), self._unread(name, error))
        return _Listed(kind, tuple(found.values()))

    def _unlisted(self, kind: str, name: str, error: GatewayError) -> Diagnostic:
        """Webhooks are the part that a tenant may do without."""
        severity = Severity.ERROR if kind == ENDPOINT else Severity.WARNING
        detail = f"{error}. If they are listed under another path, name it in `paths` of the Gateway."
        return self._finding(severity, "PLATFORM005", f"{name} cannot be listed", detail)

    def _unread(self, name: str, error: GatewayError) -> Diagnostic:
        detail = f"{error}. Plan again when the gateway answers."
        return self._finding(Severity.ERROR, "PLATFORM006", f"{name} could not be read", detail)

    def _finding(self, severity: Severity, code: str, summary: str, detail: str) -> Diagnostic:
        position = self.gateway.source.position("/spec/url")
        return Diagnostic(severity, code, summary, f"gateway {self.gateway.name!r}: {detail}", position)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One object, freshly. A webhook without an id is looked for by its name.

        Raises Conflict when several webhooks have that name: which one is meant cannot be told.
        """
        if address.kind == ENDPOINT:
            return await self._endpoint(remote_id or address.name)
        if remote_id is not None:
            return await self._webhook(remote_id)
        return self._only(address, [live for live in await self._webhooks() if live.address == address])

    async def _endpoint(self, key: str) -> Live | None:
        try:
            found = await self.api.endpoint(key)
        except NotFound:
            return None
        return _with_etag(self.reader.endpoint(found.body, key), found)

    async def _webhook(self, key: str) -> Live | None:
        """Where the gateway has no single read, the list tells."""
        try:
            found = await self.api.webhook(key)
        except NotFound:
            return None
        except Unsupported:
            return next((live for live in await self._webhooks() if live.remote_id == key), None)
        return _with_etag(self.reader.webhook(found.body), found)

    async def _webhooks(self) -> Sequence[Live]:
        return [self.reader.webhook(raw) async for page in self.api.listing("webhooks") for raw in page]

    def _only(self, address: Address, found: Sequence[Live]) -> Live | None:
        if len(found) > 1:
            raise Conflict(f"{len(found)} webhooks are called {address.name!r}", gateway=self.gateway.name)
        return found[0] if found else None

    async def create(self, resource: Resource, material: Material) -> Live:
        """PUT that refuses to overwrite, or POST for a webhook."""
        if resource.address.kind == ENDPOINT:
            name = resource.remote_id or resource.first_name
            body = endpoint_body(resource, material, EMPTY)
            return self._stored(await self.api.put("endpoint", name, body, ABSENT, material), name)
        return self._hooked(await self.api.post("webhooks", webhook_body(resource, material, EMPTY), material))

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """PUT over what was just read. Credentials that the manifest does not name are dropped with it."""
        guard = self._precondition(live)
        if resource.address.kind == ENDPOINT:
            body = endpoint_body(resource, material, live.raw)
            return self._stored(await self.api.put("endpoint", live.remote_id, body, guard, material), live.remote_id)
        body = webhook_body(resource, material, live.raw)
        return self._hooked(await self.api.put("webhook", live.remote_id, body, guard, material))

    async def delete(self, live: Live) -> None:
        """DELETE what was just read."""
        name = "endpoint" if live.address.kind == ENDPOINT else "webhook"
        try:
            await self.api.delete(name, live.remote_id, self._precondition(live))
        except NotFound:
            return

    def _stored(self, found: Found, key: str) -> Live:
        return _with_etag(self._of_write(lambda: self.reader.endpoint(found.body, key)), found)

    def _hooked(self, found: Found) -> Live:
        return _with_etag(self._of_write(lambda: self.reader.webhook(found.body)), found)

    def _of_write(self, read: Callable[[], Live]) -> Live:
        """An accepted write was carried out: an answer that cannot be read does not undo it."""
        try:
            return read()
        except ProtocolError as error:
            raise OutcomeUnknown(f"{error}; the write has to be read back", gateway=self.gateway.name) from error

    def _precondition(self, live: Live) -> Mapping[str, str]:
        """What a write on `live` carries. Raises Unsupported where `guardFloor` asks for more than was given."""
        if live.etag is not None:
            return {"if-match": live.etag}
        floor = self.gateway.guard_floor
        if floor.strength > guard_of(live).strength:
            raise Unsupported(
                f"{live.address} was read without a usable ETag, and the gateway's guardFloor asks for {floor}: "
                "nothing was sent. Lower it to compare to go on",
                gateway=self.gateway.name,
            )
        return UNGUARDED

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Write a candidate beside the endpoint, have it validated, and remove it whatever comes.

        Raises Conflict when the tenant has no room for it, Unsupported when it could not get rid of it again.
        """
        spec = {**resource.spec, "displayName": f"{resource.spec['displayName']} {scratch}"}
        body = endpoint_body(replace(resource, spec=spec), material, EMPTY)
        await self._require_removal(scratch)
        try:
            await self.api.put_scratch(scratch, body, material)
            await judge(lambda: self._checks(resource, scratch, material))
        finally:
            await self.discard(scratch)

    async def _require_removal(self, scratch: str) -> None:
        """A gateway that cannot delete would keep every candidate, with its keys: asked once, before the first."""
        if self._removes:
            return
        try:
            await self.discard(scratch)
        except Unsupported as error:
            raise Unsupported(f"{error}, so no candidate can be tried", gateway=self.gateway.name) from error
        self._removes.add(ENDPOINT)

    async def discard(self, scratch: str) -> None:
        """Remove a candidate; none there is fine."""
        try:
            await self.api.delete_scratch(scratch)
        except NotFound:
            return

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Validate an endpoint; a webhook has nothing to ask."""
        if resource.address.kind != ENDPOINT:
            return ()
        return await self._checks(resource, live.remote_id, EMPTY)

    async def _checks(self, resource: Resource, key: str, material: Material) -> Sequence[Check]:
        try:
            return verify.checks(resource.readiness, await self.api.validate(key, material))
        except GatewayError as error:
            return verify.doubt(error)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""


def guard_of(live: Live) -> Guard:
    """How a write on what was just read is guarded: by its ETag, or by that read alone."""
    return Guard.COMPARE if live.etag is None else Guard.ETAG


def _with_etag(live: Live, found: Found) -> Live:
    return live if found.etag is None else replace(live, etag=found.etag)
