"""A gateway that speaks like OpenAI: health, models, completions."""

from __future__ import annotations

from reconciler.platforms.openai.platform import PLATFORM

__all__ = ["PLATFORM"]
