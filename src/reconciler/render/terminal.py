"""Reports as text that reads without colour, and better with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO

from reconciler.model.change import ABSENT, Action, Change, FieldChange
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Plan
from reconciler.model.run import Check, Outcome, Run, RunRecord, Status, Verdict
from reconciler.planning import is_whole, waiting_causes
from reconciler.render import overview, probes, view
from reconciler.render.excerpt import excerpt

Line = tuple[tuple[str, str], ...]
"""Pieces of a line, each with its style (empty: none)."""

SourceLine = Callable[[Position], str | None]

_STYLES = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "magenta",
    Action.DELETE: "red",
    Action.ADOPT: "cyan",
    Action.MOVE: "cyan",
    Action.FORGET: "cyan",
    Action.NOOP: "",
}
_SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold blue"}


def plan_lines(plan: Plan, source: SourceLine) -> Iterator[Line]:
    """A plan: what it takes away, changes, drift, findings, what is collapsed, and the count as the last line."""
    yield from _going(plan)
    yield from change_lines(plan.reviewed)
    if plan.drift:
        yield (("Drift since the last apply:", "bold"),)
        for change in plan.drift:
            yield from _drift(change)
        yield ()
    yield from diagnostic_lines(plan.diagnostics, source)
    if not plan.complete:
        yield ((overview.INCOMPLETE, "bold red"),)
    aside = view.asides(plan)
    if aside:
        yield ((aside, "dim"),)
    yield ((overview.plan_words(plan), "bold"),)


def _going(plan: Plan) -> Iterator[Line]:
    going = overview.removals_of(plan)
    if going:
        yield ((going.sentence(), "bold red"),)
        yield ()


def change_lines(changes: Iterable[Change]) -> Iterator[Line]:
    """What happens to objects, field by field."""
    for change in changes:
        yield from _change(change)


def _change(change: Change) -> Iterator[Line]:
    head = f"{view.SYMBOLS[change.action]:>3} {change.action.value} {view.clean(str(change.address))}"
    yield ((head, _STYLES[change.action]), (f"  ({view.clean(change.reason)})", ""), _place(change.position))
    for field in view.fields(change):
        yield _field(field, change.action)
    for remark in view.remarks(change):
        yield ((f"      {remark}", "dim"),)
    yield ()


def _place(position: Position | None) -> tuple[str, str]:
    return (f"  {view.clean(str(position))}" if position else "", "dim")


def _field(field: FieldChange, action: Action) -> Line:
    path = f"      {view.field_path(field.path)}: "
    before, after = view.words(field)
    if action is Action.CREATE:
        return ((path, ""), (after, "green"))
    note = view.note(field)
    return (
        (path, ""),
        (before, "red"),
        (" → ", ""),
        (after, "red" if field.after is ABSENT else "green"),
        (f"  ({note})" if note else "", "yellow"),
        _place(field.position),
    )


def _drift(change: Change) -> Iterator[Line]:
    yield (("  ! ", "yellow"), (view.clean(str(change.address)), ""), (f"  ({view.cause(change)})", "yellow"))
    for field in view.fields(change):
        path = f"      {view.field_path(field.path)}: "
        live, applied = view.words(field)
        if field.sensitive:
            yield ((f"{path}replaced outside", ""),)
        else:
            yield ((path, ""), (live, "red"), (f" (applied: {applied})", "dim"))


def drift_lines(plan: Plan, source: SourceLine) -> Iterator[Line]:
    """What an apply would take away, what differs from what was last applied, with causes."""
    yield from _going(plan)
    waiting, causes = view.pending(plan), waiting_causes(plan)
    for change in plan.drift:
        yield from _drift(change)
    for change in waiting:
        head = f"{view.SYMBOLS[change.action]:>3} {view.clean(str(change.address))}"
        yield ((head, ""), (f"  ({causes[change.address]})", ""))
    yield from _defaults(plan)
    yield from diagnostic_lines(plan.diagnostics, source)
    yield ((overview.drift_words(plan), "bold" if is_whole(plan) else "bold red"),)


def _defaults(plan: Plan) -> Iterator[Line]:
    for change in plan.defaults:
        yield ((f"  . {view.clean(str(change.address))}  (server default, left alone)", "dim"),)
        for field in view.fields(change):
            yield ((f"      {view.field_path(field.path)}: {view.default_words(field)}", "dim"),)


def diagnostic_lines(found: Iterable[Diagnostic], source: SourceLine) -> Iterator[Line]:
    """Findings as a compiler prints them: place, code, the line, a caret, what to do."""
    for item in found:
        style = _SEVERITY_STYLES[item.severity]
        yield (
            (f"{view.clean(str(item.position))}: " if item.position else "", "bold"),
            (f"{item.severity.value}[{item.code}]", style),
            (f" {view.clean(item.summary)}", "bold"),
        )
        text = source(item.position) if item.position else None
        if item.position and text is not None:
            yield from _excerpt(text, item.position, item.code, style)
        yield ((f"  {view.clean(item.detail)}", ""),)
        yield ()


def _excerpt(text: str, position: Position, code: str, style: str) -> Iterator[Line]:
    shown, number = excerpt(text, position.column, code), str(position.line)
    yield ((f"  {number} | ", "dim"), (shown.text, ""))
    yield ((f"  {' ' * len(number)} | {' ' * shown.indent}^", style),)


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
    """What an apply did, change by change, and the count as the last line."""
    yield from _outcomes(run.outcomes)
    for item in run.residue:
        where = f"{view.clean(str(item.address))} {view.field_path(item.path)}"
        yield ((f"  left over: {where} ({item.cause.value})", "yellow"),)
    yield ((overview.run_words(run), "bold"),)


def _said(status: Status) -> str:
    return status.value.replace("_", " ")


def outcome_lines(outcomes: Sequence[Outcome]) -> Iterator[Line]:
    """The table of verify, and that of its probes."""
    yield from _outcomes(outcomes)
    yield from map(_probe, probes.rows(outcomes))
    yield ((overview.ready_words(outcomes), "bold"),)


def _outcomes(outcomes: Sequence[Outcome]) -> Iterator[Line]:
    for outcome in outcomes:
        yield (
            (f"{_said(outcome.status):>11} ", _STATUS_STYLES[outcome.status]),
            (f"{outcome.action.value} {view.clean(str(outcome.address))}", ""),
            (f"  {outcome.duration_ms:.0f} ms", "dim"),
            ("" if outcome.healthy else " (not healthy)", "bold red"),
        )
        yield from map(_check, outcome.checks)
        if outcome.error:
            yield ((f"            {view.clean(outcome.error)}", "red"),)


def _check(check: Check) -> Line:
    style = "green" if check.verdict is Verdict.READY else "yellow" if check.advisory else "red"
    return ((f"            {view.check_words(check)}", style),)


def _probe(row: Sequence[str]) -> Line:
    """Columns as wide as their heads: numbers to the right, names last, where they may be of any length."""
    *numbers, verdict, name = row
    cells = [f"{cell:>{len(head)}}" for cell, head in zip(numbers, probes.COLUMNS, strict=False)]
    return (("  ".join((*cells, f"{verdict:<8}", name)), "bold" if verdict == probes.COLUMNS[-2] else ""),)


def history_lines(records: Sequence[RunRecord]) -> Iterator[Line]:
    """Runs, the newest first."""
    if not records:
        yield (("No run yet.", ""),)
    for record in records:
        counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(record.counts.items()))
        yield (
            (f"{record.started}  {record.run_id}  ", ""),
            (record.status, "bold"),
            (f"  {', '.join(record.gateways)}  {counts}", ""),
            (f"  {view.clean(record.holder)}", "dim"),
        )


def write(lines: Iterable[Line], stream: TextIO, *, color: bool) -> None:
    """Print; colour only where it was asked for."""
    if not color:
        stream.writelines(view.inert("".join(text for text, _ in line).rstrip()) + "\n" for line in lines)
        return
    from rich.console import Console  # noqa: PLC0415 - only where there are colours
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(file=stream, force_terminal=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*line))
