"""NICE CXone: endpoint management as its contract was given, not verified against a live tenant."""

from __future__ import annotations

from reconciler.platforms.cxone.platform import PLATFORM

__all__ = ["PLATFORM"]
