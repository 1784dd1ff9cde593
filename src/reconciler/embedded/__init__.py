"""A gateway in a box: the quick start, the counterpart of the conformance tests, the fault bench."""

from __future__ import annotations

from reconciler.embedded.faults import FaultPlan
from reconciler.embedded.server import serve, serve_forever

__all__ = ["FaultPlan", "serve", "serve_forever"]
