"""Reports as text that reads without colour, and better with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from reconciler.model.change import ABSENT, Action, Change, FieldChange
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Plan
from reconciler.model.run import Outcome, Run, RunRecord, Status, Verdict
from reconciler.render import view

Line = tuple[tuple[str, str], ...]
"""Pieces of a line, each with its style (empty: none)."""

SourceLine = Callable[[Position], str | None]

_STYLES = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.ADOPT: "cyan",
    Action.FORGET: "cyan",
    Action.NOOP: "",
}
_SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold blue"}


def plan_lines(plan: Plan, source: SourceLine) -> Iterator[Line]:
    """A plan: changes, then drift, then findings, then the count."""
    for change in plan.changes:
        yield from _change(change)
    if plan.drift:
        yield (("Drift since the last apply:", "bold"),)
        for change in plan.drift:
            yield from _drift(change)
    yield from diagnostic_lines(plan.diagnostics, source)
    if not plan.complete:
        yield (("The plan is incomplete and cannot be applied.", "bold red"),)
    yield ((view.footer(plan.summary), "bold"),)
    aside = view.asides(plan)
    if aside:
        yield ((aside, "dim"),)


def _change(change: Change) -> Iterator[Line]:
    style = _STYLES[change.action]
    head = f"{view.SYMBOLS[change.action]:>3} {change.action.value} {view.clean(str(change.address))}"
    place = f"  {view.clean(str(change.position))}" if change.position else ""
    yield ((head, style), (f"  ({view.clean(change.reason)})", ""), (place, "dim"))
    for field in change.fields:
        yield _field(field, change.action)
    if change.action.writes and change.reversible.why:
        yield ((f"      undo: {change.reversible.level.value}, {change.reversible.why}", "dim"),)
    yield ()


def _field(field: FieldChange, action: Action) -> Line:
    path = f"      {view.field_path(field)}: "
    if action is Action.CREATE:
        return ((path, ""), (view.value(field.after), "green"))
    note = view.note(field)
    place = f"  {view.clean(str(field.position))}" if field.position else ""
    after = "red" if field.after is ABSENT else "green"
    return (
        (path, ""),
        (view.value(field.before), "red"),
        (" → ", ""),
        (view.value(field.after), after),
        (f"  ({note})" if note else "", "yellow"),
        (place, "dim"),
    )


def _drift(change: Change) -> Iterator[Line]:
    yield (("  ! ", "yellow"), (view.clean(str(change.address)), ""), (f"  ({view.cause(change)})", "yellow"))
    for field in change.fields:
        if field.sensitive:
            yield ((f"      {view.field_path(field)}: replaced outside", ""),)
        else:
            applied = f" (applied: {view.value(field.after)})"
            yield ((f"      {view.field_path(field)}: ", ""), (view.value(field.before), "red"), (applied, "dim"))


def drift_lines(plan: Plan, source: SourceLine) -> Iterator[Line]:
    """What differs from what was last applied, with causes."""
    for change in plan.drift:
        yield from _drift(change)
    waiting = view.pending(plan)
    for change in waiting:
        yield (
            (f"  {view.SYMBOLS[change.action]} {view.clean(str(change.address))}", ""),
            ("  (merged but not applied)", ""),
        )
    yield from diagnostic_lines(plan.diagnostics, source)
    if plan.drift or waiting:
        yield ((f"Drift: {len(plan.drift)} changed outside, {len(waiting)} merged but not applied.", "bold"),)
    else:
        yield (("No drift.", "bold"),)


def diagnostic_lines(found: Sequence[Diagnostic], source: SourceLine) -> Iterator[Line]:
    """Findings as a compiler prints them: place, code, the line, a caret, what to do."""
    for item in found:
        place = f"{view.clean(str(item.position))}: " if item.position else ""
        style = _SEVERITY_STYLES[item.severity]
        yield (
            (place, "bold"),
            (f"{item.severity.value}[{item.code}]", style),
            (f" {view.clean(item.summary)}", "bold"),
        )
        text = source(item.position) if item.position else None
        if item.position and text is not None:
            number = str(item.position.line)
            yield ((f"  {number} | ", "dim"), (view.clean(text.expandtabs(1)), ""))
            yield ((f"  {' ' * len(number)} | {' ' * (item.position.column - 1)}^", style),)
        yield ((f"  {view.clean(item.detail)}", ""),)
        yield ()


_STATUS_STYLES = {
    Status.APPLIED: "green",
    Status.UNCHANGED: "dim",
    Status.FAILED: "bold red",
    Status.SKIPPED: "yellow",
    Status.BLOCKED: "yellow",
    Status.ROLLED_BACK: "magenta",
    Status.UNKNOWN: "bold red",
}


def run_lines(run: Run) -> Iterator[Line]:
    """What an apply did, change by change."""
    for outcome in run.outcomes:
        yield from _outcome(outcome)
    for item in run.residue:
        yield (
            (f"  left over: {view.clean(str(item.address))} {view.clean(item.path)} ({item.cause.value})", "yellow"),
        )
    if not run.outcomes:
        yield (("Nothing to do.", "bold"),)
        return
    counts = {status: sum(o.status is status for o in run.outcomes) for status in Status}
    said = ", ".join(f"{count} {status.value.replace('_', ' ')}" for status, count in counts.items() if count)
    yield ((f"Run {run.run_id}: {said}. Status: {run.status.value}.", "bold"),)


def outcome_lines(outcomes: Sequence[Outcome]) -> Iterator[Line]:
    """The table of verify."""
    for outcome in outcomes:
        yield from _outcome(outcome)
    well = sum(outcome.healthy for outcome in outcomes)
    yield ((f"{well} of {len(outcomes)} ready.", "bold"),)


def _outcome(outcome: Outcome) -> Iterator[Line]:
    status = outcome.status.value.replace("_", " ")
    health = "" if outcome.healthy else " (not healthy)"
    yield (
        (f"{status:>11} ", _STATUS_STYLES[outcome.status]),
        (f"{outcome.action.value} {view.clean(str(outcome.address))}", ""),
        (f"  {outcome.duration_ms:.0f} ms", "dim"),
        (health, "bold red"),
    )
    for check in outcome.checks:
        limit = "" if check.limit is None else f", limit {check.limit}"
        measured = "" if check.value is None else f" {check.value}{limit}"
        style = "green" if check.verdict is Verdict.READY else "red"
        words = f"            {check.name}: {check.verdict.value}{measured} {view.clean(check.message)}"
        yield ((words.rstrip(), style),)
    if outcome.error:
        yield ((f"            {view.clean(outcome.error)}", "red"),)


def history_lines(records: Sequence[RunRecord]) -> Iterator[Line]:
    """Runs, the newest first."""
    if not records:
        yield (("No run yet.", ""),)
    for record in records:
        counts = ", ".join(f"{count} {status}" for status, count in sorted(record.counts.items()))
        yield (
            (f"{record.started}  {record.run_id}  ", ""),
            (record.status, "bold"),
            (f"  {', '.join(record.gateways)}  {counts}", ""),
            (f"  {view.clean(record.holder)}", "dim"),
        )


def write(lines: Iterator[Line], stream: TextIO, *, color: bool) -> None:
    """Print; colour only where it was asked for."""
    if not color:
        stream.writelines("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
        return
    from rich.console import Console  # noqa: PLC0415 - only where there are colours
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(file=stream, force_terminal=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*line))
