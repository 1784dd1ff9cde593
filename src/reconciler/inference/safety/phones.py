"""Telephone numbers: a cheap linear scan for what looks like one, then the rules of its country.

::

    written                                                        found
    with a plus                                                    when the country could have it
    with 00 or 011                                                 when the country gives such numbers out
    3-3-4 in a region of country code 1                            always: people write numbers that do not exist
    national, as it is dialled there                               when given out, and no word before says otherwise
    any, after a word that means telephone                         when the region could have it, or in groups
    a date, an IP address, a decimal, an ISBN, a card's length     never

A text with more than `CHECKED` candidates is no conversation: the rest of them are judged whole and by their length
alone, so that a long text can buy neither more than a bounded time of a country's rules nor a way around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import lru_cache
from operator import length_hint
from typing import TYPE_CHECKING

from reconciler.inference.safety.digits import BLANKS, DASHES, INVISIBLE, LETTER, narrow
from reconciler.inference.safety.extensions import EXTENSION, SUFFIX
from reconciler.inference.safety.phone_words import SAYS_OTHERWISE, SAYS_PHONE
from reconciler.inference.safety.spans import Span

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

NAME = "phone"
FEWEST, MOST = 7, 17
MOST_NATIONAL = 12
FEWEST_BY_FORM = 9
CHECKED = 150
CONTEXT = 32
LONGEST_CHAIN = 256
PIECES = 6
"""Blank-separated pieces of one number."""

REMEMBERED = 2_048

LONGEST_EXTENSION = 32
_PLUS = "+"
_OPENING = frozenset("(0+")
"""What a number begins with that is set apart from others by blanks only."""

_GAP = rf"(?:[{BLANKS}{DASHES}{INVISIBLE}()/]|\.(?=[\d(]))"  # a dot before a blank ends a sentence
_PREFIX = rf"(?:[+]{_GAP}{{0,2}}+|\({_GAP}?\+?)?+"
_CHAIN = re.compile(
    rf"(?=[+(\d])(?<!{LETTER})(?<!\d){_PREFIX}\d(?:{_GAP}{{0,3}}+[+]?\d){{{FEWEST - 1},}}+{SUFFIX}(?!\d)", re.IGNORECASE
)
_PIECE = re.compile(rf"[^{BLANKS}/]+", re.IGNORECASE)
_ABROAD = re.compile(r"00[1-9]")
_TRUNK = re.compile(r"0\d")
_ONE_PIECE = re.compile(rf"[^{BLANKS}]{{{FEWEST},}}")
_SPELLED = re.compile(r"(?:\d\s){4}")
_APART = re.compile(rf"[{BLANKS}]|/\d{{{FEWEST}}}")
_NOT_ONLY_DIGITS = re.compile(r"[^\W\d_]|#")
_UNSEEN = re.compile(rf"[{INVISIBLE}]")
_LAID_OUT = re.compile(r"\(?\d{2,5}\)?[ .-]\d{2,5}(?:[ .-]\d{2,5}){1,3}\Z")
_LOCAL = re.compile(r"\d{3}[-.]\d{4}\Z")
_NORTH_AMERICAN = re.compile(r"(?:\+?1[ .-]{0,2})?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}\Z")
_NO_PHONE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:\s+\d{1,2})?\Z"  # a date
    r"|\d{1,3}(?:\.\d{1,3}){3}\Z"  # an IP address
    r"|\d+\.\d+\Z"  # a decimal
    r"|97[89][- ]?\d[-\d ]{8,12}\Z"  # an ISBN
    r"|(?:19|20)\d\d\s?[-/\u2013]\s?(?:19|20)\d\d\Z"  # years
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\s"  # a date and a time
)
_TIED_BEFORE = re.compile(rf"(?:[A-Z\d]|(?<![^\W_])(?:{LETTER}){{1,3}})[-_]\Z|[A-Z]/\Z")
_TIED_AFTER = re.compile(rf"[-_]?(?:[A-Z]|{LETTER}(?![^\W\d_]))|/[A-Z]{{1,2}}(?![^\W_])")
_PHONE_TIED = re.compile(rf"(?:{SAYS_PHONE.pattern}|\b(?:no|nr|[mtpfhw]))\.?[-_/]\Z", re.IGNORECASE)


class PhoneDetector:
    """Implements Detector for telephone numbers; `region` (ISO 3166) reads those without a country code."""

    name = NAME

    def __init__(self, region: str = "US") -> None:
        self._region = region.upper()

    def find(self, text: str) -> Sequence[Span]:
        """Every number, with its extension."""
        budget = iter(range(CHECKED))
        plain = narrow(text)
        return [span for chain in _CHAIN.finditer(plain) for span in self._in_chain(plain, chain, budget)]

    def _in_chain(self, text: str, chain: re.Match[str], budget: Iterator[int]) -> Iterator[Span]:
        if self._is_phone(text, chain.start(), chain.end(), budget):
            yield Span(chain.start(), chain.end(), NAME)
            return
        if not length_hint(budget):
            return
        end = chain.start()
        for start, stop in _windows(text, chain):
            if start < end or not _stands_apart(text[start:stop], text[end:start]):
                continue
            if self._is_phone(text, start, stop, budget):
                end = stop
                yield Span(start, stop, NAME)

    def _is_phone(self, text: str, start: int, end: int, budget: Iterator[int]) -> bool:
        written = _base(text[start:end])
        if not FEWEST <= _digits(written) <= MOST or _NO_PHONE.match(written.strip("()")):
            return False
        if next(budget, None) is None:
            return written.startswith(_PLUS) or _digits(written) >= FEWEST_BY_FORM
        before = text[max(0, start - CONTEXT) : start]
        if not written.startswith(_PLUS) and (_says_otherwise(before) or _is_tied(before, text[end : end + 4])):
            return False
        standing = _rules(written, self._region)
        return standing is _Standing.GIVEN or (standing is _Standing.POSSIBLE and bool(SAYS_PHONE.search(before)))


class _Standing(Enum):
    GIVEN = 0
    POSSIBLE = 1
    NONE = 2


def _windows(text: str, chain: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Parts of a chain that blanks or strokes set apart, longest first from each place on."""
    if chain.end() - chain.start() > LONGEST_CHAIN:
        return
    if not _APART.search(text, chain.start(), chain.end()):
        return
    pieces = [(found.start(), found.end()) for found in _PIECE.finditer(text, chain.start(), chain.end())]
    for at, (start, end) in enumerate(pieces):
        if text[start] in _OPENING:
            yield from ((start, stop) for _, stop in reversed(pieces[at : at + PIECES]) if stop - start >= FEWEST)
        elif end - start >= FEWEST:
            yield start, end


def _stands_apart(written: str, before: str) -> bool:
    """Whether a part of a chain is a whole: by its sign, by its own separators, or because what comes before is one."""
    if written.startswith(("(", _PLUS)) or _ABROAD.match(written) or (_TRUNK.match(written) and not before.strip()):
        return True
    if before.endswith("/") and before.strip(f"{BLANKS}/"):
        return False
    return _ONE_PIECE.fullmatch(written) is not None


def _digits(written: str) -> int:
    return sum(map(str.isdecimal, written))


def _base(written: str) -> str:
    """Without the extension."""
    if written[-FEWEST:].isdecimal():
        return written
    begin = max(0, len(written) - LONGEST_EXTENSION)
    extension = EXTENSION.search(written, begin) if _NOT_ONLY_DIGITS.search(written, begin) else None
    return written[: extension.start()] if extension else written


def _says_otherwise(before: str) -> bool:
    otherwise = SAYS_OTHERWISE.search(before)
    return otherwise is not None and not SAYS_PHONE.search(before, otherwise.start())


def _is_tied(before: str, after: str) -> bool:
    """Whether letters make a number a part of something longer: ``RMA-030901820-B`` is a reference."""
    if _TIED_AFTER.match(after):
        return True
    return bool(_TIED_BEFORE.search(before)) and not _PHONE_TIED.search(before)


@lru_cache(maxsize=REMEMBERED)
def _rules(written: str, region: str) -> _Standing:
    import phonenumbers  # noqa: PLC0415 - slow to load, and only where telephone numbers are looked for

    dialled = _dialled(written)
    try:
        number = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException:
        return _Standing.NONE
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return _Standing.POSSIBLE if _is_in_groups(written) else _Standing.NONE
    if _SPELLED.search(written):
        return _Standing.POSSIBLE
    if written.startswith(_PLUS) or _is_laid_out(written, number):
        return _Standing.GIVEN
    if phonenumbers.is_valid_number(number) and _is_dialled_so(dialled, number, region):
        return _Standing.GIVEN
    return _Standing.POSSIBLE


def _is_in_groups(written: str) -> bool:
    """Whether somebody wrote it as a number of somewhere else, or as a local one."""
    return bool(_LOCAL.match(written) or _LAID_OUT.match(written)) and _digits(written) <= MOST_NATIONAL


def _dialled(written: str) -> str:
    """With the plus that 00 and 011 stand for, and without what is not seen."""
    return re.sub(r"\A(?:00(?=[1-9])|011(?=[\s-]?[1-9]))", "+", _UNSEEN.sub("", written))


def _is_laid_out(written: str, number: PhoneNumber) -> bool:
    return number.country_code == 1 and bool(_NORTH_AMERICAN.match(written))


def _is_dialled_so(written: str, number: PhoneNumber, region: str) -> bool:
    """Whether a number is written as people there dial it: with the trunk prefix, unless it is a mobile's."""
    import phonenumbers  # noqa: PLC0415 - see above

    if written.startswith(("0", "(", "+")) or phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) != "0":
        return True
    if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE:
        return True
    return not phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL).startswith(("0", "(0"))
