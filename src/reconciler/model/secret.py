"""Secrets by reference, by value, by fingerprint and by hint: four types that never mix."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Never

MASK = "(secret)"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is: ``env`` NAME, ``file`` path, or ``command`` words.

    `locator` has one item for env and file, the words of the command otherwise. A reference is
    not secret: it stands in manifests, plans and logs. `expires_on` is what a person noted about the secret, and no
    part of where it is: two references that differ in it alone are equal.
    """

    source: str
    locator: tuple[str, ...]
    expires_on: date | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.source}:{' '.join(self.locator)}"

    @classmethod
    def parse(cls, text: str) -> SecretRef | None:
        """Read ``env:NAME`` or ``file:path`` back; None for a command, whose words cannot be told apart any more."""
        source, colon, locator = text.partition(":")
        return cls(source, (locator,)) if colon and locator and source in {"env", "file"} else None


class SecretValue:
    """A secret in memory. It cannot be printed, formatted, pickled, copied or serialised.

    `reveal()` is the one way to the text; only the transport and the wire conversion of a platform
    call it, at the moment of sending.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text itself. Do not store, log or format the result."""
        return self.__text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretValue):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash table of secrets would keep them alive

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> Never:
        raise TypeError("a secret value cannot be pickled or copied")


class Fingerprint(NamedTuple):
    """Our keyed hash of a secret: HMAC-SHA256, hex; `key_id` names the key it was made with.

    Equal digests under one key id mean equal secrets. Under different key ids nothing is known.
    """

    key_id: str
    digest: str


_MASKS = re.compile(
    r"""(?ix) \S*[*•●█]{3,}\S*                                    # ****abcd, sk-****, ab****cd
      | [*•●█]+                                                   # * and **
      | \S{0,8}(?:\.{3,}|…)[a-z0-9]{2,8}                          # sk-...1111
      | (?:[a-z]{1,4}[-_])?x{4,}[-_]?[a-z0-9]{0,4}                # sk-xxxxxxxx
      | (?:\S*[^a-z0-9\s])?redacted(?:[^a-z0-9\s]\S*)?           # REDACTED, [REDACTED], <redacted:key>
      | [\[<({]+\s*(?:secret|masked|hidden|sensitive|filtered|redacted|concealed|removed|omitted)\b.*
    """
)
"""What gateways, proxies and this tool show in place of a secret."""

_STAND_INS = re.compile(r"(?i)none|null|nil|undefined|n/a|hidden|masked|\.+|os\.environ/.*")
"""What programs print that have no secret; and the reference that LiteLLM shows, and resolves, in place of a key."""


def is_mask(text: str) -> bool:
    """Whether a text stands for a secret instead of being one. Sent as a key, it would take the place of the key."""
    return _MASKS.fullmatch(text.strip()) is not None


_BREAKS = frozenset("\r\n\v\f\x85\u2028\u2029")
_QUOTES = tuple("\"'`\u2018\u2019\u201c\u201d")
_LAST_OF_LATIN_1 = 0xFF

_FAULTS: Sequence[tuple[Callable[[str], object], str]] = (
    (lambda text: not text.strip(), "it is empty"),
    (_BREAKS.intersection, "it holds a line break"),
    (lambda text: text != text.strip(), "it has blanks at its ends"),
    (lambda text: text.startswith(_QUOTES) or text.endswith(_QUOTES), "it has quotes at its ends"),
    (is_mask, "it is a mask, as a gateway shows it, and no secret"),
    (_STAND_INS.fullmatch, "it stands for a secret, and is none"),
    (lambda text: not text.replace(" ", "").isprintable(), "it holds a character that shows nothing"),
    (lambda text: any(ord(c) > _LAST_OF_LATIN_1 for c in text), "it holds a character that is not in Latin-1"),
)
"""What a value cannot be that is the secret which is meant; a paste, a file or a job brings it about."""


def unfit(text: str) -> str | None:
    """Why a value cannot be the secret that is meant, in words without a character of it; None where it can be."""
    return next((words for is_wrong, words in _FAULTS if is_wrong(text)), None)


def hint_of(text: str) -> str:
    """What a platform commonly reveals of a stored secret: its last four characters."""
    return text[-4:]


def is_header_text(value: str) -> bool:
    """Whether a value can stand in a header as it is."""
    return value.isascii() and value.isprintable() and value == value.strip()
