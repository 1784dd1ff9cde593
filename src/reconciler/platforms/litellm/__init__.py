"""LiteLLM's proxy: model groups, their deployments and credentials, tried against version 1.106.2."""

from __future__ import annotations

from reconciler.platforms.litellm.platform import PLATFORM

__all__ = ["PLATFORM"]
