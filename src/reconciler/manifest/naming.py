"""Names for what has none that the language would take: valid, unique, and the same every time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from reconciler.kinds.base import NAME

LONGEST = 63
_VALID = re.compile(NAME)


def is_name(text: str) -> bool:
    """Whether a text can stand as metadata.name."""
    return _VALID.fullmatch(text) is not None and "\n" not in text


def slug(text: str, otherwise: str) -> str:
    """The nearest valid name; `otherwise`, a valid name, where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-") or otherwise


def variable(*parts: str) -> str:
    """The name of an environment variable made of these words."""
    words = (re.sub(r"[^A-Z0-9]+", "_", part.upper()).strip("_") for part in parts)
    name = "_".join(word for word in words if word)
    return f"_{name}" if not name or name[0].isdigit() else name


class Unique:
    """Hands out each name once, with a number behind it where it is taken."""

    def __init__(self, taken: Iterable[str], separator: str, longest: int = 200) -> None:
        self._taken = set(taken)
        self._separator = separator
        self._longest = longest

    def take(self, name: str) -> str:
        """The name, or the first free one with a number."""
        found, number = name[: self._longest], 1
        while found in self._taken:
            number += 1
            tail = f"{self._separator}{number}"
            found = name[: self._longest - len(tail)].rstrip(self._separator) + tail
        self._taken.add(found)
        return found
