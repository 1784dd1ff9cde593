"""Cognigy.AI's published REST API: connections, large language models, project settings. Not run against a tenant."""

from __future__ import annotations

from reconciler.platforms.cognigy_rest.platform import PLATFORM

__all__ = ["PLATFORM"]
