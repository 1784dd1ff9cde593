"""Everything of a run, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from reconciler import __version__, planning
from reconciler import ledger as ledgers
from reconciler.engine import Assembly, Site, SystemClock, select
from reconciler.model.desired import Desired
from reconciler.model.ports import Clock, Ledger, Progress
from reconciler.settings import Settings
from reconciler.wiring.checkout import commit_of, holder
from reconciler.wiring.credentials import prepare_credentials, vault_of
from reconciler.wiring.destinations import in_clear
from reconciler.wiring.findings import require
from reconciler.wiring.gateways import GatewayPorts, open_gateway
from reconciler.wiring.inference import NO_PROBES, AskingPorts, Probes, Probing, checkers, unfit
from reconciler.wiring.offline import normalized, platforms_of, today, unsupported
from reconciler.wiring.vendors import require_hosts


@asynccontextmanager
async def open_session(
    settings: Settings,
    desired: Desired,
    *,
    progress: Progress,
    gateways: tuple[str, ...] = (),
    probes: Probes = NO_PROBES,
) -> AsyncIterator[Assembly]:
    """Open ledger, audit, secrets and the selected gateways; close them all at the end.

    Raises InputError when a gateway's credential is missing, its host is not allowed, or a manifest asks
    for what its platform cannot express, or for a probe that cannot be put.
    """
    chosen = select(desired, gateways)
    known = platforms_of(chosen)
    require(unsupported(chosen, known))
    require_hosts(settings, chosen, known)
    if probes.which is not Probing.NONE:
        require(tuple(unfit(chosen.inference)))
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        vault = vault_of(settings, chosen)
        stack.callback(vault.forget)
        await prepare_credentials(vault, chosen)
        ledger = _ledger(settings, clock)
        stack.push_async_callback(ledger.close)
        audit = ledgers.open_audit(settings.audit_path, clock)
        stack.callback(audit.close)
        ports = GatewayPorts(vault, clock, progress)
        opened = {
            name: await open_gateway(stack, settings, gateway, known[name], ports)
            for name, gateway in sorted(chosen.gateways.items())
        }
        links = {name: one.link for name, one in opened.items()}
        found = (*chosen.diagnostics, *in_clear(chosen, known), *planning.due(chosen, today(clock)))
        yield Assembly(
            desired=replace(normalized(chosen, known), diagnostics=found),
            sites={name: Site(chosen.gateways[name], known[name], one.adapter) for name, one in opened.items()},
            ledger=ledger,
            audit=audit,
            vault=vault,
            clock=clock,
            progress=progress,
            holder=holder(),
            tool_version=__version__,
            commit=commit_of(settings.root),
            lock_wait=settings.lock_timeout,
            checkers=checkers(probes, chosen, AskingPorts(links, clock, progress, audit)),
        )


def open_ledger(settings: Settings) -> Ledger:
    """The ledger alone, for the commands that only read or mend it."""
    return _ledger(settings, SystemClock())


def _ledger(settings: Settings, clock: Clock) -> Ledger:
    return ledgers.open_ledger(settings.ledger_url or settings.ledger_path, clock, settings.root)
