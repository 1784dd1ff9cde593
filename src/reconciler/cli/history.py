"""``reconciler history``."""

from __future__ import annotations

import click

from reconciler.cli.options import format_option, shared
from reconciler.cli.session import OK, Command
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs.")
@format_option
@shared
@click.pass_context
def command(ctx: click.Context, limit: int, format_: str) -> None:
    """List earlier runs, the newest first."""
    run = Command.begin(ctx)
    run.run(lambda: _history(run, limit, format_))


async def _history(run: Command, limit: int, format_: str) -> int:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    ledger = wiring.open_ledger(run.settings)
    try:
        records = await ledger.history(limit)
    finally:
        await ledger.close()
    run.report(format_, lambda: terminal.history_lines(records), lambda: documents.history_document(records))
    return OK
