"""A line of a manifest under a finding, with a place for the caret. Never a secret that somebody wrote in clear."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from reconciler.model.conceal import HIDDEN, key_in
from reconciler.render.view import clean

WIDEST = 100
BEFORE = 60
"""Characters shown, and how many of them before the caret, of a line that is too long."""

_IN_CLEAR = re.compile(
    r"""(?ix) ["']? \b (?: api[-_]?keys? | client[-_]?(?:id|secret) | secret | bearer | token | password | value )
        ["']? \s* : \s* (?= [^\s{\#] )"""
)
"""A field for secrets that is followed by something else than a reference or a comment."""

_NO_NAME = re.compile(
    r"""(?ix) \b env ["']? \s* : \s* (?! ["']? [a-z_]\w* ["']? \s* (?: [,}\]\#] | $ ) ) (?= [^\s{\#] )"""
)
"""A place for a variable's name that is followed by something else."""

HOLDS_A_SECRET = frozenset({"KIND006"})
"""Codes of findings about a secret in clear: nothing from their column on is shown."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line as it is shown, and how many cells stand before the caret."""

    text: str
    indent: int


def excerpt(line: str, column: int, code: str = "") -> Excerpt:
    """The part of `line` around `column` (from 1) that may be shown and fits a terminal."""
    at = min(column - 1, len(line))
    shown = _without_secrets(line, at if code in HOLDS_A_SECRET else len(line))
    start = max(0, at - BEFORE) if len(shown) > WIDEST else 0
    lead = "…" if start else ""
    before = lead + clean(shown[start:at].expandtabs(1))
    after = clean(shown[at : start + WIDEST].expandtabs(1)) + ("…" if len(shown) > start + WIDEST else "")
    return Excerpt(before + after, _cells(before))


def _without_secrets(line: str, until: int) -> str:
    """To the end of the line: where a secret in clear ends, nobody can say."""
    found = [match.end() for pattern in (_IN_CLEAR, _NO_NAME) if (match := pattern.search(line))]
    key = key_in(line)
    end = min(until, *found, len(line) if key is None else key)
    return line if end == len(line) else line[:end] + HIDDEN


def _cells(text: str) -> int:
    """How wide a terminal shows the text."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)
