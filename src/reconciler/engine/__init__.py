"""Doing: read `pipeline.py` from top to bottom."""

from __future__ import annotations

from reconciler.engine.assembly import (
    ApplyOptions,
    Assembly,
    OnFailure,
    Planned,
    Site,
    Verification,
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
    "SystemClock",
    "Verification",
    "apply",
    "plan",
    "select",
    "snapshot",
    "verify",
    "with_checks",
]
