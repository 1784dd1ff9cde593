"""``reconciler ledger``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from reconciler.cli.options import format_option, shared
from reconciler.cli.session import FAILED, OK, Command, say
from reconciler.model.address import Address
from reconciler.model.memory import LedgerSnapshot
from reconciler.render.terminal import Line


@click.group()
def command() -> None:
    """Read and mend the ledger."""


@command.command("list")
@format_option
@shared
@click.pass_context
def list_(ctx: click.Context, format_: str) -> None:
    """List what the ledger knows."""
    run = Command.begin(ctx)
    run.run(lambda: _list(run, format_))


async def _list(run: Command, format_: str) -> int:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    ledger = wiring.open_ledger(run.settings)
    try:
        snapshot = await ledger.load()
    finally:
        await ledger.close()

    def lines() -> Iterator[Line]:
        for address, entry in sorted(snapshot.entries.items()):
            yield ((f"{address}  {entry.remote_id}", ""), ("  protected" if entry.protect else "", "yellow"))
        for address, intent in sorted(snapshot.intents.items()):
            yield ((f"{address}  unfinished {intent.action.value} of run {intent.run_id}", "red"),)
        yield ((f"{len(snapshot.entries)} objects, serial {snapshot.serial}.", "bold"),)

    run.report(format_, lines, lambda: _document(snapshot))
    return OK


def _document(snapshot: LedgerSnapshot) -> object:
    return {
        "serial": snapshot.serial,
        "entries": [
            {"address": str(address), "remote_id": entry.remote_id, "protect": entry.protect, "spec": entry.spec}
            for address, entry in sorted(snapshot.entries.items())
        ],
        "intents": [
            {"address": str(address), "action": intent.action.value, "run_id": intent.run_id}
            for address, intent in sorted(snapshot.intents.items())
        ],
    }


@command.command()
@click.argument("gateway")
@shared
@click.pass_context
def unlock(ctx: click.Context, gateway: str) -> None:
    """Break the lease of a gateway. Only when the run that holds it is gone."""
    run = Command.begin(ctx)
    run.run(lambda: _unlock(run, gateway))


async def _unlock(run: Command, gateway: str) -> int:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    ledger = wiring.open_ledger(run.settings)
    try:
        holder = await ledger.unlock(gateway)
    finally:
        await ledger.close()
    click.echo(f"{gateway} was not held." if holder is None else f"{gateway} was held by {holder}.")
    return OK


@command.command()
@click.argument("address")
@shared
@click.pass_context
def forget(ctx: click.Context, address: str) -> None:
    """Drop what the ledger knows of gateway/Kind/name; the gateway is not touched."""
    run = Command.begin(ctx)
    try:
        wanted = Address.parse(address)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    run.run(lambda: _forget(run, wanted))


async def _forget(run: Command, address: Address) -> int:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    ledger = wiring.open_ledger(run.settings)
    try:
        found = await ledger.forget(address)
    finally:
        await ledger.close()
    if not found:
        say(f"the ledger does not know {address}; `reconciler ledger list` shows what it knows")
        return FAILED
    click.echo(f"{address} is forgotten; it stays on the gateway.")
    return OK
