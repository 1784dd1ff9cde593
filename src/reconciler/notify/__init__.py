"""Telling other systems, by the Standard Webhooks convention."""

from __future__ import annotations

from reconciler.notify.codes import CODES
from reconciler.notify.webhook import Message, UnusableSecret, deliver, signature

__all__ = ["CODES", "Message", "UnusableSecret", "deliver", "signature"]
