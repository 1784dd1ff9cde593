"""Plain scalars: what is unambiguous is taken, what YAML versions or readers disagree on is refused.

| written plainly                         | read as                  |
|-----------------------------------------|--------------------------|
| null, nothing                           | null                     |
| true, false                             | boolean                  |
| 0, 42, -7                               | whole number             |
| 0.5, 1.25, 6e-3                         | number                   |
| yes no on off y n, True, TRUE …         | refused: quote it        |
| 1.10, 007, 1_000, 0x1F, 0o17, 12:30     | refused: quote it        |
| 2024-01-31, .5, 5., .inf, .nan, ~, <<, =| refused: quote it        |
| anything else                           | text                     |
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any


class Refused(Enum):
    """Stands for a scalar that has to be quoted."""

    AMBIGUOUS = "ambiguous"


AMBIGUOUS = Refused.AMBIGUOUS

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9]|\.0)?([eE][-+]?[0-9]+)?")
_BOOLISH = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|~|<<|=")
_NUMBERISH = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*\.?[0-9_]*([eE][-+]?[0-9]+)?|0x[0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+)"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"
)
LONGEST_NUMBER = 32
_WORDS: dict[str, Any] = {"": None, "null": None, "true": True, "false": False}


def resolve(text: str) -> Any:
    """The value of a plain scalar, AMBIGUOUS for one that must be quoted."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first.isalpha() or first in "~<=":
        return AMBIGUOUS if _BOOLISH.fullmatch(text) else text
    if first not in "+-.0123456789":
        return text
    return _number(text)


def _number(text: str) -> Any:
    if len(text) <= LONGEST_NUMBER and _INT.fullmatch(text):
        return int(text)
    if len(text) <= LONGEST_NUMBER and _FLOAT.fullmatch(text):
        value = float(text)
        return value if abs(value) != float("inf") else AMBIGUOUS
    return AMBIGUOUS if _NUMBERISH.fullmatch(text) else text
