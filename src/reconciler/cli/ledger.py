"""``reconciler ledger``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import click

from reconciler.cli.exits import FAILED, OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.cli.subject import fleet_of
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, has_errors
from reconciler.model.memory import LedgerSnapshot
from reconciler.model.ports import Ledger
from reconciler.model.resource import Manage
from reconciler.render.json import diagnostic_documents, plain
from reconciler.render.terminal import Line
from reconciler.render.view import clean

T = TypeVar("T")


@click.group()
def command() -> None:
    """Read and mend the ledger."""


async def _with_ledger(run: Command, ask: Callable[[Ledger], Awaitable[T]]) -> T:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    ledger = wiring.open_ledger(run.settings)
    try:
        return await ask(ledger)
    finally:
        await ledger.close()


@command.command("list")
@reporting
@click.pass_context
def list_(ctx: click.Context) -> None:
    """List what the ledger knows."""
    run = Command.begin(ctx)

    async def work() -> Ending:
        snapshot = await _with_ledger(run, lambda ledger: ledger.load())
        loose = _undeclared(run, snapshot)
        return Ending(OK, Report(lambda: _lines(snapshot, loose), lambda: _document(snapshot, loose)))

    run.run(work, failed_ending)


def _undeclared(run: Command, snapshot: LedgerSnapshot) -> Sequence[Diagnostic]:
    """Gateways of the ledger that no manifest declares; nothing is said where the manifests cannot be read."""
    from reconciler import planning  # noqa: PLC0415 - start-up of `--help`

    desired = replace(run.read(()), fleet=fleet_of(run))
    if has_errors(desired.diagnostics) or not desired.gateways:
        return ()
    return tuple(planning.undeclared(desired, planning.recorded_for(desired, snapshot).ledger))


def _lines(snapshot: LedgerSnapshot, loose: Sequence[Diagnostic]) -> Iterator[Line]:
    for address, entry in sorted(snapshot.entries.items()):
        yield (
            (f"{clean(str(address))}  {clean(entry.remote_id)}", ""),
            ("  protected" if entry.protect else "", "yellow"),
            (f"  {entry.manage}" if entry.manage is not Manage.FULL else "", "yellow"),
            (f"  {clean(entry.origin)}" if entry.origin else "", "dim"),
        )
    for address, intent in sorted(snapshot.intents.items()):
        yield ((f"{clean(str(address))}  unfinished {intent.action.value} of run {intent.run_id}", "red"),)
    for finding in loose:
        yield ((f"{finding.code}: {clean(finding.detail)}", "red"),)
    objects = sum(address.kind != "Gateway" for address in snapshot.entries)
    yield ((f"{objects} objects, serial {snapshot.serial}.", "bold"),)


def _document(snapshot: LedgerSnapshot, loose: Sequence[Diagnostic]) -> object:
    return {
        "serial": snapshot.serial,
        "entries": [
            {
                "address": str(address),
                "remote_id": entry.remote_id,
                "protect": entry.protect,
                "manage": entry.manage.value,
                "origin": entry.origin,
                "labels": dict(entry.labels),
                "spec": plain(entry.spec),
            }
            for address, entry in sorted(snapshot.entries.items())
        ],
        "intents": [
            {"address": str(address), "action": intent.action.value, "run_id": intent.run_id}
            for address, intent in sorted(snapshot.intents.items())
        ],
        "diagnostics": diagnostic_documents(loose),
    }


@command.command()
@click.argument("gateway")
@reporting
@click.pass_context
def unlock(ctx: click.Context, gateway: str) -> None:
    """Break the lease of a gateway. Only when the run that holds it is gone."""
    run = Command.begin(ctx)

    async def work() -> Ending:
        holder = await _with_ledger(run, lambda ledger: ledger.unlock(gateway))
        words = f"{gateway} was not held." if holder is None else f"{gateway} was held by {holder}."
        return _told(OK, words, {"gateway": gateway, "holder": holder})

    run.run(work, failed_ending)


@command.command()
@click.argument("address")
@reporting
@click.pass_context
def forget(ctx: click.Context, address: str) -> None:
    """Drop what the ledger knows of gateway/Kind/name, or of all of a gateway (GATEWAY/*); no gateway is touched."""
    run = Command.begin(ctx)
    gateway = address.removesuffix("/*")
    if gateway != address and "/" not in gateway and gateway:
        run.run(lambda: _forget_all(run, gateway), failed_ending)
    try:
        wanted = Address.parse(address)
    except ValueError as error:
        raise click.UsageError(f"{error}; or GATEWAY/* for all of a gateway") from None

    async def work() -> Ending:
        found = await _with_ledger(run, lambda ledger: ledger.forget(wanted))
        words = (
            f"{wanted} is forgotten; it stays on the gateway."
            if found
            else f"The ledger does not know {wanted}; `reconciler ledger list` shows what it knows."
        )
        return _told(OK if found else FAILED, words, {"address": str(wanted), "forgotten": found})

    run.run(work, failed_ending)


async def _forget_all(run: Command, gateway: str) -> Ending:
    """The gateway's own entry goes last: a run that is cut off leaves it to be said again."""

    async def work(ledger: Ledger) -> int:
        known = await ledger.load()
        ours = {address for address in (*known.entries, *known.intents) if address.gateway == gateway}
        last_itself = sorted(ours, key=lambda address: (address.kind == "Gateway", address))
        return sum([await ledger.forget(address) for address in last_itself])

    count = await _with_ledger(run, work)
    words = (
        f"{count} entries of {gateway} are forgotten; what is live there stays as it is."
        if count
        else f"The ledger knows nothing of {gateway}; `reconciler ledger list` shows what it knows."
    )
    return _told(OK if count else FAILED, words, {"gateway": gateway, "forgotten": count})


def _told(code: int, words: str, document: object) -> Ending:
    return Ending(code, Report(lambda: iter([((clean(words), ""),)]), lambda: document))
