"""The platform turnstile. What `pyproject.toml` names as entry point is `PLATFORM`."""

from __future__ import annotations

from reconciler_turnstile.platform import PLATFORM

__all__ = ["PLATFORM"]
