"""``reconciler plan``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from reconciler.cli.failure import Failure
from reconciler.cli.options import allowances, gateways, out, paths, reporting, selector, traces
from reconciler.cli.planning import exit_code, nothing_seen, options, told
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_with
from reconciler.cli.subject import edges_of, fleet_of, subject
from reconciler.cli.watch import Watch
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import ordered
from reconciler.model.plan import Mode, Plan
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@paths
@selector
@gateways
@out
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="SNAPSHOT",
    help="Plan from a snapshot: no credentials, no network.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@traces
@allowances
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Show what would change, and what drifted. Writes nothing to any gateway."""
    run = Command.begin(ctx, _failed)
    watch = Watch(run, "plan")
    run.run(lambda: _plan(run, watch, given), _failed, watch.told)


def _failed(failure: Failure) -> Ending:
    plan = nothing_seen(failure, Mode.APPLY)
    return failed_with(failure, documents.plan_document(plan), told(plan, failure.code), "plan")


async def _plan(run: Command, watch: Watch, given: dict[str, Any]) -> Ending:
    desired = run.load(given["paths"], given["gateways"], given["selector"])
    if given["against"] is not None:
        return _ending(run, desired, _made_against(run, desired, given), given)
    return _ending(run, desired, await _made(run, watch, desired, given), given)


async def _made(run: Command, watch: Watch, desired: Desired, given: dict[str, Any]) -> Plan:
    from reconciler import engine, planning, wiring  # noqa: PLC0415 - start-up of other commands

    chosen, heard, how = given["gateways"], watch.beside(run.progress), options(run, Mode.APPLY, given)
    admits = planning.looking(how.allow)
    async with wiring.open_session(run.settings, desired, gateways=chosen, progress=heard, admits=admits) as session:
        return (await engine.plan(session, how)).plan


def _made_against(run: Command, desired: Desired, given: dict[str, Any]) -> Plan:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands
    from reconciler.cli import snapshotfile  # noqa: PLC0415 - the same

    taken = snapshotfile.read(given["against"])
    how = replace(options(run, Mode.APPLY, given), commit=wiring.commit_of(run.settings.root))
    desired = replace(desired, fleet=fleet_of(run))
    plan = wiring.plan_against(desired, taken, how, given["gateways"], run.settings.allowed_hosts)
    return replace(plan, diagnostics=ordered((*plan.diagnostics, snapshotfile.age(taken, plan.created_at))))


def _ending(run: Command, desired: Desired, plan: Plan, given: dict[str, Any]) -> Ending:
    code = exit_code(plan, detailed=given["detailed_exitcode"])
    report = Report(
        lambda: terminal.plan_lines(plan, run.source),
        lambda: documents.plan_document(plan),
        lambda: subject("plan", code, run, plan=plan, edges=edges_of(desired)),
    )
    if given["out"] is not None:
        from reconciler.cli import planfile  # noqa: PLC0415 - only where one is written

        planfile.write(given["out"], plan)
    return Ending(code, report, told(plan, code, str(given["out"] or "")))
