"""``reconciler validate``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from reconciler.cli.exits import FAILED, OK
from reconciler.cli.failure import Failure
from reconciler.cli.options import paths, reporting, selector
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_with, nothing_to_work_on
from reconciler.cli.subject import edges_of, subject
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors, ordered
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@paths
@selector
@reporting
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], selector: Mapping[str, str]) -> None:
    """Check manifests offline: schema, references, policies, platform limits."""
    run = Command.begin(ctx, _failed)
    run.conclude(lambda: _validate(run, paths, selector), _failed)


def _failed(failure: Failure) -> Ending:
    return failed_with(failure, documents.validate_document(failure.diagnostics), command="validate")


def _nothing_labelled(desired: Desired) -> Diagnostic | None:
    """Labels that no object has look like a typing error; a path with nothing in it but parts does not."""
    if desired.scope is None or not desired.scope.labels or desired.resources:
        return None
    detail = f"no object that is declared belongs to {desired.scope}; check the labels."
    return Diagnostic(Severity.ERROR, "CLI004", "nothing to work on", detail)


def _validate(run: Command, paths: tuple[Path, ...], selector: Mapping[str, str]) -> Ending:
    from reconciler import wiring  # noqa: PLC0415 - platforms are loaded when there is something to check

    desired = run.read(paths, selector)
    found = desired.diagnostics
    missing = nothing_to_work_on(desired) or _nothing_labelled(desired)
    if not has_errors(found):
        found = (
            (*found, missing) if missing else ordered((*found, *wiring.validate(desired, run.settings.allowed_hosts)))
        )

    def lines() -> Iterator[terminal.Line]:
        yield from terminal.diagnostic_lines(found, run.source)
        counted = f"{len(desired.resources)} resources on {len(desired.gateways)} gateway(s)"
        yield ((f"Not valid: {len(found)} finding(s)." if has_errors(found) else f"Valid: {counted}.", "bold"),)

    code = FAILED if has_errors(found) else OK
    report = Report(
        lines,
        lambda: documents.validate_document(found),
        lambda: subject("validate", code, run, diagnostics=found, edges=edges_of(desired)),
    )
    return Ending(code, report)
