"""Cognigy's published REST API as the engine sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.errors import Conflict, GatewayError, OutcomeUnknown
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.planning.pointer import join
from reconciler.platforms.cognigy_rest import verify
from reconciler.platforms.cognigy_rest.api import Api
from reconciler.platforms.cognigy_rest.capabilities import ENDPOINT, FALLBACK
from reconciler.platforms.cognigy_rest.convert import Wanted
from reconciler.platforms.cognigy_rest.project import Project
from reconciler.platforms.cognigy_rest.writing import Writer


@dataclass(frozen=True, slots=True)
class CognigyRestAdapter:
    """Implements the port Adapter.

    The API has no revisions: every write reads the project once more, and refuses to go on where the endpoint is
    not what it was decided on.
    """

    gateway: Gateway
    api: Api

    async def observe(self) -> Observed:
        """Models, Connections and settings. Without any one of them nothing is known of any endpoint."""
        try:
            project = await self.api.load()
        except GatewayError as error:
            detail = f"{error}. Plan again when the gateway answers."
            finding = self._finding(Severity.ERROR, "PLATFORM006", "the project could not be read", detail)
            return Observed(self.gateway.name, (), complete=False, diagnostics=(finding,))
        return Observed(self.gateway.name, tuple(project.lives()), diagnostics=self._leftovers(project))

    def _leftovers(self, project: Project) -> tuple[Diagnostic, ...]:
        names = project.leftovers()
        if not names:
            return ()
        detail = f"{', '.join(names)}. Declaring the endpoint again completes it; otherwise remove them by hand."
        return (self._finding(Severity.WARNING, "PLATFORM009", "parts without their endpoint", detail),)

    def _finding(self, severity: Severity, code: str, summary: str, detail: str) -> Diagnostic:
        position = self.gateway.source.position("/spec/url")
        return Diagnostic(severity, code, summary, f"gateway {self.gateway.name!r}: {detail}", position)

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """One endpoint, freshly, by its id or else by its name. Raises Conflict where several have that name."""
        return self._found(await self.api.load(), address, remote_id)

    def _found(self, project: Project, address: Address, remote_id: str | None) -> Live | None:
        lives = project.lives()
        if remote_id is not None:
            return next((live for live in lives if live.remote_id == remote_id), None)
        found = [live for live in lives if live.address == address]
        if len(found) > 1:
            raise Conflict(f"{len(found)} models are called {address.name!r}", gateway=self.gateway.name)
        return found[0] if found else None

    async def create(self, resource: Resource, material: Material) -> Live:
        """Make the endpoint, or complete what an interrupted run began. Raises Conflict where it is there."""
        project, wanted = await self.api.load(), Wanted.of(resource)
        if project.named(wanted.name) is not None:
            raise Conflict(f"there is a model called {wanted.name!r} already", gateway=self.gateway.name)
        await Writer(self.api, project).make(wanted, material)
        return await self._written(Address(self.gateway.name, ENDPOINT, wanted.name), None)

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """Bring the endpoint to what is wanted; members that nobody modelled stay. Raises Conflict if it moved."""
        project, wanted = await self._unchanged(live), Wanted.of(resource)
        other = project.named(wanted.name)
        model = project.model(live.remote_id)
        if other is not None and other is not model:
            raise Conflict(f"there is another model called {wanted.name!r}", gateway=self.gateway.name)
        writer = Writer(self.api, project)
        await (writer.make(wanted, material) if model is None else writer.change(wanted, model, material))
        renamed = Address(self.gateway.name, ENDPOINT, wanted.name)
        return await self._written(renamed, None if model is None else live.remote_id)

    async def delete(self, live: Live) -> None:
        """Remove the endpoint with what is its own; what is gone counts as removed. Raises Conflict if it moved."""
        project = await self.api.load()
        found = self._found(project, live.address, live.remote_id)
        if found is None:
            return
        self._require_same(live, found)
        await Writer(self.api, project).remove(found.address.name)

    async def _unchanged(self, live: Live) -> Project:
        project = await self.api.load()
        self._require_same(live, self._found(project, live.address, live.remote_id))
        return project

    def _require_same(self, live: Live, now: Live | None) -> None:
        """The guard: a write is decided on what was read."""
        if now is None or now.spec != live.spec:
            raise Conflict(f"{live.address} changed since it was read", gateway=self.gateway.name)

    async def _written(self, address: Address, remote_id: str | None) -> Live:
        try:
            found = self._found(await self.api.load(), address, remote_id)
        except GatewayError as error:
            raise OutcomeUnknown(f"{error}; the write has to be read back", gateway=self.gateway.name) from error
        if found is None:
            raise OutcomeUnknown(f"{address} was written and is not there", gateway=self.gateway.name)
        return found

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Make a candidate with Connections of its own, that no use case and no default leads to, and test it."""
        options = {**resource.spec["options"], "default": False, "useCases": []}
        candidate = Wanted.of(replace(resource, spec={**resource.spec, "displayName": scratch, "options": options}))
        try:
            await Writer(self.api, await self.api.load()).make(candidate, material)
            await judge(lambda: self._checks(candidate, scratch))
        finally:
            await self.discard(scratch)

    async def discard(self, scratch: str) -> None:
        """Remove a candidate with all its parts; none there is fine."""
        await Writer(self.api, await self.api.load()).discard(scratch)

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Test the model, and its fallback where it has one."""
        return await self._checks(Wanted.of(resource), str(live.spec["displayName"]))

    async def _checks(self, wanted: Wanted, name: str) -> Sequence[Check]:
        try:
            project = await self.api.load()
        except GatewayError as error:
            return (verify.doubt("credentials", error),)
        first, last = (join("/spec", ("credentials", key, "apiKey")) for key in (wanted.keys[0], wanted.keys[-1]))
        parts = [
            ("credentials", project.named(name), first),
            ("fallback credentials", project.named(name + FALLBACK), last),
        ]
        return [await self._check(check, str(model["_id"]), key) for check, model, key in parts if model is not None]

    async def _check(self, name: str, model: str, key: str) -> Check:
        try:
            answer = await self.api.test(model)
        except GatewayError as error:
            return verify.doubt(name, error)
        return verify.judged(name, answer, self.api.client.quoted(_said(answer)), key)

    async def close(self) -> None:
        """Nothing is held besides the client, which belongs to whoever opened it."""


def _said(answer: Mapping[str, object]) -> str:
    return str(answer.get("msgErr") or answer.get("msg") or "")
