"""``reconciler drift``."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import format_option, gateways, paths, report_option, shared
from reconciler.cli.planning import options, tell
from reconciler.cli.session import DIFFERENCES, FAILED, OK, Command
from reconciler.model.plan import Mode
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.render.view import pending


@click.command()
@paths
@gateways
@format_option
@report_option
@shared
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Compare what is live with what was last applied; exit 2 is a difference, 1 is "could not look"."""
    run = Command.begin(ctx)
    run.run(lambda: _drift(run, given))


async def _drift(run: Command, given: dict[str, Any]) -> int:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

    desired = run.load(given["paths"])
    async with wiring.open_session(run.settings, desired, gateways=given["gateways"], progress=run.progress) as session:
        plan = (await engine.plan(session, options(run, Mode.DRIFT, given))).plan
    code = FAILED if not plan.complete else DIFFERENCES if plan.drift or pending(plan) else OK
    run.report(
        given["format_"], lambda: terminal.drift_lines(plan, run.source), lambda: documents.drift_document(plan, code)
    )
    run.write_reports(
        given["reports"], lambda: terminal.drift_lines(plan, run.source), lambda: documents.drift_document(plan, code)
    )
    tell(plan, code)
    return code
