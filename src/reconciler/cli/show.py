"""``reconciler show``."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import reporting
from reconciler.cli.planning import exit_code
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
    """Show a plan file; the exit code says whether it could be applied."""
    run = Command.begin(ctx)
    run.conclude(lambda: _show(file), failed_ending)


def _show(file: Path) -> Ending:
    from reconciler.cli import planfile  # noqa: PLC0415 - start-up of other commands

    plan = planfile.read(file)
    code = exit_code(plan, detailed=False)
    # Source lines are left out: the manifests may have moved since.
    report = Report(
        lambda: terminal.plan_lines(plan, lambda _: None),
        lambda: documents.plan_document(plan),
        lambda: Subject("plan", code, plan=plan, diagnostics=plan.diagnostics),
    )
    return Ending(code, report)
