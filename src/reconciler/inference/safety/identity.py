"""US social security numbers, and the tax numbers of the same form.

::

    written                        context before it     found
    3-2-4, one separator twice     -                     yes
    nine digits in a run           names the number      yes
    nine digits in a run           -                     no: most are something else

Areas 000 and 666, group 00 and serial 0000 were never given out; 900 to 999 only as tax numbers (ITIN).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.inference.safety.digits import BLANKS, DASHES, ascii_digits
from reconciler.inference.safety.spans import Span

NAME = "ssn"
CONTEXT = 40

_WRITTEN = re.compile(
    rf"(?<!\d)(?<!\d[{BLANKS}{DASHES}.])(\d{{3}})([{BLANKS}{DASHES}.])(\d{{2}})\2(\d{{4}})(?!\d)(?![{DASHES}.]\d)"
)
_PLAIN = re.compile(r"(?<!\d)(?<!\d[-.])(\d{3})()(\d{2})(\d{4})(?!\d)(?![-.]\d)")
_NAMED = re.compile(r"\b(?:ssn|itin|tin|social(?:[ -]security)?|soc\.? ?sec\.?)\b(?! REDACTED)|s\.s\.n", re.IGNORECASE)
_ITIN_GROUPS = frozenset({*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)})


class SsnDetector:
    """Implements Detector for US social security numbers."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every number that could have been given out."""
        return [*_spans(_WRITTEN.finditer(text)), *_spans(_named(text))]


def _spans(found: Iterator[re.Match[str]]) -> Iterator[Span]:
    return (Span(each.start(), each.end(), NAME) for each in found if _could_be_given(each))


def _named(text: str) -> Iterator[re.Match[str]]:
    for found in _PLAIN.finditer(text):
        if _NAMED.search(text, max(0, found.start() - CONTEXT), found.start()):
            yield found


def _could_be_given(found: re.Match[str]) -> bool:
    area, group, serial = (int(ascii_digits(found[part])) for part in (1, 3, 4))
    if area >= 900:  # noqa: PLR2004 - see above
        return group in _ITIN_GROUPS
    return area not in {0, 666} and group != 0 and serial != 0
