"""Blocked terms, as whole words: "exploit" is not in "exploitation", and "self-harm" is in "self  harm".

Words are compared without case and in one Unicode form, so that ﬁ, İ, full-width letters and letters with marks of no
width do not slip through. Scripts without blanks between words are compared sign by sign.

A star at the end of a word stands for any ending: "exploit*" is in "exploits" and in "exploitation", and "bypass*
security" in "bypassing security". Each word of a text is looked up once for each length that a stem has, so that time
stays linear in the text.
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
STAR = "*"

_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0962\u0963"
_LETTER = rf"(?![{UNSPACED}])[^\W_]"
_WORD = re.compile(rf"[{UNSPACED}]|(?:{_LETTER})(?:{_LETTER}|[{_MARKS}{INVISIBLE}]){{0,{LONGEST_WORD - 1}}}")
_GAP = re.compile(rf"[\s_\-\u2010-\u2015'’{INVISIBLE}]{{0,{LONGEST_GAP}}}\Z")
_INVISIBLE = str.maketrans("", "", INVISIBLE)
_UNSPACED_SIGN = re.compile(rf"[{UNSPACED}]")
_STEM = re.compile(rf"[{_MARKS}{INVISIBLE}]*\*")


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
        self._known: set[str] = set()
        self._lengths: set[int] = set()
        self.longest = 1
        for term in terms:
            self._add([fold(found[0]) + (STAR if _is_stem(term, found) else "") for found in _WORD.finditer(term)])

    def find(self, text: str) -> Sequence[Span]:
        """Every term; where several begin at one word, the longest."""
        if not self._known:
            return ()
        places = [found.span() for found in _WORD.finditer(text)]
        words = [text[start:end] for start, end in places]
        read = {word: self._read(fold(word)) for word in set(words)}  # of a text's words, many are the same
        steps = [read[word] for word in words]
        ends = ((at, self._end(text, places, steps, at)) for at, step in enumerate(steps) if step)
        return [Span(places[at][0], places[end][1], NAME) for at, end in ends if end >= at]

    def _add(self, words: Sequence[str]) -> None:
        node = self._tree
        for word in words:
            node = node.follows.setdefault(word, _Node())
        node.is_end = bool(words)
        self._known.update(words)
        self._lengths.update(len(word) - 1 for word in words if word.endswith(STAR))
        self.longest = max(self.longest, len(words))

    def _read(self, word: str) -> tuple[str, ...]:
        """What a word of a text may stand for in terms: itself, and the stems that it begins with."""
        stems = (word[:length] + STAR for length in self._lengths if length <= len(word))
        return tuple(each for each in (word, *stems) if each in self._known)

    def _end(self, text: str, places: Sequence[tuple[int, int]], steps: Sequence[tuple[str, ...]], at: int) -> int:
        """The last word of the longest term that begins with the word `at`; -1 when none does."""
        nodes, end = _following([self._tree], steps[at]), -1
        while nodes:
            for node in nodes:
                end = at if node.is_end else end
            at += 1
            if at == len(steps):
                break
            nodes = _following(nodes, steps[at])
            if nodes and not _is_gap(text[places[at - 1][1] : places[at][0]]):
                break
        return end


def _following(nodes: Sequence[_Node], words: Sequence[str]) -> Sequence[_Node]:
    """Where the words lead from any of the nodes; most often there is one of each."""
    if len(nodes) == len(words) == 1:
        found = nodes[0].follows.get(words[0])
        return () if found is None else (found,)
    return [node.follows[word] for node in nodes for word in words if word in node.follows]


def _is_stem(term: str, found: re.Match[str]) -> bool:
    """Whether a word of a term may end otherwise. Signs of scripts without blanks have no endings."""
    return _STEM.match(term, found.end()) is not None and _UNSPACED_SIGN.match(found[0]) is None


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


def _is_gap(between: str) -> bool:
    return between in {"", " ", "-"} or _GAP.match(between) is not None
