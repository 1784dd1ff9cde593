"""The chain of the audit file. Pure.

A line is ``{"seq", "prev", "hash", "time", "event", …}``. `seq` counts from 1. `hash` is the SHA-256, in
hex, of `prev` followed by the canonical JSON of everything in the line but `prev` and `hash`: keys sorted,
no spaces, ASCII. The first `prev` is 64 zeros. Changing, dropping or reordering a line breaks the chain
from there on; cutting off the end, or writing all of it anew, is only seen by whoever kept the last hash, which the
ledger does.

| file             | mark that is kept | its first line follows         |
|------------------|-------------------|--------------------------------|
| none, or empty   | none              | 64 zeros, with the number 1    |
| none, or empty   | (40, hash)        | line 40: it has the number 41  |
| has lines        | any               | its own last line              |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from reconciler.model.jsontext import json_value
from reconciler.model.memory import AuditMark

Link: TypeAlias = AuditMark
"""Where a chain stands: number and hash of its last line."""

LINKS = frozenset({"seq", "prev", "hash"})


_CANONICAL = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False, default=dict)
_LINE = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=dict)

START = Link(0, "0" * 64)


def chained(event: Mapping[str, Any], last: Link) -> tuple[str, Link]:
    """The line of `event`, without its end, and the link that it makes.

    Raises ValueError or TypeError when `event` is not JSON.
    """
    number = last.seq + 1
    link = Link(number, _hash(last.hash, _CANONICAL.encode({"seq": number, **event})))
    return _LINE.encode({"seq": number, "prev": last.hash, "hash": link.hash, **event}), link


def follow(line: bytes, last: Link) -> tuple[str, Link]:
    """Check one line, with its end, against the link before it: what is wrong (or empty text), and its own link."""
    fault, link = examine(line)
    if fault:
        return fault, link
    if link.seq != last.seq + 1:
        return (
            f"its number is {link.seq} where {last.seq + 1} follows: lines are missing, doubled or out of order",
            link,
        )
    if json_value(line)["prev"] != last.hash:
        return "it does not follow the line before it", link
    return "", link


def examine(line: bytes) -> tuple[str, Link]:
    """Check one line, with its end, by itself: what is wrong with it (or empty text), and its link."""
    if not line.endswith(b"\n"):
        return "it is cut short", START
    try:
        read = json_value(line)
    except ValueError:
        return "it is not JSON", START
    if not isinstance(read, dict) or not read.keys() >= LINKS or type(read["seq"]) is not int:
        return "it lacks its number or its hashes", START
    body = {key: value for key, value in read.items() if key not in {"prev", "hash"}}
    if _hash(str(read["prev"]), _CANONICAL.encode(body)) != read["hash"]:
        return "it was changed after it was written", START
    return "", Link(read["seq"], read["hash"])


def _hash(prev: str, text: str) -> str:
    return hashlib.sha256((prev + text).encode("utf-8", "surrogatepass")).hexdigest()
