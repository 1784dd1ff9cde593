"""What an OpenAI-compatible gateway offers, as data: health, models, completions, nothing to configure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.capability import Capabilities
from reconciler.platforms.watching import ENDPOINT, VERIFY_ONLY

NAME = "openai"

CAPABILITIES = Capabilities(
    kinds={ENDPOINT: VERIFY_ONLY},
    dialect="openai",
    dialects={"http": "openai", "websocket": "openai-websocket"},
)

PATHS: Mapping[str, str] = {"token": "/oauth/token", "health": "/health", "models": "/v1/models"}
"""Defaults; a Gateway's `paths` overrides them by name. A token is fetched only where the Gateway has OAuth."""
