"""Speaking HTTP: the only room that does."""

from __future__ import annotations

from reconciler.transport.auth import BearerCredential, Credential, HeaderCredential, OAuthCredential
from reconciler.transport.client import Answer, Client, Repeat, Target, connect, encoded, segment
from reconciler.transport.paging import pages
from reconciler.transport.redact import redact

__all__ = [
    "Answer",
    "BearerCredential",
    "Client",
    "Credential",
    "HeaderCredential",
    "OAuthCredential",
    "Repeat",
    "Target",
    "connect",
    "encoded",
    "pages",
    "redact",
    "segment",
]
