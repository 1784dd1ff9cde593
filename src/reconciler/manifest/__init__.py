"""Manifests: strict YAML with positions, patches and references, to what is desired."""

from __future__ import annotations

from reconciler.manifest.codes import CODES
from reconciler.manifest.load import load, read_settings, source_line, taken
from reconciler.manifest.read import LoadOptions

__all__ = ["CODES", "LoadOptions", "load", "read_settings", "source_line", "taken"]
