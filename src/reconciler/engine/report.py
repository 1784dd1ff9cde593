"""From outcomes to a run: its status and its exit code.

| outcomes                                        | status      | exit |
|-------------------------------------------------|-------------|------|
| none, nothing to do                             | nothing     | 0    |
| all applied or unchanged, all healthy           | ok          | 0    |
| the same, and told not to ask: PLAN011 says so  | ok, nothing | 0    |
| stopped before the end                          | interrupted | 130  |
| a write failed, or its outcome is unknown       | failed      | 1    |
| a verification failed, or a change was restored | unhealthy   | 4    |
| nothing of these, but a difference is left      | failed      | 1    |
| not asked, and an earlier verification failed   | unhealthy   | 4    |
| nothing of these, but the last look failed      | failed      | 1    |

The first row that fits, from the fourth on, wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.engine.assembly import ApplyOptions, Planned, Verification
from reconciler.engine.executor import MOST_REJECTIONS
from reconciler.engine.verify import STOPPED
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.run import Outcome, Run, RunStatus, Status
from reconciler.planning import residue

UNPROVED = "PLAN011"

EXIT_CODES = {
    RunStatus.OK: 0,
    RunStatus.NOTHING: 0,
    RunStatus.FAILED: 1,
    RunStatus.BLOCKED: 3,
    RunStatus.UNHEALTHY: 4,
    RunStatus.INTERRUPTED: 130,
}


def nothing_to_do(run_id: str, planned: Planned) -> Run:
    """A run that found everything in place; one that was told not to ask repeats what is known not to be proved."""
    plan = planned.plan
    status = RunStatus.UNHEALTHY if plan.unproved else RunStatus.NOTHING
    return Run(
        run_id, status, EXIT_CODES[status], diagnostics=plan.diagnostics if plan.unproved or plan.unasked else ()
    )


def failed_run(run_id: str) -> Run:
    """A run that ended in an exception."""
    return Run(run_id, RunStatus.FAILED, EXIT_CODES[RunStatus.FAILED])


def finished_run(
    run_id: str, planned: Planned, after: Planned, outcomes: Sequence[Outcome], options: ApplyOptions, halted: str = ""
) -> Run:
    """The run as a whole, with what is left over of the changes that were applied in health.

    `halted` is the cause for which it ended before all was begun, if it did.
    """
    settled = {o.address for o in outcomes if o.status is Status.APPLIED and o.healthy}
    left = tuple(item for item in residue(after.plan) if item.address in settled)
    errors = tuple(item for item in after.plan.diagnostics if item.severity is Severity.ERROR)
    status = _status(outcomes, (*left, *errors), options)
    if status is RunStatus.OK and options.verification is Verification.NONE and after.plan.unproved:
        status = RunStatus.UNHEALTHY
    earlier = (item for item in planned.plan.diagnostics if item.code != UNPROVED)
    unproved = (item for item in after.plan.diagnostics if item.code == UNPROVED)
    found = tuple(dict.fromkeys((*earlier, *unproved, *errors, *_halted(halted))))
    return Run(run_id, status, EXIT_CODES[status], tuple(outcomes), left, found)


def _halted(cause: str) -> Iterator[Diagnostic]:
    if cause:
        yield Diagnostic(
            Severity.ERROR,
            "ENGINE006",
            "the run halted: one cause rejects one change after another",
            f"{MOST_REJECTIONS} changes were rejected for the same cause ({cause}), so that nothing more was begun. "
            "Mend that and apply again: what was written and not proved is asked again, what was skipped is done.",
        )


def _status(outcomes: Sequence[Outcome], left: Sequence[object], options: ApplyOptions) -> RunStatus:
    if options.stop.is_set() and any(o.status is Status.SKIPPED or STOPPED in o.checks for o in outcomes):
        return RunStatus.INTERRUPTED
    if any(o.status in {Status.FAILED, Status.UNKNOWN} and o.healthy for o in outcomes):
        return RunStatus.FAILED
    if any(not o.healthy or o.status is Status.ROLLED_BACK for o in outcomes):
        return RunStatus.UNHEALTHY
    return RunStatus.FAILED if left else RunStatus.OK
