"""``reconciler show``."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.exits import OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.render.subject import Subject


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@reporting
@click.pass_context
def command(ctx: click.Context, file: Path) -> None:
    """Show a plan file."""
    run = Command.begin(ctx)
    run.conclude(lambda: _show(file), failed_ending)


def _show(file: Path) -> Ending:
    from reconciler.cli import planfile  # noqa: PLC0415 - start-up of other commands

    plan = planfile.read(file)
    # Source lines are left out: the manifests may have moved since.
    report = Report(
        lambda: terminal.plan_lines(plan, lambda _: None),
        lambda: documents.plan_document(plan),
        lambda: Subject("plan", OK, plan=plan, diagnostics=plan.diagnostics),
    )
    return Ending(OK, report)
