"""How many tokens a model's context takes, prompt and answer together, as its provider publishes it.

A figure that a manifest gives (`contextTokens` in Pricing) goes before these. Deployments of Azure and models behind a
name of one's own have none here, nor has what this table does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

OPENAI = "https://platform.openai.com/docs/models"
ANTHROPIC = "https://docs.anthropic.com/en/docs/about-claude/models/overview"
GOOGLE = "https://ai.google.dev/gemini-api/docs/models"

WINDOWS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "gpt-3.5-turbo": (16_385, OPENAI),
        "gpt-3.5-turbo-0301": (4_096, OPENAI),
        "gpt-3.5-turbo-0613": (4_096, OPENAI),
        "gpt-4": (8_192, OPENAI),
        "gpt-4-32k": (32_768, OPENAI),
        "gpt-4-0125-preview": (128_000, OPENAI),
        "gpt-4-1106-preview": (128_000, OPENAI),
        "gpt-4-turbo": (128_000, OPENAI),
        "gpt-4o": (128_000, OPENAI),
        "gpt-4o-mini": (128_000, OPENAI),
        "gpt-4.1": (1_047_576, OPENAI),
        "gpt-4.1-mini": (1_047_576, OPENAI),
        "gpt-4.1-nano": (1_047_576, OPENAI),
        "o1": (200_000, OPENAI),
        "o3": (200_000, OPENAI),
        "o3-mini": (200_000, OPENAI),
        "o4-mini": (200_000, OPENAI),
        "claude-3-haiku": (200_000, ANTHROPIC),
        "claude-3-sonnet": (200_000, ANTHROPIC),
        "claude-3-opus": (200_000, ANTHROPIC),
        "claude-3-5-haiku": (200_000, ANTHROPIC),
        "claude-3-5-sonnet": (200_000, ANTHROPIC),
        "claude-3-7-sonnet": (200_000, ANTHROPIC),
        "gemini-1.5-flash": (1_048_576, GOOGLE),
        "gemini-1.5-pro": (2_097_152, GOOGLE),
        "gemini-2.0-flash": (1_048_576, GOOGLE),
    }
)
"""Tokens and source, by model."""

_PLACE = re.compile(r"^(?:[a-z0-9_-]+/|(?:[a-z]{2,6}\.)?(?:anthropic|openai)\.)+")
_DATED = re.compile(r"(?:-(?:\d{4}-\d\d-\d\d|\d{8}|latest|\d{4}|00[0-9]))?(?:-v\d+(?::\d+)?)?")


def window_of(model: str) -> int | None:
    """The context of a model, also by a dated name or one with its provider before it; None where it is not known."""
    plain = _PLACE.sub("", model)
    longest = max((name for name in WINDOWS if _is(plain, name)), key=len, default=None)
    return None if longest is None else WINDOWS[longest][0]


def _is(model: str, name: str) -> bool:
    return model.startswith(name) and _DATED.fullmatch(model, len(name)) is not None
