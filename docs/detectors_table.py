"""Write docs/reference/personal-data.md from the corpus of the tests: `make reference`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "personal-data.md"
sys.path.insert(0, str(ROOT / "tests" / "support"))

import pii_lines  # noqa: E402 - a module of that folder
from pii_lines import KINDS, USUAL, Line, Score  # noqa: E402 - likewise

HEAD = """# How well personal data is found

Generated from the tests' lines by `make reference`; a test compares. A find counts when it begins and ends where the
mark does. Precision is the share of the finds that are right, recall the share of the marks that are found. *Usual* is
the short expression that tutorials give for the kind, on the same lines.

"""

UNSEEN = """## On lines that they were not developed on

Written by somebody who had not seen the detectors. After a first measurement (dates of birth: 0.56 found, telephone
numbers: 0.81) whoever works on them was told which kinds of things are missed, and no line. There are few marks of each
kind, so that a single one counts for much. A number without its extension counts as wrong and as missed.

"""

DEVELOPED = """## On the lines that they were developed on

What is found here may not be lost again: tests hold a floor for each kind.

"""


def text() -> str:
    """The whole page."""
    parts = ((UNSEEN, pii_lines.unseen()), (DEVELOPED, pii_lines.developed()))
    return HEAD + "\n".join(head + "\n".join([*_about(lines), *_rows(lines), ""]) for head, lines in parts)


def _about(lines: Sequence[Line]) -> Iterator[str]:
    regions = ", ".join(sorted({line.region for line in lines}))
    bare = sum(not line.marks for line in lines)
    yield f"{len(lines)} lines as people write them in {regions}; {bare} hold nothing to be found, but look like it.\n"


def _rows(lines: Sequence[Line]) -> Iterator[str]:
    yield "| kind | marks | precision | recall | usual precision | usual recall |\n|---|--:|--:|--:|--:|--:|"
    for kind in KINDS:
        ours = pii_lines.built_in(kind, lines)
        usual = _figures(pii_lines.usual(kind, lines)) if kind in USUAL else "none | none"
        yield f"| {kind} | {ours.right + len(ours.missed)} | {_figures(ours)} | {usual} |"


def _figures(score: Score) -> str:
    return f"{score.precision:.2f} | {score.recall:.2f}"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
