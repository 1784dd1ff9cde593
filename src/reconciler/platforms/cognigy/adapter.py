"""Cognigy.AI as the engine sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.errors import Conflict, GatewayError, NotFound, ProtocolError, Throttled, Unsupported
from reconciler.model.address import Address
from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import EMPTY, Gateway, Resource
from reconciler.model.run import Check
from reconciler.platforms.body import Wire
from reconciler.platforms.cognigy import verify
from reconciler.platforms.cognigy.api import Api, doubt, object_in
from reconciler.platforms.cognigy.capabilities import ENDPOINT
from reconciler.platforms.cognigy.convert import name_of, provider_body, read_provider
from reconciler.platforms.watching import refuse, unseen
from reconciler.transport import Answer

REGISTRATIONS = 3
"""How often a registration that was refused for now is sent, each time after a look."""


@dataclass(frozen=True, slots=True)
class CognigyAdapter:
    """Implements the port Adapter, with reads where the gateway's `paths` has them and without where it has not."""

    gateway: Gateway
    capabilities: Capabilities
    api: Api

    @property
    def _reads(self) -> bool:
        return self.capabilities.kinds[ENDPOINT].read

    async def observe(self) -> Observed:
        """All providers; without a list, nothing, and the kind is unseen."""
        if not self._reads:
            return unseen(self.gateway, self.capabilities)
        found: dict[str, Live] = {}
        try:
            async for page in self.api.listing():
                found.update((live.remote_id, live) for live in map(self._read, page))
        except GatewayError as error:
            return replace(
                unseen(self.gateway, self.capabilities),
                objects=tuple(found.values()),
                diagnostics=(self._unread(error),),
            )
        return Observed(self.gateway.name, tuple(found.values()))

    def _read(self, raw: Wire) -> Live:
        return read_provider(self.gateway.name, raw)

    def _unread(self, error: GatewayError) -> Diagnostic:
        code, advice = "PLATFORM006", "Plan again when the gateway answers."
        if isinstance(error, Unsupported):
            code, advice = "PLATFORM005", "Take `providers` out of the Gateway's `paths` where there is no list."
        position = self.gateway.source.position("/spec/paths/providers")
        detail = f"gateway {self.gateway.name!r}: {error}. {advice}"
        return Diagnostic(Severity.ERROR, code, "providers could not be listed", detail, position)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One provider by its name. Raises Unsupported where the gateway cannot be read."""
        name = remote_id or address.name
        try:
            return read_provider(self.gateway.name, await self.api.provider(name), name)
        except NotFound:
            return None
        except Unsupported:
            if not self._reads:
                raise
        return await self._listed(name)

    async def _listed(self, name: str) -> Live | None:
        """Where the gateway has no single read, the list tells."""
        async for page in self.api.listing():
            for raw in page:
                if raw.get("name") == name:
                    return self._read(raw)
        return None

    async def create(self, resource: Resource, material: Material) -> Live:
        """Register. Without reads, what comes back says only that it was taken: nothing of it is believed."""
        answer = await self._register(resource, provider_body(resource, material, EMPTY), material)
        name = name_of(resource)
        if not self._reads:
            return Live(resource.address, name, resource.spec)
        return self._stored(answer, name)

    async def _register(self, resource: Resource, body: Wire, material: Material) -> Answer:
        """A 429 is followed by a look, and by another registration only where nothing is there."""
        for left in reversed(range(REGISTRATIONS)):
            try:
                return await self.api.register(body, material)
            except Throttled:
                if not left or not self._reads:
                    raise
            if await self.read(resource.address, name_of(resource)) is not None:
                raise Conflict(f"{resource.address} was made by someone else in between", gateway=self.gateway.name)
        raise AssertionError  # pragma: no cover - the last round returns or raises

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """PUT over what was just read. A name is the id, so it cannot change."""
        name = name_of(resource)
        if name != live.remote_id:
            raise Unsupported(
                f"a provider's name cannot change, and {live.remote_id!r} would become {name!r}: nothing was sent. "
                "Declare a new Endpoint, and take the old one out",
                gateway=self.gateway.name,
            )
        return self._stored(await self.api.replace(name, provider_body(resource, material, live.raw), material), name)

    def _stored(self, answer: Answer, name: str) -> Live:
        try:
            return read_provider(self.gateway.name, object_in(answer), name)
        except ProtocolError as error:
            raise doubt(error) from error

    async def delete(self, live: Live) -> None:
        """DELETE what was just read."""
        try:
            await self.api.remove(live.remote_id)
        except NotFound:
            return

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:  # noqa: ARG002 - the port's
        """There is no way to prove a candidate. Raises Unsupported."""
        refuse(self.gateway, "prove a candidate")

    async def discard(self, scratch: str) -> None:
        """No candidate is ever made."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:  # noqa: ARG002 - the health is the gateway's
        """Ask for the gateway's health and what its key may do; a provider itself cannot be asked, nor its keys."""
        try:
            found = verify.checks(await self.api.health())
        except GatewayError as error:
            found = verify.refusal(error)
        return [replace(check, proves=()) for check in found]

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""
