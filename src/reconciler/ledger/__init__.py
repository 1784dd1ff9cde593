"""Remembering: what was last applied, and what ever happened."""

from __future__ import annotations

from reconciler.ledger.audit import AuditReport, open_audit, parts_of, verify_audit
from reconciler.ledger.codes import CODES
from reconciler.ledger.opening import open_ledger

__all__ = ["CODES", "AuditReport", "open_audit", "open_ledger", "parts_of", "verify_audit"]
