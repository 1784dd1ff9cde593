"""Whose key a value is, where it says so itself, and whether it looks like a key of its provider at all.

A mark is what one provider alone puts into its keys, and all of it is public: secret scanners look for the same. A key
without a mark may be anybody's: Azure's, a gateway's own, one of next year. Used to warn, never to refuse, and in words
that hold no character of a value.

| provider              | mark                                          | shortest | form of its own      |
|-----------------------|-----------------------------------------------|---------:|----------------------|
| openai                | `sk-proj-`, `sk-svcacct-`, `sk-admin-`, …     |       20 | begins with `sk-`    |
| anthropic             | `sk-ant-`                                     |       40 | its mark             |
| google, gemini        | `AIza` and 35 characters                      |       39 |                      |
| azure                 |                                               |       32 | 32 hex, 84 characters|
| bedrock               | `AKIA`, `ASIA`, …, `ABSK`, `bedrock-api-key-` |       20 |                      |
| groq                  | `gsk_`                                        |       20 | its mark             |
| huggingface           | `hf_`                                         |       20 | its mark             |
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
    "google": re.compile(r"AIza[A-Za-z0-9_-]{35}"),
    "groq": re.compile(r"gsk_[A-Za-z0-9]{20,}"),
    "huggingface": re.compile(r"hf_[A-Za-z0-9]{20,}"),
}
_SHORTEST: Mapping[str, int] = {
    "openai": 20,
    "anthropic": 40,
    "google": 39,
    "azure": 32,
    "bedrock": 20,
    "groq": 20,
    "huggingface": 20,
}
_BEGINNINGS: Mapping[str, str] = {"openai": "sk-", "anthropic": "sk-ant-", "groq": "gsk_", "huggingface": "hf_"}
_OF_AZURE = re.compile(r"[0-9a-f]{32}|[A-Za-z0-9]{84}")


def marked(value: SecretValue) -> str | None:
    """The provider whose mark the value bears."""
    text = value.reveal()
    return next((provider for provider, mark in _MARKS.items() if mark.fullmatch(text)), None)


def misfit(value: SecretValue, provider: str) -> str | None:
    """Why a value hardly is a key of a provider, in words without a character of it; None where it may be."""
    text, shortest = value.reveal(), _SHORTEST.get(provider)
    if shortest is None:
        return None
    if len(text) < shortest:
        return f"is shorter than any key of {provider}, which have {shortest} characters at least"
    if provider in _BEGINNINGS and not text.startswith(_BEGINNINGS[provider]) and _OF_AZURE.fullmatch(text):
        return f"has the form of Azure's keys, and those of {provider} begin with {_BEGINNINGS[provider]}"
    return None
