"""The bot router: webhooks of bot platforms in, models' answers out, within a deadline and whatever happens."""

from __future__ import annotations

from reconciler.router.codes import CODES
from reconciler.router.signature import UnfitSecret, Verifier, verifier
from reconciler.router.table import Bound, Table, bound, warm

__all__ = ["CODES", "Bound", "Table", "UnfitSecret", "Verifier", "bound", "verifier", "warm"]
