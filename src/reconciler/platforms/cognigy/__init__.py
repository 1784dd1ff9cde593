"""Cognigy.AI: providers as its contract was given, not verified against a live organisation."""

from __future__ import annotations

from reconciler.platforms.cognigy.platform import PLATFORM

__all__ = ["PLATFORM"]
