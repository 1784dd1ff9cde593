"""What plan, apply and drift do alike: how to plan, and what a CI job is told of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler import __version__
from reconciler.cli.exits import BLOCKED, DIFFERENCES, FAILED, OK
from reconciler.cli.failure import Failure
from reconciler.cli.options import allowed
from reconciler.cli.session import Command
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.planning import (
    PlanOptions,
    Rotations,
    Standing,
    intent_digest,
    needs_decision,
    standing_of_drift,
    standing_of_plan,
)


def options(run: Command, mode: Mode, given: dict[str, Any]) -> PlanOptions:
    """How to plan, from settings and flags."""
    return PlanOptions(
        mode=mode,
        allow=allowed(given),
        max_change_percent=run.settings.max_change_percent,
        min_objects=run.settings.min_objects,
        rotations=Rotations(run.settings.rotations),
    )


_OF_PLAN = {Standing.UNSEEN: FAILED, Standing.BLOCKED: BLOCKED, Standing.DIFFERS: DIFFERENCES, Standing.IN_STEP: OK}
_OF_DRIFT = {**_OF_PLAN, Standing.BLOCKED: FAILED}


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """The exit code of a plan: what cannot be seen fails, what must be decided blocks, the rest is a difference."""
    code = _OF_PLAN[standing_of_plan(plan)]
    return OK if code == DIFFERENCES and not detailed else code


def drift_exit_code(plan: Plan) -> int:
    """The exit code of a look for drift: 2 for what differs, 1 where an error leaves open whether something does.

    3 where a person must decide about a gateway: whatever differs elsewhere, that one was not compared.
    """
    if plan.complete and needs_decision(plan.diagnostics):
        return BLOCKED
    return _OF_DRIFT[standing_of_drift(plan)]


def nothing_seen(failure: Failure, mode: Mode) -> Plan:
    """The plan of a command that never got to one: incomplete, with the findings that say why."""
    return Plan(
        mode=mode,
        basis=Basis(tool_version=__version__, secrets_available=False),
        changes=(),
        drift=(),
        diagnostics=failure.diagnostics,
        summary=Summary(),
        complete=False,
        digest=intent_digest(()),
    )


def told(plan: Plan, code: int, plan_file: str = "") -> Mapping[str, object]:
    """What a CI job is told of a plan and of how the command ends."""
    summary = plan.summary
    return {
        "has-changes": not plan.empty,
        "to-create": summary.create,
        "to-update": summary.update + summary.replace,
        "to-delete": summary.delete,
        "has-drift": bool(plan.drift),
        "blocked": code == BLOCKED,
        "digest": plan.digest,
        "plan-file": plan_file,
    }
