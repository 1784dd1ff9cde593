"""Genesys Cloud: one call to ask a model, as its contract was given, not verified against a live organisation."""

from __future__ import annotations

from reconciler.platforms.genesys.platform import PLATFORM

__all__ = ["PLATFORM"]
