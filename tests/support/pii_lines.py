"""The corpus of made-up personal data: lines in which tags say what is to be found, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

_TAG = re.compile(r"<(/?)([a-z]+(?:-[a-z]+)*)>")
KINDS = ("credit-card", "date-of-birth", "email", "iban", "ip-address", "phone", "ssn")

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


def corpus() -> tuple[Line, ...]:
    """Every line of every locale."""
    return tuple(line for path in sorted((Path(__file__).parent / "pii").glob("*.yaml")) for line in _lines(path))


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
