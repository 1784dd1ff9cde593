"""What smg offers, as data; seen on a running 1.13.0."""

from __future__ import annotations

from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.resource import Guard

NAME = "smg"
ENDPOINT = "Endpoint"

CAPABILITIES = Capabilities(
    kinds={
        ENDPOINT: KindCapability(
            guard=Guard.COMPARE,
            verify=True,
            write_only=("/spec/credentials/*/apiKey",),
            identity=("apiBase",),
            unique=("apiBase",),
        )
    },
    hands_on=True,
)

WORKERS = "/workers"

FIELDS = frozenset({"provider", "model", "apiBase", "credentials"})
CREDENTIAL_FIELDS = frozenset({"priority"})
MOST_PRIORITY = 2**32 - 1

LABEL = "reconciler."
"""What our labels on a worker begin with; they carry what a worker has no field for."""

OWN_NAME, OWN_KEY, OWN_MODEL, OWN_PROVIDER, OWN_WRITE = (
    LABEL + word for word in ("name", "key", "model", "provider", "write")
)

UNNAMED_KEY = "key"
"""What the one key of a worker is called that somebody else registered."""
