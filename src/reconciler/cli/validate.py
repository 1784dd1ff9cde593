"""``reconciler validate``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli.options import format_option, paths, report_option, shared
from reconciler.cli.session import FAILED, OK, Command, failed
from reconciler.model.diagnostic import ordered
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@paths
@format_option
@report_option
@shared
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], format_: str, reports: tuple[str, ...]) -> None:
    """Check manifests offline: schema, references, policies, platform limits."""
    run = Command.begin(ctx)
    sys.exit(run.guarded(lambda: _validate(run, paths, format_, reports)))


def _validate(run: Command, paths: tuple[Path, ...], format_: str, reports: tuple[str, ...]) -> int:
    from reconciler import wiring  # noqa: PLC0415 - platforms are loaded when there is something to check

    desired = run.read(paths)
    found = desired.diagnostics
    if not failed(found):
        found = ordered((*found, *wiring.validate(desired)))

    def lines() -> Iterator[terminal.Line]:
        yield from terminal.diagnostic_lines(found, run.source)
        counted = f"{len(desired.resources)} resources on {len(desired.gateways)} gateway(s)"
        yield ((f"Not valid: {len(found)} finding(s)." if failed(found) else f"Valid: {counted}.", "bold"),)

    run.report(format_, lines, lambda: documents.validate_document(found))
    run.write_reports(reports, lines, lambda: documents.validate_document(found))
    return FAILED if failed(found) else OK
