"""smg as the engine sees it.

| a write                                          | is sent as          | and is over when a read shows           |
|--------------------------------------------------|---------------------|-----------------------------------------|
| create                                           | POST                | the worker, ready                       |
| update of priority, key, model                   | PATCH               | our count of writes                     |
| update of the provider                           | PUT                 | our count of writes                     |
| update of the URL, which a worker cannot change  | DELETE, then POST   | the one gone or going, the other ready  |
| delete                                           | DELETE              | the worker gone, or going               |

A worker that is going cannot be called back, and takes seconds; a creation at its URL waits for its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import Conflict, GatewayError, NotFound, OutcomeUnknown, Rejected, Unsupported
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.platforms.smg import convert, verify
from reconciler.platforms.smg.api import Api
from reconciler.platforms.smg.convert import Wire
from reconciler.platforms.smg.settle import Settling


@dataclass(frozen=True, slots=True)
class SmgAdapter:
    """Implements the port Adapter. Writes are guarded by the read before them."""

    gateway: Gateway
    api: Api
    settling: Settling

    async def observe(self) -> Observed:
        """Workers that are there, in one call."""
        try:
            found = tuple(convert.read(self.gateway.name, raw) for raw in await self._present())
        except GatewayError as error:
            position = self.gateway.source.position("/spec/url")
            detail = f"gateway {self.gateway.name!r}: {error}. Plan again when the gateway answers."
            unread = Diagnostic(Severity.ERROR, "PLATFORM006", "workers could not be read", detail, position)
            return Observed(self.gateway.name, (), complete=False, diagnostics=(unread,))
        return Observed(self.gateway.name, found)

    async def _present(self) -> Sequence[Wire]:
        return [raw for raw in await self.api.workers() if convert.present(raw)]

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One worker, by its id, or else by the name in its label: a worker that moved to another URL has a new id.

        Raises Conflict when several bear the name.
        """
        known = None if remote_id is None else await self._worker(remote_id)
        if known is not None and convert.present(known):
            return convert.read(self.gateway.name, known)
        named = [convert.read(self.gateway.name, raw) for raw in await self._present()]
        found = [live for live in named if live.address == address]
        if len(found) > 1:
            raise Conflict(f"{len(found)} workers are called {address.name!r}", gateway=self.gateway.name)
        return found[0] if found else None

    async def _worker(self, key: str) -> Wire | None:
        try:
            return await self.api.worker(key)
        except NotFound:
            return None

    async def create(self, resource: Resource, material: Material) -> Live:
        """POST, and wait until the worker is ready.

        Raises Conflict where the URL has a worker, and Rejected where smg gave it up: it asks the provider for its
        models with the key, and drops the worker when that fails.
        """
        key = await self._posted(resource, convert.created(resource, material), material)
        seen: list[str] = []

        async def ready() -> Wire | None:
            found = await self._worker(key)
            if found is None and seen:
                raise self._given_up(resource)
            seen.append(key)
            return found if found is not None and convert.present(found) else None

        return convert.read(self.gateway.name, await self.settling.until(ready, f"worker {key}"))

    async def _posted(self, resource: Resource, body: Wire, material: Material) -> str:
        url = resource.spec["apiBase"]
        try:
            return await self.api.post(body, material)
        except OutcomeUnknown:
            await self.settling.lost(lambda: self._at(url))
            raise
        except Conflict as error:
            await self._make_room(url, error)
        return await self.api.post(body, material)

    async def _make_room(self, url: str, refusal: Conflict) -> None:
        """Return when the worker that was in the way is gone.

        Raises `refusal` for one that stays, and OutcomeUnknown for one that is only being added: an earlier request
        of ours may have asked for it.
        """
        there = await self._at(url)
        if there is None:
            await self.settling.lost(lambda: self._at(url))
            raise OutcomeUnknown(f"{refusal}; it has to be read back", gateway=self.gateway.name) from refusal
        if convert.present(there):
            raise refusal

        async def gone() -> bool | None:
            return True if await self._at(url) is None else None

        await self.settling.until(gone, f"the removal of what is at {url}")

    async def _at(self, url: str) -> Wire | None:
        return next((raw for raw in await self.api.workers() if raw.get("url") == url), None)

    def _given_up(self, resource: Resource) -> Rejected:
        return Rejected(
            f"the gateway gave up adding {resource.address.name!r}: it could not read the models at "
            f"{resource.spec['apiBase']} with this key. Look at the key, at apiBase and at the provider",
            gateway=self.gateway.name,
        )

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """PATCH, PUT, or another worker in place of this one; see the table above."""
        if resource.spec["apiBase"] != live.spec["apiBase"]:
            await self.delete(live)
            return await self.create(resource, material)
        count = convert.writes(live.raw) + 1

        async def shown() -> Wire | None:
            found = await self.api.worker(live.remote_id)
            return found if convert.landed(found, count) else None

        try:
            if resource.spec["provider"] != live.spec.get("provider"):
                await self.api.put(live.remote_id, convert.replaced(resource, material, live.raw), material)
            else:
                await self.api.patch(live.remote_id, convert.patched(resource, material, live.raw), material)
        except OutcomeUnknown:
            await self.settling.lost(shown)
            raise
        return convert.read(self.gateway.name, await self.settling.until(shown, f"worker {live.remote_id}"))

    async def delete(self, live: Live) -> None:
        """DELETE, and wait until the worker is going."""

        async def going() -> bool | None:
            found = await self._worker(live.remote_id)
            return True if found is None or not convert.present(found) else None

        try:
            await self.api.delete(live.remote_id)
        except NotFound:
            return
        except OutcomeUnknown:
            await self.settling.lost(going)
            raise
        await self.settling.until(going, f"the removal of worker {live.remote_id}")

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:  # noqa: ARG002 - the port's signature
        """There is no room for a candidate: a URL has one worker."""
        raise Unsupported("smg keeps one worker for each URL, so no candidate can stand beside it")

    async def discard(self, scratch: str) -> None:
        """Nothing is ever left of a preflight."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Whether the worker is healthy and its provider has the model."""
        try:
            return verify.checks(resource.spec["model"], await self.api.worker(live.remote_id))
        except GatewayError as error:
            return verify.doubt(error)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
