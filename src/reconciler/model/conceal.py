"""Take secrets out of what comes from elsewhere, and out of what a person wrote in the wrong place. Pure.

| a text                     | is rid of                                                              |
|----------------------------|------------------------------------------------------------------------|
| a message of a gateway     | every known secret of 4 characters or more, however encoded, and keys  |
| data of a gateway          | every known secret of 12 characters or more, as it stands or in a URL  |
| a finding about a manifest | what looks like a key                                                  |

Data are compared with manifests: a short client id that is also an everyday word must not change what is planned.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from reconciler.model.secret import MASK, SecretValue

SHORTEST = 4
SHORTEST_IN_DATA = 12
HIDDEN = "(hidden)"

_LOOKS_SECRET = re.compile(r"(?i)(?<![\w-])(sk-[\w=+/.-]{6,}|bearer\s+[\w=+/.-]{6,}|whsec_[\w=+/]{6,})")

_KEYS = re.compile(
    r"""(?x) (?<![\w-]) (?:
      sk-[\w=+/.-]{6,} | (?:sk|rk|pk)_(?:live|test|prod)_\w{6,} | whsec_[\w=+/]{6,}
      | (?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\S* | ABSK[\w+/]{20,}={0,2} | AIza[\w-]{20,}
      | (?:gh[opsur]_|github_pat_|glpat-|gsk_|hf_|xai-|pplx-|r8_)\w{16,} | xox[abeprs]-[\w-]{8,}
      | eyJ[\w-]{8,}\.[\w.-]+
      | (?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{32,}(?!\w)
      | (?=\w*[a-z])(?=\w*[A-Z])(?=\w*[0-9])[A-Za-z0-9]{36,}(?!\w)
    )"""
)
"""What providers, clouds and forges give out as keys, and what only chance writes."""


def looks_like_key(text: str) -> bool:
    """Whether a text is a key by all appearances, and so no name, path or word of a command."""
    return _KEYS.match(text) is not None


def key_in(text: str) -> int | None:
    """Where something begins that looks like a key; None where nothing does."""
    found = _KEYS.search(text)
    return None if found is None else found.start()


def without_keys(text: str) -> str:
    """A text with all that looks like a key hidden: a manifest's author may have typed one anywhere."""
    return _KEYS.sub(HIDDEN, text)


class Concealer:
    """Knows secrets, and takes them out of texts. `add` as they become known."""

    def __init__(self, secrets: Iterable[SecretValue] = ()) -> None:
        self._forms: dict[str, None] = {}
        self._plain: dict[str, None] = {}
        self._ordered: tuple[str, ...] | None = None
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return "Concealer()"

    def add(self, secret: SecretValue) -> None:
        """From now on this one is concealed too."""
        text = secret.reveal()
        if len(text) >= SHORTEST:
            self._forms |= dict.fromkeys(_forms(text))
            self._ordered = None
        if len(text) >= SHORTEST_IN_DATA:
            self._plain |= dict.fromkeys((text, quote(text, safe="")))

    def forget(self) -> None:
        """Know none any more."""
        self._forms.clear()
        self._plain.clear()
        self._ordered = None

    def message(self, text: str) -> str:
        """What somebody says, without secrets and what looks like one."""
        if self._ordered is None:
            self._ordered = tuple(sorted(self._forms, key=len, reverse=True))
        return _LOOKS_SECRET.sub(MASK, _without(text, self._ordered))

    def data(self, text: str) -> str:
        """A value, without secrets that are known."""
        return _without(text, self._plain)


def redact(text: str, secrets: Iterable[SecretValue]) -> str:
    """Replace every known secret, however encoded, and whatever looks like a key."""
    return Concealer(secrets).message(text)


def _without(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        if form in text:
            text = text.replace(form, MASK)
    return text


def _forms(secret: str) -> Iterator[str]:
    """As it stands, in JSON, in a URL, in HTML, in base64: alone, and as a part of something longer (Basic's pair)."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(json.dumps(secret)[1:-1])[1:-1]
    yield html.escape(secret)
    quoted = {quote(secret, safe=""), quote_plus(secret), quote(secret)}
    for form in quoted:
        yield from (form, re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), form), quote(form, safe=""))
    for form in {secret, *quoted}:
        yield from _encoded(form.encode())


def _encoded(content: bytes) -> Iterator[str]:
    """In base64, behind none, one or two bytes of something else: what depends on the neighbours is left out."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + content)
        end = (before + len(content)) * 8 // 6
        core = whole[(before * 8 + 5) // 6 : end].decode()
        if len(core) >= SHORTEST + 2:
            yield core
            yield core.replace("+", "-").replace("/", "_")
