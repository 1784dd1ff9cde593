"""Numbers as people type them: digits of any script, with the separators that look like nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Characters of no width: a number that holds them reads as one."""

DASHES = "\\-\u2010-\u2015\u2212\uff0d"
BLANKS = " \t\u00a0\u2007\u2009\u202f\u3000"
GAP = rf"[{BLANKS}{DASHES}.{INVISIBLE}]"

_CHAIN = re.compile(rf"\d(?:{GAP}{{0,2}}+\d)*+")
_GROUP = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Group:
    """Digits without anything between them. `text` is in ASCII."""

    start: int
    end: int
    text: str


def chains(text: str) -> Iterator[tuple[Group, ...]]:
    """Runs of digit groups that at most two separators part, longest first from the left."""
    for chain in _CHAIN.finditer(text):
        yield tuple(
            Group(found.start(), found.end(), ascii_digits(found[0]))
            for found in _GROUP.finditer(text, chain.start(), chain.end())
        )


def ascii_digits(text: str) -> str:
    """The digits of a text, of whatever script, as 0 to 9."""
    if text.isascii() and text.isdigit():
        return text
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())


def is_beside(text: str, position: int, test: re.Pattern[str]) -> bool:
    """Whether the character at `position` exists and matches."""
    return 0 <= position < len(text) and test.match(text[position]) is not None
