"""Safety: what is found in a text, and what becomes of it."""

from __future__ import annotations

from reconciler.inference.safety.screen import BUILT_IN, Screen, Screened, Verdict
from reconciler.inference.safety.spans import Detector, Span
from reconciler.inference.safety.stream import StreamScreen

__all__ = ["BUILT_IN", "Detector", "Screen", "Screened", "Span", "StreamScreen", "Verdict"]
