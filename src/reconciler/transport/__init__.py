"""Speaking HTTP: the only room that does."""

from __future__ import annotations

from httpx import AsyncBaseTransport

from reconciler.model.conceal import redact
from reconciler.transport.auth import BearerCredential, Credential, HeaderCredential, OAuthCredential
from reconciler.transport.client import Answer, Client, Repeat, Target, connect, encoded, segment
from reconciler.transport.paging import pages
from reconciler.transport.patience import Patience
from reconciler.transport.retry import Backoff
from reconciler.transport.stream import Stream
from reconciler.transport.waiting import Waiting

__all__ = [
    "Answer",
    "AsyncBaseTransport",
    "Backoff",
    "BearerCredential",
    "Client",
    "Credential",
    "HeaderCredential",
    "OAuthCredential",
    "Patience",
    "Repeat",
    "Stream",
    "Target",
    "Waiting",
    "connect",
    "encoded",
    "pages",
    "redact",
    "segment",
]
