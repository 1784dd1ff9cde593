"""``reconciler ledger``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import click

from reconciler.cli.exits import FAILED, OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.model.address import Address
from reconciler.model.memory import LedgerSnapshot
from reconciler.model.ports import Ledger
from reconciler.model.resource import Manage
from reconciler.render.json import plain
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
        return Ending(OK, Report(lambda: _lines(snapshot), lambda: _document(snapshot)))

    run.run(work, failed_ending)


def _lines(snapshot: LedgerSnapshot) -> Iterator[Line]:
    for address, entry in sorted(snapshot.entries.items()):
        yield (
            (f"{clean(str(address))}  {clean(entry.remote_id)}", ""),
            ("  protected" if entry.protect else "", "yellow"),
            (f"  {entry.manage}" if entry.manage is not Manage.FULL else "", "yellow"),
            (f"  {clean(entry.origin)}" if entry.origin else "", "dim"),
        )
    for address, intent in sorted(snapshot.intents.items()):
        yield ((f"{clean(str(address))}  unfinished {intent.action.value} of run {intent.run_id}", "red"),)
    yield ((f"{len(snapshot.entries)} objects, serial {snapshot.serial}.", "bold"),)


def _document(snapshot: LedgerSnapshot) -> object:
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
    """Drop what the ledger knows of gateway/Kind/name; the gateway is not touched."""
    run = Command.begin(ctx)
    try:
        wanted = Address.parse(address)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    async def work() -> Ending:
        found = await _with_ledger(run, lambda ledger: ledger.forget(wanted))
        words = (
            f"{wanted} is forgotten; it stays on the gateway."
            if found
            else f"The ledger does not know {wanted}; `reconciler ledger list` shows what it knows."
        )
        return _told(OK if found else FAILED, words, {"address": str(wanted), "forgotten": found})

    run.run(work, failed_ending)


def _told(code: int, words: str, document: object) -> Ending:
    return Ending(code, Report(lambda: iter([((clean(words), ""),)]), lambda: document))
