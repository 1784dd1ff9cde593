"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "NOTIFY001": (
        "A webhook was not delivered: its host is not allowed by the settings, its secret is missing or is no Standard "
        "Webhooks secret (base64, with or without `whsec_` before it), or the receiver did not answer with a 2xx. It "
        "is tried again under the same `webhook-id` while that may help. The report and the exit code are not touched."
    ),
}
