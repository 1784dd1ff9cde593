"""Two corpora of made-up personal data: lines in which tags say what is to be found, and nothing else is.

The detectors are developed on one. Nobody who works on them reads the other: as long as that holds, it tells something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from reconciler.inference.safety import BUILT_IN

_TAG = re.compile(r"<(/?)([a-z]+(?:-[a-z]+)*)>")
KINDS = ("credit-card", "date-of-birth", "email", "iban", "ip-address", "phone", "ssn")

USUAL = {
    "ssn": r"\b\d{3}-\d{2}-\d{4}\b",
    "credit-card": r"\b(?:\d[ -]*?){13,16}\b",
    "phone": r"\b\d{3}[-.]?\d{3}[-.]?\d{4}\b",
    "email": r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,}\b",
}
"""The expressions that tutorials give for these kinds."""

Find = Callable[[str], Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Line:
    """A text without its tags; `marks` are ``(kind, start, end)``."""

    region: str
    text: str
    marks: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How a detector did: finds that are right, finds that are not, and what it missed."""

    right: int
    wrong: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def precision(self) -> float:
        return self.right / (self.right + len(self.wrong)) if self.right else 0.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + len(self.missed)) if self.right else 0.0


def developed() -> tuple[Line, ...]:
    """Every line of every locale that the detectors were developed on."""
    return _corpus("pii")


def unseen() -> tuple[Line, ...]:
    """Lines that were written by somebody who had not seen the detectors, for figures only."""
    return _corpus("pii_unseen")


def _corpus(folder: str) -> tuple[Line, ...]:
    return tuple(line for path in sorted((Path(__file__).parent / folder).glob("*.yaml")) for line in _lines(path))


def score(kind: str, lines: Sequence[Line], finder: Callable[[str], Find]) -> Score:
    """Judge a detector on all lines; a find counts when it has exactly the marked offsets. `finder` takes a region."""
    right, wrong, missed = 0, [], []
    for line in lines:
        expected = {(start, end) for marked, start, end in line.marks if marked == kind}
        found = set(finder(line.region)(line.text))
        right += len(expected & found)
        wrong += [line.text[start:end] + " in " + line.text for start, end in found - expected]
        missed += [line.text[start:end] + " in " + line.text for start, end in expected - found]
    return Score(right, tuple(wrong), tuple(missed))


def built_in(kind: str, lines: Sequence[Line]) -> Score:
    """How our detector of a kind does, told each line's region."""

    def finder(region: str) -> Find:
        detector = BUILT_IN[kind](region)
        return lambda text: [(span.start, span.end) for span in detector.find(text)]

    return score(kind, lines, finder)


def usual(kind: str, lines: Sequence[Line]) -> Score:
    """How the usual expression does."""

    def find(text: str) -> Sequence[tuple[int, int]]:
        return [found.span() for found in re.finditer(USUAL[kind], text)]

    return score(kind, lines, lambda _region: find)


def _lines(path: Path) -> Iterator[Line]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return (_line(document["region"], tagged) for tagged in document["lines"])


def _line(region: str, tagged: str) -> Line:
    text, marks, opened, end = "", [], 0, 0
    for tag in _TAG.finditer(tagged):
        if tag[2] not in KINDS:
            continue
        text += tagged[end : tag.start()]
        end = tag.end()
        if tag[1]:
            marks.append((tag[2], opened, len(text)))
        opened = len(text)
    return Line(region, text + tagged[end:], tuple(marks))
