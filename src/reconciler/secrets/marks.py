"""Whose key a value is, where it says so itself.

Only what one provider alone puts into its keys counts, and all of it is public: secret scanners look for the same. A
key without a mark may be anybody's: Azure's, a gateway's own, one of next year. Used to warn, never to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.model.secret import SecretValue

_MARKS: Mapping[str, re.Pattern[str]] = {
    "anthropic": re.compile(r"sk-ant-\S+"),
    "openai": re.compile(r"sk-(proj|svcacct|admin)-\S+|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    "bedrock": re.compile(
        r"(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(:\S+)?|ABSK[A-Za-z0-9+/]{109,269}={0,2}|bedrock-api-key-\S+"
    ),
}


def marked(value: SecretValue) -> str | None:
    """The provider whose mark the value bears."""
    text = value.reveal()
    return next((provider for provider, mark in _MARKS.items() if mark.fullmatch(text)), None)
