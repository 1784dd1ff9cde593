"""Manifests: strict YAML with positions, patches and references, to what is desired."""

from __future__ import annotations

from reconciler.manifest.codes import CODES
from reconciler.manifest.files import everything
from reconciler.manifest.load import load, read_settings, source_line, taken
from reconciler.manifest.read import LoadOptions
from reconciler.manifest.rewrite import Rewritten, Wish, rewritten

__all__ = [
    "CODES",
    "LoadOptions",
    "Rewritten",
    "Wish",
    "everything",
    "load",
    "read_settings",
    "rewritten",
    "source_line",
    "taken",
]
