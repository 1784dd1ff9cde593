"""``reconciler apply``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import interrupt
from reconciler.cli.approval import Approval
from reconciler.cli.exits import BLOCKED, FAILED, INTERRUPTED
from reconciler.cli.failure import Failure
from reconciler.cli.journal import Journal
from reconciler.cli.logging import BarProgress
from reconciler.cli.options import allowances, allowed, gateways, metrics, paths, reporting, selector, traces
from reconciler.cli.planning import nothing_seen, options, told
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, say
from reconciler.cli.subject import edges_of, subject
from reconciler.cli.targets import of_webhooks, resolved
from reconciler.cli.watch import Watch
from reconciler.errors import Blocked
from reconciler.model.change import Change
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.plan import Mode, Plan
from reconciler.model.run import Outcome, Run, RunStatus
from reconciler.planning import Rotations, change_digest
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.render.subject import Subject
from reconciler.settings import Webhook

if TYPE_CHECKING:
    from reconciler.engine import ApplyOptions, Assembly, Planned

NOTIFY = "Tell webhook[:URL] of the settings of an apply that failed; repeatable."


@click.command()
@paths
@selector
@gateways
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--expect", multiple=True, metavar="DIGEST", help="Apply only what has this digest; repeatable.")
@click.option(
    "--expect-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The same, one digest a line, as `reconciler approved` prints them.",
)
@click.option("--on-failure", type=click.Choice(["halt", "rollback"]), default="halt", help="Of a verification.")
@click.option("--no-verify", is_flag=True, help="Do not ask the gateway whether what was written works.")
@click.option("--notify", multiple=True, metavar="TARGET", callback=of_webhooks, help=NOTIFY)
@metrics
@traces
@click.option("--lock-timeout", type=click.FloatRange(min=0), help="Seconds to wait for another run.")
@allowances
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Carry out a plan: PLANFILE as `plan --out` wrote it, or what the manifests want.

    With PLANFILEs, planning again must give nothing but changes that stand in them: name the PATHs and gateways
    that they were made with.
    """
    ctx.ensure_object(dict)["lock_timeout"] = given["lock_timeout"]
    apply = _Apply(Command.begin(ctx, _not_begun), given)
    apply.run.run(apply.carry_out, apply.failed, apply.tell)


class _Apply:
    """One apply, from planning to the report. What was reached so far is kept, in case it ends early."""

    def __init__(self, run: Command, given: dict[str, Any]) -> None:
        self.run = run
        self.given = given
        self.journal = Journal(run.progress)
        self.plan: Plan | None = None
        self.desired: Desired | None = None
        self.approval = Approval(
            ask=self._ask if run.interactive else None,
            expected=_expected(given["expect"], given["expect_file"]),
            unasked=given["auto_approve"],
            ask_for=self._ask_for if run.interactive else None,
            allowed=allowed(given),
            rotations=Rotations.ALLOW if given["rotations"] else Rotations(run.settings.rotations),
        )
        self.targets = [one for one in resolved(given["notify"], run.settings) if isinstance(one, Webhook)]
        self.watch = Watch(run, "apply", given["metrics"])
        self.ended: Run | None = None

    async def carry_out(self) -> Ending:
        from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

        desired = self.desired = self.run.load(self._manifests(), self.given["gateways"], self.given["selector"])
        plan_options = options(self.run, Mode.APPLY, self.given)
        chosen, heard = self.given["gateways"], self.watch.beside(self.journal)
        probes = wiring.Probes(wiring.Probing.NONE if self.given["no_verify"] else wiring.Probing.GATES)
        async with wiring.open_session(
            self.run.settings, desired, gateways=chosen, progress=heard, probes=probes, admits=self.approval.admits
        ) as session:
            planned = await engine.plan(session, plan_options)
            self.plan = planned.plan
            refusal = self.approval.refusal(planned.plan)
            if refusal is not None:
                return self._refused(planned.plan, refusal)
            try:
                run = await self._written(session, planned, plan_options)
            except Blocked as error:
                return self._refused(planned.plan, error)
        self.ended = run
        return self._finished(planned.plan, run)

    async def tell(self, end: Ending | Failure) -> None:
        """Those who look on see as much of a run as there was."""
        known = () if self.plan is None or not self.journal.begun else self.journal.outcomes(self.plan)
        failure = (
            end if isinstance(end, Failure) else Failure(end.code, () if self.plan is None else self.plan.diagnostics)
        )
        ended = self.ended or _failed_run(failure, known)
        if end.code and self.targets:
            from reconciler.cli import notify  # noqa: PLC0415 - only where somebody is told

            await notify.tell_failed(self.run, self.targets, ended)
        await self.watch.ended(end.code, self.plan, ended.outcomes)

    def _manifests(self) -> tuple[Path, ...]:
        """The arguments without the plan files, whose changes are what is expected."""
        from reconciler.cli import planfile  # noqa: PLC0415 - start-up of `--help`

        files = [path for path in self.given["paths"] if planfile.is_plan_file(path)]
        if files and self.approval.expected is not None:
            raise click.UsageError("a plan is approved in one way: give PLANFILEs, or --expect")
        if files:
            plans = [planfile.read(file) for file in files]
            self.approval.listed = tuple(change for plan in plans for change in plan.reviewed)
            whole = {plan.digest for plan in plans}
            self.approval.expected = frozenset(whole | {change_digest(change) for change in self.approval.listed})
        return tuple(path for path in self.given["paths"] if path not in files)

    async def _written(self, session: Assembly, planned: Planned, plan_options: Any) -> Run:
        from reconciler import engine  # noqa: PLC0415 - start-up of other commands

        stop, total = asyncio.Event(), len(planned.plan.changes) + len(planned.plan.unproved)
        with interrupt.stops(stop), self._bar(total) as bar, self.journal.shown_by(bar or self.run.progress):
            return await engine.apply(session, planned, plan_options, self._apply_options(stop))

    def _bar(self, total: int) -> Any:
        quiet = self.run.given.get("quiet") or not sys.stderr.isatty()
        return nullcontext() if quiet or not total else BarProgress(total)

    def _apply_options(self, stop: asyncio.Event) -> ApplyOptions:
        from reconciler import engine  # noqa: PLC0415 - start-up of other commands

        return engine.ApplyOptions(
            engine.OnFailure(self.given["on_failure"]),
            engine.Verification.NONE if self.given["no_verify"] else engine.Verification.LIVE,
            stop,
        )

    def _ask(self, plan: Plan) -> bool:
        """Show the plan and ask once."""
        terminal.write(terminal.plan_lines(plan, self.run.source), sys.stderr, color=self.run.colored(sys.stderr))
        with interrupt.at_once():
            return click.confirm("Apply these changes?", err=True)

    def _ask_for(self, changes: Sequence[Change]) -> bool:
        """Show where credentials would go and ask: before that nothing can be looked at."""
        terminal.write(terminal.change_lines(changes), sys.stderr, color=self.run.colored(sys.stderr))
        with interrupt.at_once():
            return click.confirm("Send the credentials of these gateways there?", err=True)

    def _refused(self, plan: Plan, refusal: Blocked) -> Ending:
        """Nothing was written; the report says so in the format that was asked for."""
        code = BLOCKED if plan.complete else FAILED
        status = RunStatus.BLOCKED if plan.complete else RunStatus.FAILED
        run = Run("", status, code, diagnostics=(*plan.diagnostics, *self._besides(plan, refusal)))
        self.run.say_findings(refusal.diagnostics)
        say(f"blocked: {refusal}")
        return Ending(code, self._report(plan, run, lambda: self._lines(plan)), told(plan, code))

    def _besides(self, plan: Plan, refusal: Blocked) -> list[Diagnostic]:
        return [finding for finding in refusal.diagnostics if finding not in plan.diagnostics]

    def _finished(self, plan: Plan, run: Run) -> Ending:
        def lines() -> Iterator[terminal.Line]:
            yield from self._lines(plan)
            yield from terminal.run_lines(run)

        return Ending(run.exit_code, self._report(plan, run, lines), told(plan, run.exit_code))

    def _report(self, plan: Plan, run: Run, lines: Callable[[], Iterator[terminal.Line]]) -> Report:
        edges = {} if self.desired is None else edges_of(self.desired)
        return Report(
            lines,
            lambda: documents.run_document(run),
            lambda: subject("apply", run.exit_code, self.run, plan=plan, ran=run, edges=edges),
        )

    def _lines(self, plan: Plan) -> Iterator[terminal.Line]:
        """The plan, unless it was shown when it was asked about."""
        if not self.approval.asked:
            yield from terminal.plan_lines(plan, self.run.source)

    def failed(self, failure: Failure) -> Ending:
        """What is known of a run that an error or a second Ctrl-C ended, change by change."""
        plan = self.plan or nothing_seen(failure, Mode.APPLY)
        run = _failed_run(failure, self.journal.outcomes(plan))
        if self.journal.begun:
            terminal.write(terminal.run_lines(run), sys.stderr, color=self.run.colored(sys.stderr))
        return _failed(failure, run, self.plan)


def _expected(digests: Sequence[str], file: Path | None) -> frozenset[str] | None:
    """What was approved by digest; None when nothing was said, which is not the same as an empty file."""
    if not digests and file is None:
        return None
    lines = () if file is None else (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset((*digests, *(line for line in lines if line and not line.startswith("#"))))


_STATUSES = {BLOCKED: RunStatus.BLOCKED, INTERRUPTED: RunStatus.INTERRUPTED}


def _not_begun(failure: Failure) -> Ending:
    return _failed(failure, _failed_run(failure, ()), None)


def _failed_run(failure: Failure, outcomes: tuple[Outcome, ...]) -> Run:
    status = _STATUSES.get(failure.code, RunStatus.FAILED)
    return Run("", status, failure.code, outcomes, diagnostics=failure.diagnostics)


def _failed(failure: Failure, run: Run, plan: Plan | None) -> Ending:
    def lines() -> Iterator[terminal.Line]:
        yield from terminal.diagnostic_lines(failure.diagnostics, lambda _: None)
        yield from terminal.run_lines(run)

    about = Subject("apply", failure.code, plan, run, run.outcomes, failure.diagnostics)
    shown = plan or nothing_seen(failure, Mode.APPLY)
    return Ending(
        failure.code, Report(lines, lambda: documents.run_document(run), lambda: about), told(shown, failure.code)
    )
