"""Only these rooms know a vendor."""

from __future__ import annotations

from reconciler.platforms.catalog import OpenablePlatform, find, names, of_gateway, vendors
from reconciler.platforms.codes import CODES

__all__ = ["CODES", "OpenablePlatform", "find", "names", "of_gateway", "vendors"]
