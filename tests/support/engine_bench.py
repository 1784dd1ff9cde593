"""A run over fakes: one gateway in memory that fails as it is told, and everything else from `reconciler.testing`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

from reconciler import engine
from reconciler.engine import ApplyOptions, Assembly, Planned, Site
from reconciler.engine.record import Journal
from reconciler.engine.write import Job
from reconciler.errors import Conflict, OutcomeUnknown
from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.change import Action, Change
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, Intent
from reconciler.model.ports import Judge, Material
from reconciler.model.resource import Gateway, Readiness, Resource
from reconciler.model.run import Check, Run, Verdict
from reconciler.model.secret import SecretRef
from reconciler.planning import PlanOptions
from reconciler.testing.fakes import FakeClock, MemoryAudit, MemoryLedger, RecordingProgress, StaticVault

T = TypeVar("T")

READY = Check("answer", Verdict.READY)
REJECTED = Check("answer", Verdict.REJECTED, "the provider refuses the key")
UNKNOWN = Check("answer", Verdict.UNKNOWN, "no answer in time")
ALLOWED = PlanOptions(allow=frozenset({"mass-change", "empty", "last-endpoint"}))
KEY_PATH = "/spec/credentials/k1/apiKey"


def at(name: str, kind: str = "Endpoint", gateway: str = "prod") -> Address:
    """An address."""
    return Address(gateway, kind, name)


def endpoint(name: str = "ep", *, model: str = "m1", after: Sequence[str] = (), **more: Any) -> Resource:
    """An endpoint without secrets, ready at once or not at all."""
    spec = {"model": model, "rateLimits": {"requestsPerMinute": more.pop("rpm", 1)}}
    return Resource(at(name), spec, depends_on=tuple(map(at, after)), readiness=Readiness(deadline_seconds=0.0), **more)


def keyed(name: str = "ep", *, key: str = "K", **more: Any) -> Resource:
    """The same with one credential, whose secret is the variable `key`."""
    made = endpoint(name, **more)
    spec = {**made.spec, "credentials": {"k1": {"priority": 1}}}
    return replace(made, spec=spec, secrets={KEY_PATH: SecretRef("env", (key,))})


def lost_before(_gateway: MemoryGateway, _carry_out: Callable[[], Any]) -> Any:
    """The write never arrives, and nobody says so."""
    raise OutcomeUnknown("the answer was lost", gateway="prod")


def lost_after(_gateway: MemoryGateway, carry_out: Callable[[], Any]) -> Any:
    """The write arrives, its answer does not."""
    carry_out()
    raise OutcomeUnknown("the answer was lost", gateway="prod")


def refused(error: Exception) -> Event:
    """The call ends in this error, without effect."""

    def event(_gateway: MemoryGateway, _carry_out: Callable[[], Any]) -> Any:
        raise error

    return event


def meanwhile(edit: Callable[[MemoryGateway], None], then: Event | None = None) -> Event:
    """Somebody else does `edit` just before the call; then it goes on, or ends in `then`."""

    def event(gateway: MemoryGateway, carry_out: Callable[[], Any]) -> Any:
        edit(gateway)
        return carry_out() if then is None else then(gateway, carry_out)

    return event


def edited(name: str, spec: Mapping[str, Any]) -> Callable[[MemoryGateway], None]:
    """Somebody else stores this document under an endpoint's name."""

    def by_somebody(gateway: MemoryGateway) -> None:
        gateway.put(at(name), spec)

    return by_somebody


@dataclass
class MemoryGateway:
    """Implements Platform and Adapter over a dictionary of live objects by remote id.

    `events` holds, by call, what happens to the next calls of that name; `answers` what the next
    verifications find, the last one for ever. `calls` lists the calls that arrived, in order.
    Revisions count writes; a write is refused unless it is made from the latest one.
    """

    objects: dict[str, Live] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    answers: list[Sequence[Check]] = field(default_factory=lambda: [(READY,)])
    calls: list[str] = field(default_factory=list)
    sent: list[Material] = field(default_factory=list)
    name: str = "memory"
    kind: KindCapability = field(default_factory=lambda: KindCapability(verify=True, preflight=True))
    _ids: Any = field(default_factory=lambda: count(1))
    _revisions: Any = field(default_factory=lambda: count(1))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities({"Endpoint": self.kind, "Webhook": replace(self.kind, preflight=False, verify=False)})

    def unsupported(self, _resource: Resource, _gateway: Gateway) -> Sequence[Diagnostic]:
        return ()

    def normalize(self, resource: Resource) -> Resource:
        return resource

    def put(self, address: Address, spec: Mapping[str, Any], remote_id: str | None = None, hint: str = "") -> Live:
        """What anybody with a console can do: store a document, whatever stood there."""
        chosen = remote_id or (address.name if address.kind == "Endpoint" else f"wh-{next(self._ids)}")
        hints = {KEY_PATH: hint} if hint else {}
        live = Live(address, chosen, dict(spec), dict(spec), hints, revision=str(next(self._revisions)))
        self.objects[chosen] = live
        return live

    async def observe(self) -> Observed:
        return self._call("observe", lambda: Observed("prod", tuple(self.objects.values())))

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        return self._call("read", lambda: self._found(address, remote_id))

    def _found(self, address: Address, remote_id: str | None) -> Live | None:
        if remote_id is not None:
            return self.objects.get(remote_id)
        return next((live for live in self.objects.values() if live.address == address), None)

    async def create(self, resource: Resource, material: Material) -> Live:
        def carry_out() -> Live:
            if resource.address.kind == "Endpoint" and resource.address.name in self.objects:
                raise Conflict(f"{resource.address} exists", gateway="prod")
            return self._stored(resource, material, None)

        return self._call("create", carry_out)

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        def carry_out() -> Live:
            if self.objects[live.remote_id].revision != live.revision:
                raise Conflict(f"{resource.address} has changed", gateway="prod")
            return self._stored(resource, material, live.remote_id)

        return self._call("update", carry_out)

    def _stored(self, resource: Resource, material: Material, remote_id: str | None) -> Live:
        self.sent.append(material)
        hint = material[KEY_PATH].reveal()[-4:] if KEY_PATH in material else ""
        return self.put(resource.address, resource.spec, remote_id, hint)

    async def delete(self, live: Live) -> None:
        def carry_out() -> None:
            if live.remote_id in self.objects and self.objects[live.remote_id].revision != live.revision:
                raise Conflict(f"{live.address} has changed", gateway="prod")
            self.objects.pop(live.remote_id, None)

        self._call("delete", carry_out)

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        self.sent.append(material)
        self._call("preflight", lambda: self.put(at(scratch), resource.spec))
        try:
            await judge(self._ask)
        finally:
            self.objects.pop(scratch, None)

    async def discard(self, scratch: str) -> None:
        self._call("discard", lambda: self.objects.pop(scratch, None))

    async def verify(self, _resource: Resource, _live: Live) -> Sequence[Check]:
        return await self._ask()

    async def _ask(self) -> Sequence[Check]:
        return self._call("verify", lambda: self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    async def close(self) -> None:
        self._call("close", lambda: None)

    def _call(self, name: str, carry_out: Callable[[], T]) -> T:
        self.calls.append(name)
        waiting = self.events.get(name)
        if not waiting:
            return carry_out()
        answer: T = waiting.pop(0)(self, carry_out)
        return answer


Event = Callable[[MemoryGateway, Callable[[], Any]], Any]
"""What happens to one call: given the gateway, and what the call would do if nothing went wrong."""


@dataclass
class Engine:
    """One team, one gateway, one ledger; `wanted` is what the manifests say at this moment."""

    gateway: MemoryGateway = field(default_factory=MemoryGateway)
    clock: FakeClock = field(default_factory=FakeClock)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    progress: RecordingProgress = field(default_factory=RecordingProgress)
    vault: StaticVault = field(default_factory=lambda: StaticVault({"K": "sk-first-1111", "L": "sk-second-2222"}))
    wanted: Sequence[Resource] = ()

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.clock)

    @property
    def assembly(self) -> Assembly:
        """The ports of one run."""
        gateway = Gateway("prod", "memory", "https://gateway.example.com")
        return Assembly(
            desired=Desired({"prod": gateway}, {resource.address: resource for resource in self.wanted}),
            sites={"prod": Site(gateway, self.gateway, self.gateway)},
            ledger=self.ledger,
            audit=self.audit,
            vault=self.vault,
            clock=self.clock,
            progress=self.progress,
            holder="a test",
            tool_version="0",
        )

    async def plan(self, *wanted: Resource, options: PlanOptions = ALLOWED) -> Planned:
        """Plan for these manifests."""
        self.wanted = wanted
        return await engine.plan(self.assembly, options)

    async def apply(self, *wanted: Resource, apply: ApplyOptions | None = None, options: PlanOptions = ALLOWED) -> Run:
        """Plan for these manifests and apply."""
        planned = await self.plan(*wanted, options=options)
        return await engine.apply(self.assembly, planned, options, apply or ApplyOptions())

    @asynccontextmanager
    async def job(self, action: Action, *wanted: Resource) -> AsyncIterator[Job]:
        """The one change of a plan, ready to be written, under its lease."""
        planned = await self.plan(*wanted)
        (change,) = planned.plan.changes
        assert change.action is action
        assembly = self.assembly
        entry = planned.world.ledger.entries.get(change.address)
        async with self.ledger.lease("prod", "a test", 0) as lease:
            journal = Journal(assembly, "run-00000001", {"prod": lease})
            self.gateway.calls.clear()
            self.ledger.log.clear()
            yield Job(assembly, journal, assembly.sites["prod"], change, self._resource(change), entry)

    def _resource(self, change: Change) -> Resource | None:
        return None if change.action is Action.DELETE else self.assembly.desired.resources[change.address]

    async def entry(self, name: str = "ep") -> Entry | None:
        """What the ledger holds of an endpoint."""
        return (await self.ledger.load()).entries.get(at(name))

    async def intents(self) -> Mapping[Address, Intent]:
        """What the ledger thinks is under way."""
        return (await self.ledger.load()).intents
