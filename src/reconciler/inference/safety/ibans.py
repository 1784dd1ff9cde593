"""Bank accounts by IBAN: a country's structure and the check digits, modulo 97."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase

from reconciler.inference.safety.digits import BLANKS, DASHES, INVISIBLE
from reconciler.inference.safety.spans import Span

NAME = "iban"

STRUCTURES: Mapping[str, str] = {
    "AD": "8n12c", "AE": "19n", "AL": "8n16c", "AT": "16n", "AZ": "4a20c", "BA": "16n", "BE": "12n", "BG": "4a6n8c",
    "BH": "4a14c", "BR": "23n1a1c", "BY": "4c4n16c", "CH": "5n12c", "CR": "18n", "CY": "8n16c", "CZ": "20n",
    "DE": "18n", "DK": "14n", "DO": "4c20n", "EE": "16n", "EG": "25n", "ES": "20n", "FI": "14n", "FO": "14n",
    "FR": "10n11c2n", "GB": "4a14n", "GE": "2a16n", "GI": "4a15c", "GL": "14n", "GR": "7n16c", "GT": "4c20c",
    "HR": "17n", "HU": "24n", "IE": "4a14n", "IL": "19n", "IQ": "4a15n", "IS": "22n", "IT": "1a10n12c", "JO": "4a4n18c",
    "KW": "4a22c", "KZ": "3n13c", "LB": "4n20c", "LC": "4a24c", "LI": "5n12c", "LT": "16n", "LU": "3n13c",
    "LV": "4a13c",
    "LY": "21n", "MC": "10n11c2n", "MD": "2c18c", "ME": "18n", "MK": "3n10c2n", "MR": "23n", "MT": "4a5n18c",
    "MU": "4a19n3a", "NL": "4a10n", "NO": "11n", "PK": "4a16c", "PL": "24n", "PS": "4a21c", "PT": "21n", "QA": "4a21c",
    "RO": "4a16c", "RS": "18n", "SA": "2n18c", "SC": "4a20n3a", "SE": "20n", "SI": "15n", "SK": "20n", "SM": "1a10n12c",
    "ST": "21n", "SV": "4a20n", "TL": "19n", "TN": "20n", "TR": "6n16c", "UA": "6n19c", "VA": "18n", "VG": "4a16n",
    "XK": "16n",
}  # fmt: skip
"""What follows the two check digits: n a digit, a a letter, c either."""

_GAP = rf"[{BLANKS}{DASHES}{INVISIBLE}]?"
_CLASSES = {"n": r"[0-9]", "a": r"[A-Za-z]", "c": r"[0-9A-Za-z]"}
_START = re.compile(rf"(?<![^\W_])([A-Za-z]{{2}}){_GAP}[0-9]{_GAP}[0-9]")
_PART = re.compile(r"(\d+)([nac])")
_VALUES = str.maketrans({letter: str(value) for value, letter in enumerate(ascii_uppercase, 10)})
_NOT_ALNUM = re.compile(r"[^0-9A-Za-z]+")


def _rest(structure: str) -> re.Pattern[str]:
    parts = (rf"(?:{_GAP}{_CLASSES[sign]}){{{count}}}+" for count, sign in _PART.findall(structure))
    return re.compile("".join(parts) + r"(?![^\W_])")


_RESTS = {country: _rest(structure) for country, structure in STRUCTURES.items()}


class IbanDetector:
    """Implements Detector for IBANs, in one run or in groups, of either case."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every IBAN whose check digits are right."""
        return list(_find(text))


def _find(text: str) -> Iterator[Span]:
    end = 0
    for start in _START.finditer(text):
        rest = _RESTS.get(start[1].upper())
        found = rest.match(text, start.end()) if rest and start.start() >= end else None
        if found and passes_mod97(text[start.start() : found.end()]):
            end = found.end()
            yield Span(start.start(), end, NAME)


def passes_mod97(iban: str) -> bool:
    """Whether the check digits of an IBAN, with or without separators, are right."""
    plain = _NOT_ALNUM.sub("", iban).upper()
    return int((plain[4:] + plain[:4]).translate(_VALUES)) % 97 == 1
