"""``reconciler audit verify``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from reconciler.cli.exits import FAILED, OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.render.terminal import Line
from reconciler.render.view import clean


@click.group()
def command() -> None:
    """Check the audit file."""


@command.command()
@reporting
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check that no line of the audit file was changed, dropped or moved."""
    run = Command.begin(ctx)
    run.conclude(lambda: _verify(run), failed_ending)


def _verify(run: Command) -> Ending:
    from reconciler.ledger import verify_audit  # noqa: PLC0415 - start-up of other commands

    found = verify_audit(run.settings.audit_path)
    code = OK if found.broken_at is None else FAILED

    def lines() -> Iterator[Line]:
        if found.broken_at is None:
            yield ((f"{found.lines} lines, unbroken.", "bold"),)
            return
        where = f"{clean(str(run.settings.audit_path))}:{found.broken_at}"
        yield ((f"{where}: {clean(found.why)}. Keep the file and find out who wrote to it.", "bold red"),)

    document = {"exit_code": code, "lines": found.lines, "broken_at": found.broken_at, "why": found.why}
    return Ending(code, Report(lines, lambda: document))
