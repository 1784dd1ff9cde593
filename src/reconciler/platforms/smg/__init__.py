"""Shepherd Model Gateway (smg): workers, written asynchronously and settled by reading. Run against 1.13.0."""

from __future__ import annotations

from reconciler.platforms.smg.platform import PLATFORM

__all__ = ["PLATFORM"]
