"""What is said of a whole command, whatever the format: one sentence with its counts, ranks, how outcomes count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.drift import DriftCause
from reconciler.model.plan import Mode, Plan
from reconciler.model.run import Outcome, Run, Status
from reconciler.planning import Standing, needs_decision, standing_of_drift, standing_of_plan, waiting_causes
from reconciler.render import view
from reconciler.render.subject import Subject
from reconciler.render.view import footer

INCOMPLETE = "The plan is incomplete and cannot be applied."
SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def ranked(found: Iterable[Diagnostic]) -> Sequence[Diagnostic]:
    """Findings, the heaviest first, otherwise in their order."""
    return sorted(found, key=lambda item: SEVERITIES.index(item.severity))


def plural(count: int, noun: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def headline(subject: Subject) -> str:
    """What came of a command in one sentence with its counts; nothing in it is anybody's text."""
    if subject.run is not None:
        return run_words(subject.run)
    if subject.command == "verify" and subject.outcomes:
        return ready_words(subject.outcomes)
    if subject.plan is None:
        return found_words(subject.diagnostics)
    return drift_words(subject.plan) if subject.command == "drift" else plan_words(subject.plan)


class Removals(NamedTuple):
    """What a plan takes away, to be said before all else: words of our own, addresses, how many more."""

    words: str
    named: Sequence[Address]
    more: int

    def sentence(self) -> str:
        """The whole of it as text."""
        names = ", ".join(view.clean(str(address)) for address in self.named)
        return f"{self.words}: {names}{f' and {self.more} more' if self.more else ''}."


MOST_NAMED = 10


def removals(subject: Subject) -> Removals | None:
    """What is to go, as long as it has not gone: once a run has outcomes, those tell. None where nothing goes."""
    if subject.plan is None or subject.outcomes:
        return None
    return removals_of(subject.plan)


def removals_of(plan: Plan) -> Removals | None:
    """Deletions first, then what is deleted and made anew. A look that does not write tells what an apply would do."""
    deleted = [change.address for change in plan.changes if change.action is Action.DELETE]
    replaced = [change.address for change in plan.changes if change.action is Action.REPLACE]
    going = [*deleted, *replaced]
    if not going:
        return None
    parts = [f"deletes {plural(len(deleted), 'object')}"] if deleted else []
    parts += [f"deletes and makes anew {plural(len(replaced), 'object')}"] if replaced else []
    who = "The next apply" if plan.mode is Mode.DRIFT else "This plan"
    return Removals(f"{who} {' and '.join(parts)}", going[:MOST_NAMED], len(going[MOST_NAMED:]))


def found_words(found: Sequence[Diagnostic]) -> str:
    """How many findings there are of each severity."""
    counts = ((sum(item.severity is severity for item in found), severity.value) for severity in SEVERITIES)
    said = ", ".join(plural(count, word) for count, word in counts if count)
    return f"Found: {said}." if said else "Nothing found."


def plan_words(plan: Plan) -> str:
    """The last line of a plan: its counts, or why there are none. Under an error nothing is called unchanged."""
    if plan.changes:
        return footer(plan.summary)
    match standing_of_plan(plan):
        case Standing.DIFFERS:
            if not plan.gateways:
                return f"Plan: nothing to write, {_unproved_words(plan)}."
            told = [_unproved_words(plan)] if plan.unproved or plan.unasked else []
            told += [f"{plural(len(plan.gateways), 'gateway')} to record"]
            return f"Plan: 0 to create, 0 to update, 0 to delete; {', '.join(told)}."
        case Standing.UNSEEN:
            return "Plan: unknown, since not everything could be read."
        case Standing.BLOCKED:
            return f"Plan: blocked by {plural(errors_in(plan), 'error')}."
        case _:
            return f"Plan: nothing to write, {_unproved_words(plan)}." if plan.unasked else footer(plan.summary)


def errors_in(plan: Plan) -> int:
    """How many findings stand against a plan."""
    return sum(item.severity is Severity.ERROR for item in plan.diagnostics)


def drift_words(plan: Plan) -> str:
    """The last line of a drift report."""
    found = standing_of_drift(plan)
    if found is Standing.UNSEEN:
        return "Not everything could be read: what is not listed may differ as well."
    if found is Standing.BLOCKED:
        return f"Not everything could be compared: {plural(errors_in(plan), 'error')} to resolve first."
    if needs_decision(plan.diagnostics):
        return "Not everything could be compared: a gateway waits for a person's decision."
    if found is Standing.DIFFERS:
        return f"Drift: {drift_counts(plan)}."
    return f"Nothing differs; {_unproved_words(plan)}." if plan.unasked else "No drift."


def drift_counts(plan: Plan) -> str:
    """What differs, counted by whose doing it is; what waits is counted as merged where nothing waits."""
    failing = sum(change.action is Action.NOOP for change in plan.drift)
    waiting = Counter(waiting_causes(plan).values()) or {DriftCause.UNAPPLIED: 0}
    counts = [f"{waiting[cause]} {cause}" for cause in DriftCause if cause in waiting]
    failed = [f"{failing} failing checks"] if failing else []
    unproved = [_unproved_words(plan)] if plan.unproved or plan.unasked else []
    return ", ".join([f"{len(plan.drift) - failing} changed outside", *counts, *failed, *unproved])


def _unproved_words(plan: Plan) -> str:
    return f"{len(plan.unproved) + len(plan.unasked)} not proved to work"


def run_words(run: Run) -> str:
    """The last line of an apply."""
    if not run.outcomes:
        return f"Nothing was done. Status: {run.status.value}." if run.exit_code else f"Nothing to do{_open(run)}."
    counts = {status: sum(outcome.status is status for outcome in run.outcomes) for status in Status}
    said = ", ".join(f"{count} {status.value.replace('_', ' ')}" for status, count in counts.items() if count)
    return f"{f'Run {run.run_id}: ' if run.run_id else ''}{said}. Status: {run.status.value}{_open(run)}."


def _open(run: Run) -> str:
    """What nobody knows to work where a run ended well, since it was told not to ask."""
    count = sum(item.code == "PLAN011" for item in run.diagnostics)
    return f", {count} not proved to work" if count and not run.exit_code else ""


def ready_words(outcomes: Sequence[Outcome]) -> str:
    """The last line of verify."""
    return f"{sum(outcome.healthy for outcome in outcomes)} of {len(outcomes)} ready."


class Ended(StrEnum):
    """How an outcome counts where only a few words are known.

    ================== ======= =======
    status             healthy counts
    ================== ======= =======
    applied, unchanged yes     well
    applied, unchanged no      failure
    rolled back        any     failure
    failed, unknown    any     error
    blocked, skipped   any     skipped
    ================== ======= =======
    """

    WELL = "well"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


_ENDED: Mapping[Status, Ended] = {
    Status.ROLLED_BACK: Ended.FAILURE,
    Status.FAILED: Ended.ERROR,
    Status.UNKNOWN: Ended.ERROR,
    Status.BLOCKED: Ended.SKIPPED,
    Status.SKIPPED: Ended.SKIPPED,
}


def ended(outcome: Outcome) -> Ended:
    """How an outcome counts."""
    return _ENDED.get(outcome.status, Ended.WELL if outcome.healthy else Ended.FAILURE)


def positions(subject: Subject) -> Mapping[Address, Position]:
    """Where the objects of a plan are declared."""
    plan = subject.plan
    changes = (*plan.drift, *plan.reviewed) if plan else ()
    return {change.address: change.position for change in changes if change.position}
