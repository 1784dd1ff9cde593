"""Nothing is written that was not approved: an approval is an intent digest."""

from __future__ import annotations

from reconciler.errors import Blocked
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Plan


def require_applicable(plan: Plan) -> None:
    """Raise Blocked for a plan that is incomplete or carries errors."""
    errors = [d for d in plan.diagnostics if d.severity is Severity.ERROR]
    if not plan.complete:
        raise Blocked("the plan is incomplete: a gateway could not be read, so it cannot be applied", errors)
    if errors:
        raise Blocked(f"the plan is blocked by {len(errors)} finding(s)", errors)


def require_same_intent(approved: Plan, fresh: Plan) -> None:
    """Raise Blocked when planning again gives other changes than the approved ones."""
    if fresh.empty or approved.digest == fresh.digest:
        return
    raise Blocked(
        "the approved plan no longer matches",
        [
            Diagnostic(
                Severity.ERROR,
                "ENGINE002",
                "the approved plan no longer matches",
                f"approved {approved.digest}, planning again gives {fresh.digest}: "
                "look at the new plan and approve that one.",
            )
        ],
    )
