"""Secrets: the only room that holds a value."""

from __future__ import annotations

from reconciler.secrets.codes import CODES
from reconciler.secrets.resolver import SecretVault, open_vault
from reconciler.secrets.rules import SecretRules

__all__ = ["CODES", "SecretRules", "SecretVault", "open_vault"]
