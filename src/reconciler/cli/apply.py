"""``reconciler apply``."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from reconciler.cli.logging import BarProgress
from reconciler.cli.options import allowances, format_option, gateways, paths, report_option, shared
from reconciler.cli.planning import options, tell
from reconciler.cli.session import BLOCKED, FAILED, Command, say
from reconciler.errors import Blocked, InputError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Mode, Plan
from reconciler.model.run import Run, RunStatus
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@paths
@gateways
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--expect", metavar="DIGEST", help="Apply only a plan with this intent digest.")
@click.option("--on-failure", type=click.Choice(["halt", "rollback"]), default="halt", help="Of a verification.")
@click.option("--no-verify", is_flag=True, help="Do not ask the gateway whether what was written works.")
@click.option("--lock-timeout", type=click.FloatRange(min=0), help="Seconds to wait for another run.")
@format_option
@report_option
@allowances
@shared
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Carry out a plan: PLANFILE as `plan --out` wrote it, or manifests."""
    run = Command.begin(ctx)
    if given["lock_timeout"] is not None:
        run = replace(run, settings=replace(run.settings, lock_timeout=given["lock_timeout"]))
    run.run(lambda: _Apply(run, given).carry_out())


class _Apply:
    """One apply, from planning to the report."""

    def __init__(self, run: Command, given: dict[str, Any]) -> None:
        self.run = run
        self.given = given
        self.expected = given["expect"]
        self.paths: tuple[Path, ...] = given["paths"]
        if len(self.paths) == 1 and self.paths[0].suffix == ".json":
            self.expected = _digest_of(self.paths[0])
            self.paths = ()

    async def carry_out(self) -> int:
        from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

        desired = self.run.load(self.paths)
        bar = BarProgress() if sys.stderr.isatty() and not self.run.given.get("quiet") else None
        plan_options = options(self.run, Mode.APPLY, self.given)
        chosen = self.given["gateways"]
        async with wiring.open_session(
            self.run.settings, desired, gateways=chosen, progress=bar or self.run.progress
        ) as session:
            planned = await engine.plan(session, plan_options)
            refusal = self._refusal(planned.plan)
            if refusal is not None:
                return self._refused(planned.plan, refusal)
            stop = asyncio.Event()
            with _interrupts(stop), _shown(bar, len(planned.plan.changes)):
                try:
                    run = await engine.apply(session, planned, plan_options, self._apply_options(engine, stop))
                except Blocked as error:
                    return self._refused(planned.plan, error)
        return self._finished(planned.plan, run)

    def _apply_options(self, engine: Any, stop: asyncio.Event) -> Any:
        return engine.ApplyOptions(
            engine.OnFailure(self.given["on_failure"]),
            engine.Verification.NONE if self.given["no_verify"] else engine.Verification.LIVE,
            stop,
        )

    def _refusal(self, plan: Plan) -> Blocked | None:
        """Why this plan is not carried out, None when it is approved."""
        errors = [d for d in plan.diagnostics if d.severity is Severity.ERROR]
        if not plan.complete or errors:
            return Blocked("the plan cannot be applied", errors)
        if self.expected is not None:
            return None if plan.empty else self._expected(plan)
        if plan.empty or self.given["auto_approve"]:
            return None
        return (
            None if self._asked(plan) else Blocked("nobody approved the plan: give --auto-approve or --expect DIGEST")
        )

    def _expected(self, plan: Plan) -> Blocked | None:
        if plan.digest == self.expected:
            return None
        detail = f"approved {self.expected}, planning again gives {plan.digest}: look at the new plan and approve that."
        finding = Diagnostic(Severity.ERROR, "ENGINE002", "the approved plan no longer matches", detail)
        return Blocked("the approved plan no longer matches", [finding])

    def _asked(self, plan: Plan) -> bool:
        if not self.run.interactive:
            return False
        terminal.write(terminal.plan_lines(plan, self.run.source), sys.stderr, color=self.run.color)
        return click.confirm("Apply these changes?", err=True)

    def _refused(self, plan: Plan, refusal: Blocked) -> int:
        """Nothing was written; the report says so in the format that was asked for."""
        code = FAILED if not plan.complete else BLOCKED
        status = RunStatus.BLOCKED if code == BLOCKED else RunStatus.FAILED
        run = Run("", status, code, diagnostics=refusal.diagnostics)
        self.run.say_findings(refusal.diagnostics)
        say(f"blocked: {refusal}")
        if self.given["format_"] == "json":
            self.run.report("json", lambda: iter(()), lambda: documents.run_document(run))
        tell(plan, code)
        return code

    def _finished(self, plan: Plan, run: Run) -> int:
        def lines() -> Iterator[terminal.Line]:
            yield from terminal.plan_lines(plan, self.run.source)
            yield from terminal.run_lines(run)

        self.run.report(self.given["format_"], lines, lambda: documents.run_document(run))
        self.run.write_reports(self.given["reports"], lines, lambda: documents.run_document(run))
        tell(plan, run.exit_code)
        return run.exit_code


def _digest_of(path: Path) -> str:
    """The digest that a plan file stands for. Raises InputError when it is no plan file."""
    try:
        plan = documents.plan_from_document(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = f"{path} is no plan file ({type(error).__name__}: {error}). Make one with `reconciler plan --out`."
        raise InputError([Diagnostic(Severity.ERROR, "CLI001", "not a plan file", detail)]) from None
    return plan.digest


@contextmanager
def _interrupts(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C lets writes in flight finish; the second ends the process at once."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        say("stopping: writes in flight finish, nothing new begins (again to abort)")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def _shown(bar: BarProgress | None, total: int) -> Iterator[None]:
    if bar is None or not total:
        yield
        return
    bar.begin(total)
    try:
        yield
    finally:
        bar.end()
