"""``reconciler plan``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import allowances, format_option, gateways, paths, report_option, shared
from reconciler.cli.planning import exit_code, options, tell
from reconciler.cli.session import Command
from reconciler.model.plan import Mode
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@paths
@gateways
@click.option("--out", type=click.Path(path_type=Path), help="Write the plan file, which holds no secret.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@format_option
@report_option
@allowances
@shared
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Show what would change, and what drifted. Writes nothing to any gateway."""
    run = Command.begin(ctx)
    run.run(lambda: _plan(run, given))


async def _plan(run: Command, given: dict[str, Any]) -> int:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

    desired = run.load(given["paths"])
    async with wiring.open_session(run.settings, desired, gateways=given["gateways"], progress=run.progress) as session:
        plan = (await engine.plan(session, options(run, Mode.APPLY, given))).plan
    code = exit_code(plan, detailed=given["detailed_exitcode"])
    if given["out"] is not None:
        given["out"].write_text(json.dumps(documents.plan_document(plan), indent=2, default=dict) + "\n", "utf-8")
    run.report(given["format_"], lambda: terminal.plan_lines(plan, run.source), lambda: documents.plan_document(plan))
    run.write_reports(
        given["reports"], lambda: terminal.plan_lines(plan, run.source), lambda: documents.plan_document(plan)
    )
    tell(plan, code, str(given["out"] or ""))
    return code
