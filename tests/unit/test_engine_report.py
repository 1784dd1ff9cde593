"""From outcomes to one status and one exit code: every row of the table, and which of two wins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from engine_bench import at

from reconciler.engine import ApplyOptions, Planned
from reconciler.engine.assembly import Leftovers
from reconciler.engine.report import EXIT_CODES, failed_run, finished_run, nothing_to_do
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.desired import Desired
from reconciler.model.memory import LedgerSnapshot
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.model.run import Cause, Outcome, Run, RunStatus, Status
from reconciler.planning import World


def outcome(status: Status, *, healthy: bool = True, name: str = "ep") -> Outcome:
    """How one change ended."""
    return Outcome(at(name), Action.UPDATE, status, healthy=healthy)


def planned(*changes: Change) -> Planned:
    """A plan of these changes, made from an empty world."""
    plan = Plan(Mode.APPLY, Basis(), changes, (), (), Summary(), complete=True, digest="")
    snapshot = LedgerSnapshot(1)
    world = World(Desired({}, {}), {}, snapshot, {}, lambda _gateway, _ref: None)
    return Planned(plan, world, Leftovers(snapshot), {})


def left_over(name: str = "ep") -> Change:
    """What a plan right after the apply still wants."""
    return Change(at(name), Action.UPDATE, "", (FieldChange("/spec/model", "GPT", "gpt", Origin.DRIFT),))


def reported(outcomes: Sequence[Outcome], *after: Change, stopped: bool = False) -> Run:
    """The run as a whole."""
    stop = asyncio.Event()
    if stopped:
        stop.set()
    return finished_run("run", planned(), planned(*after), outcomes, ApplyOptions(stop=stop))


APPLIED, UNCHANGED = outcome(Status.APPLIED), outcome(Status.UNCHANGED)
SICK, RESTORED = outcome(Status.APPLIED, healthy=False), outcome(Status.ROLLED_BACK, healthy=False)
FAILED, UNKNOWN = outcome(Status.FAILED), outcome(Status.UNKNOWN)
UNPROVEN, BLOCKED = outcome(Status.FAILED, healthy=False), outcome(Status.BLOCKED, healthy=False)
SKIPPED = outcome(Status.SKIPPED)


@pytest.mark.parametrize(
    ("outcomes", "status", "code"),
    [
        ([], RunStatus.OK, 0),
        ([APPLIED, UNCHANGED], RunStatus.OK, 0),
        ([APPLIED, FAILED], RunStatus.FAILED, 1),
        ([APPLIED, UNKNOWN], RunStatus.FAILED, 1),
        ([FAILED, BLOCKED], RunStatus.FAILED, 1),
        ([APPLIED, SICK], RunStatus.UNHEALTHY, 4),
        ([RESTORED], RunStatus.UNHEALTHY, 4),
        ([SICK, BLOCKED], RunStatus.UNHEALTHY, 4),
        ([UNPROVEN], RunStatus.UNHEALTHY, 4),
        ([SICK, FAILED], RunStatus.FAILED, 1),
    ],
)
def test_the_worst_outcome_names_the_run(outcomes: list[Outcome], status: RunStatus, code: int) -> None:
    """A pipeline reads one number: a failed write outranks a sick endpoint, which outranks success."""
    run = reported(outcomes)
    assert (run.status, run.exit_code, run.outcomes) == (status, code, tuple(outcomes))


@pytest.mark.parametrize("outcomes", [[SKIPPED], [APPLIED, SKIPPED], [FAILED, SKIPPED], [SICK, BLOCKED, SKIPPED]])
def test_a_stop_before_the_end_outranks_everything(outcomes: list[Outcome]) -> None:
    """Whoever pressed the key wants to read that it worked, and 130 is what shells know."""
    run = reported(outcomes, stopped=True)
    assert (run.status, run.exit_code) == (RunStatus.INTERRUPTED, 130)


def test_a_stop_that_came_too_late_interrupts_nothing() -> None:
    """Everything had been done: the run is what it is."""
    assert reported([APPLIED], stopped=True).status is RunStatus.OK


def test_a_difference_that_is_left_is_a_failure() -> None:
    """Applied, healthy, and still not as wanted: the next run would write the same again, for ever."""
    run = reported([APPLIED], left_over())
    assert (run.status, run.exit_code) == (RunStatus.FAILED, 1)
    assert [(item.path, item.cause) for item in run.residue] == [("/spec/model", Cause.COERCION)]


@pytest.mark.parametrize("ended", [SICK, RESTORED, FAILED, UNKNOWN, UNCHANGED])
def test_what_was_not_applied_in_health_has_no_residue(ended: Outcome) -> None:
    """That a failed change is still to be done is no news, and would hide what is."""
    assert reported([ended], left_over()).residue == ()


def test_changes_of_others_are_no_residue() -> None:
    """A colleague who edits another endpoint during the run has not made ours fail."""
    run = reported([APPLIED], left_over("another"))
    assert (run.status, run.residue) == (RunStatus.OK, ())


def test_absence_is_shown_as_nothing() -> None:
    """A report is JSON: a marker for "not there" has no place in it."""
    field = FieldChange("/spec/x", 1, ABSENT, Origin.RELEASE)
    (item,) = reported([APPLIED], Change(at("ep"), Action.UPDATE, "", (field,))).residue
    assert (item.cause, item.before, item.after) == (Cause.SERVER_DEFAULT, 1, None)


def test_runs_without_outcomes() -> None:
    """Nothing to do is success; an exception is failure."""
    assert nothing_to_do("a", planned()) == Run("a", RunStatus.NOTHING, 0)
    known = planned()
    known = replace(known, plan=replace(known.plan, unproved=(at("ep"),)))
    assert nothing_to_do("a", known) == Run("a", RunStatus.UNHEALTHY, 4)
    assert failed_run("b") == Run("b", RunStatus.FAILED, 1)
    assert set(EXIT_CODES) == set(RunStatus)
