"""Secrets by reference, by value, by fingerprint and by hint: four types that never mix."""

from __future__ import annotations

import hmac
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


def hint_of(text: str) -> str:
    """What a platform commonly reveals of a stored secret: its last four characters."""
    return text[-4:]


def is_header_text(value: str) -> bool:
    """Whether a value can stand in a header as it is."""
    return value.isascii() and value.isprintable() and value == value.strip()
