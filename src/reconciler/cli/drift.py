"""``reconciler drift``."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import click

from reconciler.cli.failure import Failure
from reconciler.cli.options import gateways, metrics, paths, reporting, selector, traces
from reconciler.cli.planning import drift_exit_code, nothing_seen, options, told
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_with
from reconciler.cli.subject import edges_of, subject
from reconciler.cli.targets import of_option, resolved
from reconciler.cli.watch import Watch
from reconciler.model.plan import Mode, Plan
from reconciler.render import json as documents
from reconciler.render import terminal

NOTIFY = "Tell: webhook[:URL] of the settings, github-issue[:LABEL]; repeatable."


@click.command()
@paths
@selector
@gateways
@click.option("--verify", is_flag=True, help="Ask the gateways as well whether what was applied works.")
@click.option("--notify", multiple=True, metavar="TARGET", callback=of_option, help=NOTIFY)
@metrics
@traces
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Compare what is live with what was last applied; exit 2 is a difference, 1 is "could not look"."""
    drift = _Drift(Command.begin(ctx, _failed), given)
    drift.run.run(drift.look, _failed, drift.tell)


class _Drift:
    """One look at the gateways, and what it found so far."""

    def __init__(self, run: Command, given: dict[str, Any]) -> None:
        self.run = run
        self.given = given
        self.targets = resolved(given["notify"], run.settings)
        self.watch = Watch(run, "drift", given["metrics"])
        self.plan: Plan | None = None

    async def look(self) -> Ending:
        from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

        run, chosen = self.run, self.given["gateways"]
        desired = run.load(self.given["paths"], chosen, self.given["selector"])
        heard = self.watch.beside(run.progress)
        verifies = self.given["verify"] or run.settings.drift_verify
        probes = wiring.Probes(wiring.Probing.ALL if verifies else wiring.Probing.NONE)
        async with wiring.open_session(
            run.settings, desired, gateways=chosen, progress=heard, probes=probes
        ) as session:
            planned = await engine.plan(session, options(run, Mode.DRIFT, self.given))
            plan = await engine.with_checks(session, planned) if verifies else planned.plan
        if plan.changes:
            root, read = run.settings.root, run.manifests(self.given["paths"])
            plan = replace(plan, uncommitted=await asyncio.to_thread(wiring.uncommitted, root, read, desired))
        self.plan, code = plan, drift_exit_code(plan)
        report = Report(
            lambda: terminal.drift_lines(plan, run.source),
            lambda: documents.drift_document(plan, code),
            lambda: subject("drift", code, run, plan=plan, edges=edges_of(desired)),
        )
        return Ending(code, report, told(plan, code))

    async def tell(self, end: Ending | Failure) -> None:
        """Whoever waits for a report every night is told as well that there is none."""
        plan = self.plan or nothing_seen(end if isinstance(end, Failure) else Failure(end.code, ()), Mode.DRIFT)
        if self.targets:
            from reconciler.cli import notify  # noqa: PLC0415 - only where somebody is told

            await notify.tell(self.run, self.targets, plan, end.code)
        await self.watch.ended(end.code, plan)


def _failed(failure: Failure) -> Ending:
    plan = nothing_seen(failure, Mode.DRIFT)
    return failed_with(failure, documents.drift_document(plan, failure.code), told(plan, failure.code), "drift")
