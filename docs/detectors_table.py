"""Write docs/reference/personal-data.md from the corpus of the tests: `make reference`."""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "personal-data.md"
sys.path.insert(0, str(ROOT / "tests" / "support"))

import pii_lines  # noqa: E402 - a module of that folder
from pii_lines import KINDS, USUAL, Score  # noqa: E402 - likewise

HEAD = """# How well personal data is found

Generated from the tests' lines by `make reference`; a test compares. The detectors were developed on these lines, so on
texts of your customers the figures will be lower. A find counts when it begins and ends exactly where the mark does.
Precision is the share of the finds that are right, recall the share of the marks that are found. *Usual* is the short
expression that tutorials give for the kind, on the same lines.

"""


def text() -> str:
    """The whole page."""
    return HEAD + "\n".join([*_about(), *_rows(), ""])


def _about() -> Iterator[str]:
    lines = pii_lines.corpus()
    regions = ", ".join(sorted({line.region for line in lines}))
    bare = sum(not line.marks for line in lines)
    yield f"{len(lines)} lines as people write them in {regions}; {bare} hold nothing to be found, but look like it.\n"


def _rows() -> Iterator[str]:
    yield "| kind | marks | precision | recall | usual precision | usual recall |\n|---|--:|--:|--:|--:|--:|"
    for kind in KINDS:
        ours = pii_lines.built_in(kind)
        usual = _figures(pii_lines.usual(kind)) if kind in USUAL else "none | none"
        yield f"| {kind} | {ours.right + len(ours.missed)} | {_figures(ours)} | {usual} |"


def _figures(score: Score) -> str:
    return f"{score.precision:.2f} | {score.recall:.2f}"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
