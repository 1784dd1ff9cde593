"""Dates of birth: a date that exists, beside words that say so. A date alone is an appointment.

::

    in the same sentence                                           of birth
    a word for it, then a date, nothing else's in between          the first date
    a date, at most three small words, then a word for it          that date
    both                                                           the later, unless a comma or an "and" ends the first
"""

# ruff: noqa: RUF001 - signs of other scripts are meant

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from reconciler.inference.safety.birth_words import BEFORE_ONLY, BORN, OTHER, SHORT, TIED
from reconciler.inference.safety.dates import Offsets, dates
from reconciler.inference.safety.digits import narrow
from reconciler.inference.safety.spans import Span, label

NAME = "date-of-birth"
CONTEXT = 48
BEHIND = 32
"""Characters between a date and the word after it."""

SHORTEST = 8
SHORTEST_WORD = 2
"""Fewer characters between a word and a date are a colon and a blank."""

_TAKEN = label(NAME)
_ENDS = re.compile(r"[.!?;\n]\s|[。！？]|REDACTED\]")
_GAP = re.compile(r"(?:['’-]\w{1,4}+|\.)?\s?+(?:[\w'’]{1,20}+\.?+\s?+){0,3}+[(:=–-]?\s?")
_COPULA = re.compile(r"\s(?:is|was|ist|war|est|es|é|è|är|jest|is)\s", re.IGNORECASE)
_FOR = re.compile(r"\b(?:for|with|to|of|für|mit|zur|zum|para|pour|per|con)\b", re.IGNORECASE)
_APART = re.compile(r"[,;、，；]|\b(?:and|but|und|et|y|e|og|och|en|i|ve|и)\b", re.IGNORECASE)


class BirthdateDetector:
    """Implements Detector for dates of birth, in figures, by an era or with a month's name in many languages."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """The date beside each word for a birth, in the same sentence."""
        plain = narrow(text)
        lower = _lower(plain)
        places = dates(plain, lower)
        if not places:
            return ()
        if _TAKEN in plain:  # a date that was taken out before still belongs to its word
            places = sorted([*places, *(found.span() for found in re.finditer(re.escape(_TAKEN), plain))])
        chosen = {*_said(plain, lower, places), *_tied(plain, places)}
        return [Span(start, end, NAME) for start, end in sorted(chosen) if plain[start] != "["]


def _said(text: str, lower: str, places: Sequence[Offsets]) -> Iterator[Offsets]:
    """The date of each word for a birth."""
    for word in BORN.finditer(lower):
        later = _later(text, places, word.end())
        earlier = _earlier(text, places, word)
        if later and earlier:
            yield earlier if _APART.search(text, word.end(), later[0]) else later
        elif later or earlier:
            yield later or earlier or (0, 0)


def _tied(text: str, places: Sequence[Offsets]) -> Iterator[Offsets]:
    """Dates with a sign of one or two letters directly beside them."""
    for start, end in places:
        if SHORT.search(text[max(0, start - SHORTEST) : start]) or TIED.match(text, end):
            yield start, end


def _later(text: str, places: Sequence[Offsets], end: int) -> Offsets | None:
    at = bisect_left(places, (end, 0))
    if at == len(places) or places[at][0] > end + CONTEXT:
        return None
    start = places[at][0]
    if start - end < SHORTEST_WORD:
        return places[at]
    if _ENDS.search(text, end + text.startswith(".", end), start) or OTHER.search(text, end, start):
        return None
    return places[at]


def _earlier(text: str, places: Sequence[Offsets], word: re.Match[str]) -> Offsets | None:
    at = bisect_right(places, (word.start(), 0)) - 1
    if at < 0 or not 0 <= word.start() - places[at][1] <= BEHIND:
        return None
    gap = text[places[at][1] : word.start()]
    if not _GAP.fullmatch(gap) or any(words.search(gap) for words in (OTHER, _APART, _FOR)):
        return None
    if BEFORE_ONLY.fullmatch(word[0]) and not _COPULA.match(gap):
        return None
    return places[at]


def _lower(text: str) -> str:
    """In lower case, every place as it was."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(sign.lower()[0] for sign in text)
