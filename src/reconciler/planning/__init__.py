"""Thinking: from what is desired, applied and live to a plan. Pure."""

from __future__ import annotations

from reconciler.planning.cause import (
    drift_causes,
    field_cause,
    planned_causes,
    planned_field_cause,
    unapplied,
    waiting_cause,
    waiting_causes,
)
from reconciler.planning.codes import CODES
from reconciler.planning.dates import due
from reconciler.planning.decide import change_for, equivalent
from reconciler.planning.diff import prepare
from reconciler.planning.digest import (
    GATEWAY,
    approved,
    approved_destinations,
    change_digest,
    intent_digest,
    observed_digest,
)
from reconciler.planning.findings import twins
from reconciler.planning.gateways import (
    NO_RECORD,
    Admits,
    Destination,
    Recorded,
    first_seen,
    gateway_changes,
    held,
    is_allowed,
    looking,
    needs_decision,
    new_destinations,
    objects_of,
    recorded_for,
    settlements,
    undecided,
    undeclared,
    unlooked,
)
from reconciler.planning.ignored import blended, left_alone
from reconciler.planning.keys import misplaced
from reconciler.planning.match import live_objects, matched
from reconciler.planning.outcome import (
    WHOLE,
    apart,
    as_lives,
    earlier_refs,
    earlier_resource,
    entry_for,
    residue,
    sent_before,
)
from reconciler.planning.ownership import Ownership, located, owned, readdressed, with_first_id
from reconciler.planning.planner import make_plan
from reconciler.planning.policy import offline_findings, secret_findings
from reconciler.planning.rotation import Rotations, rotated, unreviewed
from reconciler.planning.secretdiff import Numbering, unsent
from reconciler.planning.standing import Standing, is_whole, standing_of_drift, standing_of_plan
from reconciler.planning.world import ALLOWANCES, Context, PlanOptions, World, world_of

__all__ = [
    "ALLOWANCES",
    "CODES",
    "GATEWAY",
    "NO_RECORD",
    "WHOLE",
    "Admits",
    "Context",
    "Destination",
    "Numbering",
    "Ownership",
    "PlanOptions",
    "Recorded",
    "Rotations",
    "Standing",
    "World",
    "apart",
    "approved",
    "approved_destinations",
    "as_lives",
    "blended",
    "change_digest",
    "change_for",
    "drift_causes",
    "due",
    "earlier_refs",
    "earlier_resource",
    "entry_for",
    "equivalent",
    "field_cause",
    "first_seen",
    "gateway_changes",
    "held",
    "intent_digest",
    "is_allowed",
    "is_whole",
    "left_alone",
    "live_objects",
    "located",
    "looking",
    "make_plan",
    "matched",
    "misplaced",
    "needs_decision",
    "new_destinations",
    "objects_of",
    "observed_digest",
    "offline_findings",
    "owned",
    "planned_causes",
    "planned_field_cause",
    "prepare",
    "readdressed",
    "recorded_for",
    "residue",
    "rotated",
    "secret_findings",
    "sent_before",
    "settlements",
    "standing_of_drift",
    "standing_of_plan",
    "twins",
    "unapplied",
    "undecided",
    "undeclared",
    "unlooked",
    "unreviewed",
    "unsent",
    "waiting_cause",
    "waiting_causes",
    "with_first_id",
    "world_of",
]
