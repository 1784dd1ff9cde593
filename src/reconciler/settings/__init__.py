"""How the tool is run: flags > environment > reconciler.yaml, as one frozen value."""

from __future__ import annotations

from reconciler.settings.codes import CODES
from reconciler.settings.values import FILE, Settings, Webhook, load_settings, settings_file

__all__ = ["CODES", "FILE", "Settings", "Webhook", "load_settings", "settings_file"]
