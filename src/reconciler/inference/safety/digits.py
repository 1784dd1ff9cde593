"""Numbers as people type them: digits of any script, with the separators that look like nothing."""

from __future__ import annotations

import re

INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Characters of no width: a number that holds them reads as one."""

MARKS = "\u0300-\u036f\u0900-\u0dff"
"""Marks that belong to the letter before them, and the scripts of India whole."""

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts without blanks between words: a letter of theirs beside a number belongs to another word."""

HANGUL = "\u1100-\u11ff\uac00-\ud7a3"
"""Has blanks between words, but ties the small ones to what they follow."""

LETTER = rf"(?![{UNSPACED}{HANGUL}])[^\W\d_]"
"""A letter of a script in which it would be part of the same word."""

DASHES = "\\-\u2010-\u2015\u2212\uff0d\u30fc\uff70"
BLANKS = " \t\u00a0\u2007\u2009\u202f\u3000"
GAP = rf"(?:[{BLANKS}{DASHES}{INVISIBLE}]|\.(?=\d))"
"""What may stand between digits of one number; a dot before a blank ends a sentence."""


_WIDE = re.compile("[\uff01-\uff5e]")
_NARROWED = {sign: sign - 0xFEE0 for sign in range(0xFF01, 0xFF5F)}


def narrow(text: str) -> str:
    """The text with the full-width forms of ASCII signs as ASCII; every place stays what it was."""
    return text if text.isascii() or not _WIDE.search(text) else text.translate(_NARROWED)


def ascii_digits(text: str) -> str:
    """The digits of a text, of whatever script, as 0 to 9."""
    if text.isascii() and text.isdigit():
        return text
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())
