"""Dates of birth: a date that exists, after words that say so. A date alone is an appointment."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date

from reconciler.inference.safety.spans import Span

NAME = "date-of-birth"
CONTEXT = 48
FIRST_YEAR, LAST_YEAR = 1900, 2099

_MONTHS = (
    "jan|gen|ene", "feb|fév|fev", "mar|mär|maa|mrt", "apr|avr|abr", "may|mai|mei|mag", "jun|juin|giu",
    "jul|juil|lug", "aug|aoû|aou|ago", "sep|set", "oct|okt|ott|out", "nov", "dec|dez|déc|dic",
)  # fmt: skip
MONTHS = "|".join(_MONTHS)
_NUMERIC = re.compile(r"(?<![\w.])(\d{1,4})(\s?[-/.]\s?)(\d{1,2})\2(\d{2,4})(?![\w])")
_DAY_FIRST = re.compile(
    rf"(?<!\w)(\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?\s(?:de\s)?({MONTHS})[^\W\d_]{{0,8}}+\.?,?\s(?:de\s)?(\d{{4}})(?!\w)",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"(?<!\w)({MONTHS})[^\W\d_]{{0,8}}+\.?\s(\d{{1,2}})(?:st|nd|rd|th)?,?\s(\d{{4}})(?!\w)", re.IGNORECASE
)
_BORN = re.compile(
    r"\b(?:born|birth(?:day|date)?|d\.?o\.?b|geboren|geburts\w{0,6}|geb|geboorte\w{0,6}|née?|naissance|nacido|nacida|nací"
    r"|nacimiento|nascid[oa]|nasci|nascimento|nat[oa]|nascita|cumpleaños|anniversaire|जन्म\w{0,4})(?!\w)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.!?;\n]\s|REDACTED\]")


class BirthdateDetector:
    """Implements Detector for dates of birth, in figures or with a month's name in seven languages."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """The first date after each word for a birth, in the same sentence."""
        words = [found.end() for found in _BORN.finditer(text)]
        if not words:
            return ()
        dates = sorted(found.span() for found in _dates(text))
        ends = [0, *(end for _, end in dates)]
        return [
            Span(start, end, NAME)
            for (start, end), before in zip(dates, ends, strict=False)
            if _is_birth(text, words, before, start)
        ]


def _dates(text: str) -> Iterator[re.Match[str]]:
    yield from (found for found in _NUMERIC.finditer(text) if _is_numeric(found))
    yield from (found for found in _DAY_FIRST.finditer(text) if _is_real(found[3], _month(found[2]), found[1]))
    yield from (found for found in _MONTH_FIRST.finditer(text) if _is_real(found[3], _month(found[1]), found[2]))


def _is_birth(text: str, words: Sequence[int], before: int, start: int) -> bool:
    """Whether a word for a birth ends between the date before and this one."""
    nearest = words[found - 1] if (found := bisect_right(words, start)) else -1
    if nearest < max(before, start - CONTEXT):
        return False
    return not _ENDS.search(text, nearest + text.startswith(".", nearest), start)


def _is_numeric(found: re.Match[str]) -> bool:
    first, middle, last = found[1], found[3], found[4]
    if len(first) == 4:  # noqa: PLR2004 - a year
        return len(last) <= 2 and _is_real(first, int(middle), last)  # noqa: PLR2004 - a day
    if len(first) > 2 or len(last) == 3:  # noqa: PLR2004 - no day, no year
        return False
    year = last if len(last) == 4 else f"19{last}"  # noqa: PLR2004 - a short year is some century's
    return _is_real(year, int(middle), first) or _is_real(year, int(first), middle)


def _is_real(year: str, month: int, day: str) -> bool:
    try:
        return FIRST_YEAR <= date(int(year), month, int(day)).year <= LAST_YEAR
    except ValueError:
        return False


def _month(name: str) -> int:
    return next(at for at, names in enumerate(_MONTHS, 1) if name.lower() in names.split("|"))
