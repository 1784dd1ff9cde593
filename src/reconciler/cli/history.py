"""``reconciler history``."""

from __future__ import annotations

import click

from reconciler.cli.exits import OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs.")
@reporting
@click.pass_context
def command(ctx: click.Context, limit: int) -> None:
    """List earlier runs, the newest first."""
    run = Command.begin(ctx)
    run.run(lambda: _history(run, limit), failed_ending)


async def _history(run: Command, limit: int) -> Ending:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    ledger = wiring.open_ledger(run.settings)
    try:
        records = await ledger.history(limit)
    finally:
        await ledger.close()
    report = Report(lambda: terminal.history_lines(records), lambda: documents.history_document(records))
    return Ending(OK, report)
