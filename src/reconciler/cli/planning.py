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
from reconciler.planning import PlanOptions, Rotations, intent_digest


def options(run: Command, mode: Mode, given: dict[str, Any]) -> PlanOptions:
    """How to plan, from settings and flags."""
    return PlanOptions(
        mode=mode,
        allow=allowed(given),
        max_change_percent=run.settings.max_change_percent,
        min_objects=run.settings.min_objects,
        rotations=Rotations(run.settings.rotations),
    )


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """The exit code of a plan: what cannot be seen fails, what must be decided blocks, the rest is a difference."""
    if not plan.complete:
        return FAILED
    if plan.blocked:
        return BLOCKED
    return DIFFERENCES if detailed and not plan.empty else OK


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


def told(plan: Plan, plan_file: str = "") -> Mapping[str, object]:
    """What a CI job is told of a plan."""
    summary = plan.summary
    return {
        "has-changes": not plan.empty,
        "to-create": summary.create,
        "to-update": summary.update + summary.replace,
        "to-delete": summary.delete,
        "has-drift": bool(plan.drift),
        "blocked": plan.complete and plan.blocked,
        "digest": plan.digest,
        "plan-file": plan_file,
    }
