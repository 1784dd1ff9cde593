"""Why something on a gateway is not what was last applied."""

from __future__ import annotations

from enum import StrEnum


class DriftCause(StrEnum):
    """Why an object or a field differs, in the words that every format shows."""

    EDITED = "out-of-band edit"
    SECRET = "secret replaced"  # noqa: S105 - the name of a cause
    DELETED = "deleted out of band"
    FAILING = "failing check"
    UNAPPLIED = "merged but not applied"
    UNCOMMITTED = "edited in the working tree, not committed"
    DECLARED = "declared but not applied"
    ROTATED = "secret rotated but not applied"
    DEFAULT = "server default"
