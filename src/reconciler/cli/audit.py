"""``reconciler audit verify``."""

from __future__ import annotations

import sys

import click

from reconciler.cli.options import shared
from reconciler.cli.session import FAILED, OK, Command, say


@click.group()
def command() -> None:
    """Check the audit file."""


@command.command()
@shared
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check that no line of the audit file was changed, dropped or moved."""
    run = Command.begin(ctx)
    sys.exit(run.guarded(lambda: _verify(run)))


def _verify(run: Command) -> int:
    from reconciler.ledger import verify_audit  # noqa: PLC0415 - start-up of other commands

    report = verify_audit(run.settings.audit_path)
    if report.broken_at is None:
        click.echo(f"{report.lines} lines, unbroken.")
        return OK
    say(f"{run.settings.audit_path}:{report.broken_at}: {report.why}. Keep the file and find out who wrote to it.")
    return FAILED
