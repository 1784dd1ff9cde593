"""``reconciler drift``."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.exits import DIFFERENCES, FAILED, OK
from reconciler.cli.failure import Failure
from reconciler.cli.options import gateways, paths, reporting
from reconciler.cli.planning import nothing_seen, options, told
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_with
from reconciler.cli.subject import edges_of, subject
from reconciler.model.plan import Mode, Plan
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.render.view import pending


@click.command()
@paths
@gateways
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Compare what is live with what was last applied; exit 2 is a difference, 1 is "could not look"."""
    run = Command.begin(ctx, _failed)
    run.run(lambda: _drift(run, given), _failed)


def _failed(failure: Failure) -> Ending:
    plan = nothing_seen(failure, Mode.DRIFT)
    return failed_with(failure, documents.drift_document(plan, failure.code), told(plan), "drift")


async def _drift(run: Command, given: dict[str, Any]) -> Ending:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

    desired = run.load(given["paths"], given["gateways"])
    async with wiring.open_session(run.settings, desired, gateways=given["gateways"], progress=run.progress) as session:
        plan = (await engine.plan(session, options(run, Mode.DRIFT, given))).plan
    code = _exit_code(plan)
    report = Report(
        lambda: terminal.drift_lines(plan, run.source),
        lambda: documents.drift_document(plan, code),
        lambda: subject("drift", code, run, plan=plan, edges=edges_of(desired)),
    )
    return Ending(code, report, told(plan))


def _exit_code(plan: Plan) -> int:
    """Findings that would block an apply do not: looking is what was asked for."""
    if not plan.complete:
        return FAILED
    return DIFFERENCES if plan.drift or pending(plan) else OK
