"""``reconciler show``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from reconciler.cli.options import format_option, shared
from reconciler.cli.session import OK, Command
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@format_option
@shared
@click.pass_context
def command(ctx: click.Context, file: Path, format_: str) -> None:
    """Show a plan file."""
    run = Command.begin(ctx)
    sys.exit(run.guarded(lambda: _show(run, file, format_)))


def _show(run: Command, file: Path, format_: str) -> int:
    try:
        plan = documents.plan_from_document(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = f"{file} is no plan file ({type(error).__name__}: {error}). Make one with `reconciler plan --out`."
        raise InputError([Diagnostic(Severity.ERROR, "CLI001", "not a plan file", detail)]) from None
    run.report(format_, lambda: terminal.plan_lines(plan, lambda _: None), lambda: documents.plan_document(plan))
    return OK
