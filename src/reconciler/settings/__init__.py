"""How the tool is run: flags > environment > reconciler.yaml, as one frozen value."""

from __future__ import annotations

from reconciler.settings.codes import CODES
from reconciler.settings.values import Settings, Webhook, load_settings

__all__ = ["CODES", "Settings", "Webhook", "load_settings"]
