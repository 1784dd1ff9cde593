"""Find the JSON in what a model wrote: bare, in a fence, or between sentences.

Brackets are matched by one scan that knows strings, so that neither depth nor length of an answer costs more than its
characters: `CANDIDATES` places are tried at most, and nothing deeper than `DEEPEST` is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Never

LONGEST_ANSWER = 200_000
DEEPEST = 64
CANDIDATES = 8

_FENCE = re.compile(r"```[ \t]*(?:json|JSON)?[ \t]*\r?\n?(.*?)```", re.DOTALL)
_MARK = re.compile(r'["{}\[\]]')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


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
    """One JSON document. ValueError for anything else, also for NaN, infinities and what is nested too deeply."""
    if _depth(written) > DEEPEST:
        raise ValueError("nested too deeply")
    return json.loads(written, parse_constant=_refuse)


def _fenced(text: str) -> list[str]:
    return [found[1].strip() for _, found in zip(range(CANDIDATES), _FENCE.finditer(text), strict=False)]


def _bracketed(text: str) -> Iterator[str]:
    start = 0
    for _ in range(CANDIDATES):
        opening = re.compile(r"[{\[]").search(text, start)
        if not opening:
            return
        end = _closing(text, opening.start())
        if end:
            yield text[opening.start() : end]
        start = end or opening.end()


def _closing(text: str, start: int) -> int:
    """Where the bracket at `start` is closed; 0 when it is not."""
    depth = 0
    at = start
    while found := _MARK.search(text, at):
        at = found.end()
        if found[0] == '"':
            string = _STRING.match(text, found.start())
            if not string:
                return 0
            at = string.end()
            continue
        depth += 1 if found[0] in "{[" else -1
        if depth == 0:
            return at
    return 0


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in _MARK.findall(_STRING.sub("", text)):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    return deepest


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON")
