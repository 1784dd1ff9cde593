"""What plan, apply and drift do alike: open a session and plan in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.cli.options import allowed
from reconciler.cli.session import BLOCKED, DIFFERENCES, FAILED, OK, Command, tell_ci
from reconciler.model.plan import Mode, Plan
from reconciler.planning import PlanOptions


def options(run: Command, mode: Mode, given: dict[str, Any]) -> PlanOptions:
    """How to plan, from settings and flags."""
    return PlanOptions(
        mode=mode,
        allow=allowed(given),
        max_change_percent=run.settings.max_change_percent,
        min_objects=run.settings.min_objects,
    )


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """The exit code of a plan: what cannot be seen fails, what must be decided blocks, the rest is a difference."""
    if not plan.complete:
        return FAILED
    if plan.blocked:
        return BLOCKED
    return DIFFERENCES if detailed and not plan.empty else OK


def tell(plan: Plan, code: int, plan_file: str = "") -> None:
    """The outcome for a CI job."""
    summary = plan.summary
    values: Mapping[str, object] = {
        "exitcode": code,
        "has-changes": not plan.empty,
        "to-create": summary.create,
        "to-update": summary.update + summary.replace,
        "to-delete": summary.delete,
        "has-drift": bool(plan.drift),
        "blocked": plan.blocked,
        "digest": plan.digest,
        "plan-file": plan_file,
    }
    tell_ci(values)
