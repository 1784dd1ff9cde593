"""JSON text to plain values, and only such values as can be worked with: what others wrote may be any text at all."""

from __future__ import annotations

import json
from typing import Any, Never

LONGEST_NUMBER = 300
"""Characters. A longer whole number is more than any float, and takes Python longer than linear time."""
DEEPEST = 100
"""Levels. Whatever reads a document goes down by itself, level by level, and Python's stack is not endless."""


def json_value(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, in words for whoever wrote it."""
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (line {error.lineno}, column {error.colno}: {error.msg})") from None
    _require_shallow(value)
    return value


def _require_shallow(value: Any) -> None:
    level = [value] if type(value) in _HOLDERS else []
    for _ in range(DEEPEST):
        if not level:
            return
        inner = (each.values() if type(each) is dict else each for each in level)
        level = [each for holder in inner for each in holder if type(each) in _HOLDERS]
    raise ValueError("it is nested too deep")


_HOLDERS = frozenset({dict, list})


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if abs(number) == float("inf"):
        raise ValueError(f"it holds the number {digits[:20]}, which is too large")
    return number


def _constant(word: str) -> Never:
    raise ValueError(f"it holds {word}, which is no JSON")
