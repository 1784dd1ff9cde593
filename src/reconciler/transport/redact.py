"""Take secrets out of a text that comes from elsewhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from reconciler.model.secret import MASK, SecretValue

_LOOKS_SECRET = re.compile(r"(?i)(?<![\w-])(sk-[\w=+/.-]{6,}|bearer\s+[\w=+/.-]{6,}|whsec_[\w=+/]{6,})")
SHORTEST = 4


def redact(text: str, secrets: Iterable[SecretValue]) -> str:
    """Replace every known secret, however encoded, and whatever looks like a key."""
    forms = sorted({form for secret in secrets for form in _forms(secret.reveal())}, key=len, reverse=True)
    for form in forms:
        text = text.replace(form, MASK)
    return _LOOKS_SECRET.sub(MASK, text)


def _forms(secret: str) -> Iterable[str]:
    if len(secret) < SHORTEST:
        return ()
    written = json.dumps(secret)[1:-1]
    raw = json.dumps(secret, ensure_ascii=False)[1:-1]
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, written, raw, quote(secret, safe=""), quote_plus(secret), encoded, encoded.rstrip("=")}
