"""Blocked terms, as whole words: "exploit" is not in "exploitation", and "self-harm" is in "self  harm".

Words are compared without case and in one Unicode form, so that ﬁ, İ, full-width letters and letters with marks of no
width do not slip through. Scripts without blanks between words are compared sign by sign.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.inference.safety.digits import INVISIBLE, UNSPACED
from reconciler.inference.safety.spans import Span

NAME = "blocked-term"
LONGEST_WORD = 128
"""Characters of one word that are compared; the rest of a longer one is another word."""

LONGEST_GAP = 8

_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0962\u0963"
_LETTER = rf"(?![{UNSPACED}])[^\W_]"
_WORD = re.compile(rf"[{UNSPACED}]|(?:{_LETTER})(?:{_LETTER}|[{_MARKS}{INVISIBLE}]){{0,{LONGEST_WORD - 1}}}")
_GAP = re.compile(rf"[\s_\-\u2010-\u2015'’{INVISIBLE}]{{0,{LONGEST_GAP}}}\Z")
_INVISIBLE = str.maketrans("", "", INVISIBLE)


@dataclass(slots=True)
class _Node:
    """A place in the tree of terms: what may follow, and whether a term ends here."""

    follows: dict[str, _Node] = field(default_factory=dict)
    is_end: bool = False


class TermDetector:
    """Implements Detector for an operator's own words."""

    name = NAME

    def __init__(self, terms: Iterable[str]) -> None:
        self._tree = _Node()
        self.longest = 1
        for term in terms:
            self._add([fold(found[0]) for found in _WORD.finditer(term)])

    def find(self, text: str) -> Sequence[Span]:
        """Every term; where several begin at one word, the longest."""
        if not self._tree.follows:
            return ()
        places = [found.span() for found in _WORD.finditer(text)]
        words = _folded(text, places)
        firsts = (at for at, word in enumerate(words) if word in self._tree.follows)
        ends = ((at, self._end(text, places, words, at)) for at in firsts)
        return [Span(places[at][0], places[end][1], NAME) for at, end in ends if end >= at]

    def _add(self, words: Sequence[str]) -> None:
        node = self._tree
        for word in words:
            node = node.follows.setdefault(word, _Node())
        node.is_end = bool(words)
        self.longest = max(self.longest, len(words))

    def _end(self, text: str, places: Sequence[tuple[int, int]], words: Sequence[str], at: int) -> int:
        """The last word of the longest term that begins with the word `at`; -1 when none does."""
        node = self._tree.follows.get(words[at])
        end = -1
        while node:
            end = at if node.is_end else end
            at += 1
            if not node.follows or at == len(words) or not _is_gap(text[places[at - 1][1] : places[at][0]]):
                break
            node = node.follows.get(words[at])
        return end


def fold(word: str) -> str:
    """The form in which words are compared."""
    plain = word.translate(_INVISIBLE)
    if plain.isascii():
        return plain.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())


def last_words(text: str, count: int) -> int:
    """Where the last `count` words of a text begin: a term could still go on from there."""
    starts = [found.start() for found in _WORD.finditer(text)][-count:]
    return starts[0] if starts else len(text)


def _folded(text: str, places: Sequence[tuple[int, int]]) -> list[str]:
    if text.isascii():
        lower = text.lower()
        return [lower[start:end] for start, end in places]
    return [fold(text[start:end]) for start, end in places]


def _is_gap(between: str) -> bool:
    return between in {"", " ", "-"} or _GAP.match(between) is not None
