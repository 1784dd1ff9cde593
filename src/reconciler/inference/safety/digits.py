"""Numbers as people type them: digits of any script, with the separators that look like nothing."""

from __future__ import annotations

INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Characters of no width: a number that holds them reads as one."""

MARKS = "\u0300-\u036f\u0900-\u0dff"
"""Marks that belong to the letter before them, and the scripts of India whole."""

DASHES = "\\-\u2010-\u2015\u2212\uff0d"
BLANKS = " \t\u00a0\u2007\u2009\u202f\u3000"
GAP = rf"(?:[{BLANKS}{DASHES}{INVISIBLE}]|\.(?=\d))"
"""What may stand between digits of one number; a dot before a blank ends a sentence."""


def ascii_digits(text: str) -> str:
    """The digits of a text, of whatever script, as 0 to 9."""
    if text.isascii() and text.isdigit():
        return text
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())
