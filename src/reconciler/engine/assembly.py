"""What a run works with: ports only, chosen and opened by `reconciler.wiring`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler import planning
from reconciler.errors import InputError
from reconciler.model.address import Address
from reconciler.model.capability import Capabilities
from reconciler.model.desired import Desired, Scope
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inference import InferenceDeclarations
from reconciler.model.live import Live
from reconciler.model.memory import Entry, Intent, LedgerSnapshot
from reconciler.model.plan import Plan
from reconciler.model.ports import Adapter, AuditLog, Checker, Clock, Ledger, Platform, Progress, Vault
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import Fingerprint
from reconciler.planning import NO_RECORD, Recorded, World


@dataclass(frozen=True, slots=True)
class Site:
    """One gateway, opened."""

    gateway: Gateway
    platform: Platform
    adapter: Adapter


def _random_run_id() -> str:
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True, slots=True)
class Assembly:
    """The ports of one run.

    `desired` holds the selected gateways and their resources, already normalized by their platforms.
    `holder` names this run to others (user, host, process); `commit` is that of the manifests or None.
    `held` are gateways that nothing may be sent to: where their credentials would go is not approved.
    """

    desired: Desired
    sites: Mapping[str, Site]
    ledger: Ledger
    audit: AuditLog
    vault: Vault
    clock: Clock
    progress: Progress
    holder: str
    tool_version: str
    commit: str | None = None
    lock_wait: float = 10.0
    checkers: tuple[Checker, ...] = ()
    new_run_id: Callable[[], str] = _random_run_id
    held: frozenset[str] = frozenset()

    def fingerprints(self, resource: Resource) -> Mapping[str, Fingerprint]:
        """Fingerprints of a resource's secrets by path, those that are known in this run."""
        gateway = resource.address.gateway
        found = ((path, self.vault.fingerprint(gateway, ref)) for path, ref in resource.secrets.items())
        return {path: fingerprint for path, fingerprint in found if fingerprint is not None}

    @property
    def capabilities(self) -> Mapping[str, Capabilities]:
        """What each gateway's platform can do, by gateway name."""
        return {name: site.platform.capabilities for name, site in self.sites.items()}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan together with the world it was made from, so that an apply need not look twice.

    `live` are the objects that are ours or wanted, each under its address.
    """

    plan: Plan
    world: World
    leftovers: Leftovers
    live: Mapping[Address, Live]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What an interrupted run left, and how looking at the gateways resolves it.

    `snapshot` is the ledger as it stands once `entries` are settled (None: nothing there any more, the
    entry as it was: the write never landed). `scratch` are candidates to remove, as (gateway, id). `begun` are
    creations that have not landed so far, and may yet: a gateway works on after its client is gone.
    `recorded` is the whole ledger as it was read, under the names that gateways have today.
    """

    snapshot: LedgerSnapshot
    entries: Mapping[Address, Entry | None] = field(default_factory=dict)
    scratch: tuple[tuple[str, str], ...] = ()
    begun: Mapping[Address, Intent] = field(default_factory=dict)
    recorded: Recorded = NO_RECORD

    @property
    def none(self) -> bool:
        """Whether the ledger was clean."""
        return not self.entries and not self.scratch


class OnFailure(StrEnum):
    """What happens to a change whose verification fails: left as written, or restored."""

    HALT = "halt"
    ROLLBACK = "rollback"


class Verification(StrEnum):
    """Whether an apply asks the gateway that what it wrote works."""

    LIVE = "live"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How an apply behaves. `stop`, once set, lets writes in flight finish and starts no other."""

    on_failure: OnFailure = OnFailure.HALT
    verification: Verification = Verification.LIVE
    stop: asyncio.Event = field(default_factory=asyncio.Event)


def located(assembly: Assembly, entries: Mapping[Address, Entry]) -> Assembly:
    """The same run, its resources with the ids that the ledger knows them by where the manifests give none."""

    def normal(resource: Resource) -> Resource:
        return assembly.sites[resource.address.gateway].platform.normalize(resource)

    desired = assembly.desired
    found = planning.located(desired.resources, entries, assembly.capabilities, normal)
    return assembly if found is desired.resources else replace(assembly, desired=replace(desired, resources=found))


def select(desired: Desired, gateways: tuple[str, ...]) -> Desired:
    """Keep the named gateways and their resources; all of them when none is named."""
    if not gateways:
        return desired
    return replace(
        desired,
        gateways={name: gateway for name, gateway in desired.gateways.items() if name in gateways},
        resources={a: resource for a, resource in desired.resources.items() if a.gateway in gateways},
        chosen=frozenset(gateways),
        inference=_narrowed(desired.inference, gateways),
    )


def concerned(desired: Desired, entries: Mapping[Address, Entry]) -> Desired:
    """Of a part of a fleet, keep the gateways that have something of it: declared there, or applied from there.

    Nobody needs the credentials of another team's gateways. Raises InputError for a part that comes to nothing, which
    a typing error in a label or path looks like.
    """
    scope = desired.scope
    if scope is None:
        return desired
    found = {address.gateway for address in desired.resources}
    found |= {a.gateway for a, entry in entries.items() if entry.origin and scope.covers(entry.origin, entry.labels)}
    found |= {name for name, gateway in desired.gateways.items() if scope.paths and scope.lies_within(_file(gateway))}
    found &= desired.gateways.keys()
    if not found:
        raise InputError([*desired.diagnostics, _nothing_in(scope)])
    others = frozenset(desired.gateways.keys() - found)
    return replace(select(desired, tuple(sorted(found))), chosen=desired.chosen, other_gateways=others)


def _file(gateway: Gateway) -> str:
    return gateway.source.position("/metadata/name").file


def _nothing_in(scope: Scope) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "ENGINE009",
        "this part of the fleet holds nothing",
        f"no object that is declared, and none that was applied, belongs to {scope}. Look for a typing error; "
        "`reconciler ledger list` shows what was applied, and from which files.",
    )


def _narrowed(declared: InferenceDeclarations, gateways: tuple[str, ...]) -> InferenceDeclarations:
    """Probes keep the endpoints that are still there, and go when none is."""
    probes = {
        name: replace(probe, endpoints=kept)
        for name, probe in declared.probes.items()
        if (kept := tuple(address for address in probe.endpoints if address.gateway in gateways))
    }
    routes = {name: route for name, route in declared.routes.items() if route.endpoint.gateway in gateways}
    return replace(declared, probes=probes, routes=routes)
