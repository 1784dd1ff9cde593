"""Everything of a run, opened and closed together."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reconciler import __version__, planning
from reconciler import ledger as ledgers
from reconciler.engine import Assembly, Site, SystemClock, concerned, select
from reconciler.model.desired import Desired
from reconciler.model.memory import AuditMark
from reconciler.model.ports import Clock, Ledger, Progress
from reconciler.settings import Settings
from reconciler.wiring.checkout import commit_of, holder, place_of
from reconciler.wiring.concealing import written_in
from reconciler.wiring.credentials import prepare_credentials, vault_of
from reconciler.wiring.destinations import in_clear
from reconciler.wiring.findings import require
from reconciler.wiring.gateways import GatewayPorts, open_gateway
from reconciler.wiring.inference import NO_PROBES, AskingPorts, Probes, Probing, checkers, unaskable, unfit
from reconciler.wiring.offline import normalized, platforms_of, today, unsupported
from reconciler.wiring.vendors import require_hosts

if TYPE_CHECKING:
    from reconciler.transport import AsyncBaseTransport


def _ledger(settings: Settings, clock: Clock) -> Ledger:
    return ledgers.open_ledger(settings.ledger_url or settings.ledger_path, clock, settings.root)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run has of the machine it is on: time, chance, environment, disk and network.

    `transport` carries requests to a base URL, None: real sockets.
    """

    clock: Clock = SystemClock()  # noqa: RUF009 - it has no state
    chance: random.Random = random.SystemRandom()  # noqa: RUF009 - nor has this
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    holder: Callable[[], str] = holder
    open_ledger: Callable[[Settings, Clock], Ledger] = _ledger
    transport: Callable[[str], AsyncBaseTransport] | None = None


THIS_MACHINE = Machine()
LOOKING = planning.looking()


@asynccontextmanager
async def open_session(
    settings: Settings,
    desired: Desired,
    *,
    progress: Progress,
    gateways: tuple[str, ...] = (),
    probes: Probes = NO_PROBES,
    machine: Machine = THIS_MACHINE,
    admits: planning.Admits = LOOKING,
) -> AsyncIterator[Assembly]:
    """Open ledger, audit, secrets and the selected gateways; close them all at the end.

    Raises InputError when a gateway's credential is missing, its host is not allowed, or a manifest asks
    for what its platform cannot express, or for a probe that cannot be put. `machine` is replaced by a simulation.
    `admits` says which gateways may be sent anything whose credentials have not gone there before: of all others
    nothing is asked.
    """
    clock = machine.clock
    async with AsyncExitStack() as stack:
        ledger = machine.open_ledger(settings, clock)
        stack.push_async_callback(ledger.close)
        chosen, known_before = replace(select(desired, gateways), fleet=fleet_of(settings)), await ledger.load()
        if chosen.scope is not None:
            chosen = concerned(chosen, known_before.entries)
        known = platforms_of(chosen)
        require(unsupported(chosen, known))
        require_hosts(chosen, known, settings.allowed_hosts)
        if probes.which is not Probing.NONE:
            require((*unfit(chosen.inference), *unaskable(chosen)))
        held = planning.held(chosen, planning.recorded_for(chosen, known_before), admits)
        vault = vault_of(settings, chosen, machine.environ)
        stack.callback(vault.forget)
        await prepare_credentials(vault, chosen)
        audit = ledgers.open_audit(settings.audit_path, clock, audit_name(settings), settings.audit_bytes)
        stack.callback(audit.close)
        if audit.is_empty:
            audit.begin_after(await ledger.anchored(audit.name))
        normal = normalized(chosen, known)
        ports = GatewayPorts(vault, clock, progress, written_in(normal.resources), machine.transport, machine.chance)
        opened = {
            name: await open_gateway(stack, settings, gateway, known[name], ports)
            for name, gateway in sorted(chosen.gateways.items())
        }
        links = {name: one.link for name, one in opened.items()}
        found = (*chosen.diagnostics, *in_clear(chosen, known), *planning.due(chosen, today(clock)))
        yield Assembly(
            desired=replace(normal, diagnostics=found),
            sites={name: Site(chosen.gateways[name], known[name], one.adapter) for name, one in opened.items()},
            ledger=ledger,
            audit=audit,
            vault=vault,
            clock=clock,
            progress=progress,
            holder=machine.holder(),
            tool_version=__version__,
            commit=commit_of(settings.root),
            lock_wait=settings.lock_timeout,
            checkers=checkers(probes, chosen, AskingPorts(links, clock, progress, audit)),
            held=held,
            new_run_id=lambda: f"{machine.chance.getrandbits(48):012x}",
        )


def fleet_of(settings: Settings) -> str:
    """What tells this fleet from others that share its ledger."""
    return settings.fleet or place_of(settings.root)


def audit_name(settings: Settings) -> str:
    """What the ledger knows the audit by: a ledger that many may share tells theirs apart by host and place.

    A ledger beside the manifests has one audit beside it, which it still has where the whole folder is somewhere else.
    """
    path, ledger = settings.audit_path.absolute(), settings.ledger_path.absolute()
    root = settings.root.absolute()
    if settings.ledger_url is None and ledger.is_relative_to(root) and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return f"{socket.gethostname()}:{path}"


async def audited(settings: Settings) -> AuditMark | None:
    """What the ledger keeps of the audit. Raises LedgerError when it cannot be read."""
    ledger = open_ledger(settings)
    try:
        return await ledger.anchored(audit_name(settings))
    finally:
        await ledger.close()


def open_ledger(settings: Settings) -> Ledger:
    """The ledger alone, for the commands that only read or mend it."""
    return _ledger(settings, SystemClock())
