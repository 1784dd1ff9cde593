"""Doing: read `pipeline.py` from top to bottom."""

from __future__ import annotations

from reconciler.engine.adopt import Survey, adopted, as_it_lives, expressible, survey, taking_over
from reconciler.engine.assembly import (
    ApplyOptions,
    Assembly,
    OnFailure,
    Planned,
    Site,
    Verification,
    concerned,
    select,
)
from reconciler.engine.clock import SystemClock
from reconciler.engine.failing import with_checks
from reconciler.engine.pipeline import apply, plan, snapshot, verify

__all__ = [
    "ApplyOptions",
    "Assembly",
    "OnFailure",
    "Planned",
    "Site",
    "Survey",
    "SystemClock",
    "Verification",
    "adopted",
    "apply",
    "as_it_lives",
    "concerned",
    "expressible",
    "plan",
    "select",
    "snapshot",
    "survey",
    "taking_over",
    "verify",
    "with_checks",
]
