"""Dates as people write them, in figures, with a month's name, or by an era; only those that exist.

::

    written                                                        read as
    1985-03-14, 14.3.85, 14/3-1985, 14 03 1985, 19850314, 850314   figures; day and month in either order
    14th of March, 1985; March 14, 1985; 1985. március 14          a month's name, in the languages of `months`
    1985年3月14日, 1985년 3월 14일, 一九八五年三月十四日            year, month, day
    昭和60年3月14日, S60.3.14, 民國74年3月14日                      the year of an era
    14 มีนาคม 2528                                                 a year of the Buddhist era
"""

# ruff: noqa: RUF001 - signs of other scripts are meant

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from reconciler.inference.safety.digits import LETTER
from reconciler.inference.safety.months import FIRST, THAI_YEARS, WORD, month

FIRST_YEAR, LAST_YEAR = 1900, 2099
Offsets = tuple[int, int]

_FIRST = rf"\d(?<![\d_]\d)(?<!\d\.\d)(?<!{LETTER}\d)"
"""The digit that a date begins with; the digit before what it must not follow, so that others are passed over fast."""

_END = rf"(?!\d|_|(?![Tt]\d\d|[rгm]\b){LETTER})"
_NUMERIC = re.compile(rf"({_FIRST}\d{{0,3}})(\s?[-/.]\s?|\s)(\d{{1,2}})\2(\d{{1,4}}){_END}")
_MIXED = re.compile(rf"({_FIRST}\d?)[./](\d{{1,2}})\.?[ -](\d{{4}}){_END}")
_COMPACT = re.compile(rf"{_FIRST}(?<![-/]\d)\d{{5}}(?:\d\d)?+{_END}(?![-/.]\d)")

_OF = r"(?:\s(?:day\s)?(?:of\sthe|of|the|de|di|del|do|an|anno)\s|\s?d['’]|[\s./-]{0,2})"
_NTH = r"(?:st|nd|rd|th|er|re|ère|ste|de|:?[ea]|\.?[ºª°]|-?го|η|\.)?"
_DAY_FIRST = re.compile(
    rf"({_FIRST}\d?)(?!\d|[-/.]\d){_NTH}{_OF}({WORD})[.,]{{0,2}}{_OF}(\d{{4}}|['’]\d\d|(?<=[-/.\s])\d\d){_END}"
)
_MONTH_FIRST = re.compile(
    rf"({FIRST}[^\W\d_]{{0,9}}+)\.?[\s/-]{{1,2}}(?:the\s)?(\d{{1,2}}){_NTH}(?:,\s?|[\s/-])(?:of\s)?(\d{{4}}){_END}"
)
_YEAR_FIRST = re.compile(
    rf"({_FIRST}\d{{3}})(?!\d|[-/.]\d)(?:\.|,|\sm\.|\.?\sgada)?[\s./-]{{1,2}}(?:the\s)?({WORD})[.,]?[\s./-]{{1,2}}(\d{{1,2}})"
    rf"(?:st|nd|rd|th)?(?!\d|[-/.]\d|{LETTER})"
)
_MONTH_IN_FIGURES = re.compile(rf"({_FIRST}\d?)\stháng\s(\d{{1,2}}),?\snăm\s(\d{{4}}){_END}")

_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "民國": 1911, "民国": 1911}
_LETTERS = {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018}
_IN_BRACKETS = r"(?:\s?\([^()\n]{1,10}\))?"
_EAST = re.compile(
    rf"(?:({'|'.join(_ERAS)})\s?(\d{{1,3}}|元)|(?<!\d)(\d{{4}}){_IN_BRACKETS})\s?[年년]{_IN_BRACKETS}"
    r"\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日號号일]"
)
_ERA_IN_FIGURES = re.compile(
    rf"(?:({'|'.join(_ERAS)})|(?<![^\W_])([{''.join(_LETTERS)}])\.?)\s?(\d{{1,2}})([-./])(\d{{1,2}})\4(\d{{1,2}}){_END}"
)
_HAN = "〇零○一二三四五六七八九"
_HAN_DATE = re.compile(rf"([{_HAN}]{{4}})年([{_HAN}十]{{1,3}})月([{_HAN}十廿卅]{{1,4}})[日號号]")
_HAN_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0}
_HAN_TENS = {"十": 10, "廿": 20, "卅": 30}


def dates(text: str, lower: str) -> list[Offsets]:
    """Where dates stand, in order, none within another; `lower` is the text in lower case, every place as it was."""
    found: list[Offsets] = []
    for start, end in sorted(_all(text, lower), key=lambda at: (at[0], -at[1])):
        if not found or start >= found[-1][1]:
            found.append((start, end))
    return found


def _all(text: str, lower: str) -> Iterator[Offsets]:
    yield from (found.span() for found in _NUMERIC.finditer(text) if _is_numeric(found))
    yield from (found.span() for found in _MIXED.finditer(text) if _in_either_order(found[3], found[1], found[2]))
    yield from (found.span() for found in _COMPACT.finditer(text) if _is_compact(found[0]))
    yield from (found.span() for found in _DAY_FIRST.finditer(lower) if _is_named(found[3], found[2], found[1]))
    yield from (found.span() for found in _MONTH_FIRST.finditer(lower) if _is_named(found[3], found[1], found[2]))
    yield from (found.span() for found in _YEAR_FIRST.finditer(lower) if _is_named(found[1], found[2], found[3]))
    if text.isascii():
        return
    if "tháng" in lower:
        yield from (
            found.span() for found in _MONTH_IN_FIGURES.finditer(lower) if is_real(found[3], found[2], found[1])
        )
    yield from (found.span() for found in _EAST.finditer(text) if is_real(_eastern_year(found), found[4], found[5]))
    yield from (found.span() for found in _ERA_IN_FIGURES.finditer(text) if _is_of_an_era(found))
    yield from (found.span() for found in _HAN_DATE.finditer(text) if is_real(*map(_han, found.groups())))


def is_real(year: str | int, month_: str | int, day: str | int) -> bool:
    """Whether there was such a day in a year that somebody alive may know."""
    try:
        return FIRST_YEAR <= date(int(year), int(month_), int(day)).year <= LAST_YEAR
    except ValueError:
        return False


def _is_numeric(found: re.Match[str]) -> bool:
    first, middle, last = found[1], found[3], found[4]
    if found[2].isspace() and len(first) != 4 and len(last) != 4:  # noqa: PLR2004 - a year
        return False
    if len(first) == 4:  # noqa: PLR2004 - a year
        return len(last) <= 2 and is_real(first, middle, last)  # noqa: PLR2004 - a day
    if len(first) > 2 or len(last) in {1, 3}:  # noqa: PLR2004 - no day, no year
        return False
    return _in_either_order(_whole(last), first, middle)


def _in_either_order(year: str, one: str, other: str) -> bool:
    return is_real(year, other, one) or is_real(year, one, other)


def _is_compact(written: str) -> bool:
    if len(written) == 6:  # noqa: PLR2004 - the form of Sweden
        return is_real(_whole(written[:2]), written[2:4], written[4:])
    year_first = is_real(written[:4], written[4:6], written[6:])
    return year_first or _in_either_order(written[4:], written[:2], written[2:4])


def _is_named(year: str, name: str, day: str) -> bool:
    number = month(name)
    if not number:
        return False
    plain = _whole(year.lstrip("'’"))
    behind = THAI_YEARS if "\u0e00" <= name[0] <= "\u0e7f" and int(plain) > LAST_YEAR else 0
    return is_real(int(plain) - behind, number, day)


def _whole(year: str) -> str:
    """With a century: a short year is some century's."""
    return year if len(year) == 4 else f"19{year}"  # noqa: PLR2004 - a year


def _eastern_year(found: re.Match[str]) -> int:
    if not found[1]:
        return int(found[3])
    return _ERAS[found[1]] + (1 if found[2] == "元" else int(found[2]))


def _is_of_an_era(found: re.Match[str]) -> bool:
    before = _ERAS[found[1]] if found[1] else _LETTERS[found[2]]
    return is_real(before + int(found[3]), found[5], found[6])


def _han(written: str) -> int:
    """A number in Chinese signs: digits in a row, or with tens."""
    if len(written) == 4 and not set(written) & set(_HAN_TENS):  # noqa: PLR2004 - a year
        return int("".join(str(_HAN_DIGITS[sign]) for sign in written))
    total = 0
    for sign in written:
        total = (total or 1) * 10 if sign == "十" else total + _HAN_TENS.get(sign, _HAN_DIGITS.get(sign, 0))
    return total
