"""Where things stand by a plan: the one place that decides it, for exit codes and every kind of report alike.

| all was read | errors found | something differs | as a plan | as a look for drift |
|--------------|--------------|-------------------|-----------|---------------------|
| no           | any          | any               | unseen    | unseen              |
| yes          | yes          | yes               | blocked   | differs             |
| yes          | yes          | no                | blocked   | blocked             |
| yes          | no           | yes               | differs   | differs             |
| yes          | no           | no                | in step   | in step             |

An error may keep an object from being compared at all, so that silence about the others proves nothing: only what is
in step may be called unchanged. Whoever looks for drift does not apply, so that errors do not outweigh what was found.
What was written and never proved to work is counted as something that differs: it is not known to be good. Where a run
was told not to ask, nothing was found, so that there is a finding and no difference.
"""

from __future__ import annotations

from enum import StrEnum

from reconciler.model.plan import Plan
from reconciler.planning.cause import unapplied


class Standing(StrEnum):
    """How what is live stands to what is wanted."""

    UNSEEN = "unseen"
    BLOCKED = "blocked"
    DIFFERS = "differs"
    IN_STEP = "in step"


def standing_of_plan(plan: Plan) -> Standing:
    """Of a plan that somebody may want to apply."""
    if not plan.complete:
        return Standing.UNSEEN
    if plan.blocked:
        return Standing.BLOCKED
    return Standing.IN_STEP if plan.empty and not plan.unproved else Standing.DIFFERS


def standing_of_drift(plan: Plan) -> Standing:
    """Of a look for drift."""
    if not plan.complete:
        return Standing.UNSEEN
    if plan.drift or unapplied(plan) or plan.unproved:
        return Standing.DIFFERS
    return Standing.BLOCKED if plan.blocked else Standing.IN_STEP


def is_whole(plan: Plan) -> bool:
    """Whether everything was read and could be compared: what is not listed then is as it should be."""
    return plan.complete and not plan.blocked
