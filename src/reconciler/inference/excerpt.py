"""Find the JSON in what a model wrote: bare, in a fence, or between sentences.

Brackets are matched by one scan that knows strings, so that neither depth nor length of an answer costs more than its
characters: `CANDIDATES` places are tried at most, and nothing beyond `DEEPEST` or `MOST_PARTS` is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Never

LONGEST_ANSWER = 200_000
DEEPEST = 64
MOST_PARTS = 2_000
"""Members and items of one document: some rules of JSON Schema compare each with each."""

CANDIDATES = 8

_FENCE = re.compile(r"```(?:json|JSON)?(.*?)```", re.DOTALL)
_MARK = re.compile(r'["{}\[\]]')
_STRING = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)', re.DOTALL)  # also one that never ends, so that no scan begins twice
_OPENING = re.compile(r"[{\[]")


def documents(text: str) -> Iterator[Any]:
    """What parses, in this order: the whole text, each fence, each object or array within the prose."""
    seen: set[str] = set()
    for written in (text.strip(), *_fenced(text), *_bracketed(text)):
        if written in seen:
            continue
        seen.add(written)
        try:
            yield parse(written)
        except (ValueError, RecursionError):
            continue


def parse(written: str) -> Any:
    """One JSON document. ValueError for anything else: also for NaN, infinities, half characters, and over bounds."""
    plain = _STRING.sub("", written)
    if _depth(plain) > DEEPEST or plain.count(",") > MOST_PARTS:
        raise ValueError("too deep or too large")
    document = json.loads(written, parse_constant=_refuse, parse_float=_finite)
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    return document


def _fenced(text: str) -> list[str]:
    return [found[1].strip() for _, found in zip(range(CANDIDATES), _FENCE.finditer(text), strict=False)]


def _bracketed(text: str) -> Iterator[str]:
    start = 0
    for _ in range(CANDIDATES):
        opening = _OPENING.search(text, start)
        if not opening:
            return
        end = _closing(text, opening.start())
        if end:
            yield text[opening.start() : end]
        start = end or opening.end()


def _closing(text: str, start: int) -> int:
    """Where the bracket at `start` is closed; 0 when it is not, or holds too much depth."""
    depth = 0
    at = start
    while found := _MARK.search(text, at):
        at = found.end()
        if found[0] == '"':
            at = _string_end(text, found.start())
            continue
        depth += 1 if found[0] in "{[" else -1
        if depth == 0:
            return at
        if depth > DEEPEST:
            return 0
    return 0


def _string_end(text: str, start: int) -> int:
    string = _STRING.match(text, start)
    return string.end() if string else len(text)


def _depth(plain: str) -> int:
    depth = deepest = 0
    for sign in _MARK.findall(plain):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    return deepest


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON")
