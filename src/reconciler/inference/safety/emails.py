"""E-mail addresses, outwards from each at sign: no expression that could run for long on dots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.inference.safety.digits import MARKS
from reconciler.inference.safety.spans import Span

NAME = "email"
LONGEST_LOCAL, LONGEST_DOMAIN = 64, 253

NO_DOMAINS = frozenset({"css", "gif", "html", "jpeg", "jpg", "js", "json", "pdf", "png", "svg", "webp", "yaml", "yml"})
"""Ends of file names such as ``icon@2x.png``; none is a top-level domain."""

_LOCAL_SIGNS = frozenset("._%+'&~!#$*/?^{|}-")
_TRIMMED = _LOCAL_SIGNS - {"_"}
_AT = re.compile("[@\uff20]")
_QUOTED_END = re.compile(r'"[^"\s]{1,62}"\Z')
_DOMAIN = re.compile(rf"[^\W_][\w{MARKS}-]{{0,62}}+\.[\w.{MARKS}-]{{1,{LONGEST_DOMAIN}}}")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.IPv]{3,45}\]")
_TOP = re.compile(rf"(?:(?:[^\W\d_]|[{MARKS}]){{2,63}}|xn--[a-z0-9-]{{1,59}})\Z", re.IGNORECASE)
_LABEL = re.compile(rf"[^\W_](?:[\w{MARKS}-]{{0,61}}(?:[^\W_]|[{MARKS}]))?\Z")
_MARK = re.compile(rf"[{MARKS}]")


class EmailDetector:
    """Implements Detector for e-mail addresses, of any script, with quoted local parts and literal domains."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every address."""
        return list(_find(text))


def _find(text: str) -> Iterator[Span]:
    previous = 0
    for at in _AT.finditer(text):
        end = _domain_end(text, at.end())
        start = _local_start(text, max(previous, at.start() - LONGEST_LOCAL), at.start()) if end else at.start()
        if start < at.start():
            yield Span(start, end, NAME)
        previous = end if start < at.start() else at.end()


def _local_start(text: str, floor: int, at: int) -> int:
    """Where the local part before `at` begins; `at` when there is none."""
    window = text[floor:at]
    quoted = _QUOTED_END.search(window) if window.endswith('"') else None
    if quoted:
        return floor + quoted.start()
    if not window or window[-1] in ".'":
        return at
    size = len(window)
    while size and _is_local(window[size - 1]):
        size -= 1
    while size < len(window) and window[size] in _TRIMMED:
        size += 1
    return floor + size


def _is_local(sign: str) -> bool:
    return sign.isalnum() or sign in _LOCAL_SIGNS or _MARK.match(sign) is not None


def _domain_end(text: str, start: int) -> int:
    """Where the domain after an at sign ends; 0 when none begins there."""
    literal = _LITERAL.match(text, start)
    if literal:
        return literal.end()
    found = _DOMAIN.match(text, start)
    if not found:
        return 0
    labels = found[0].rstrip(".-_").split(".")
    while len(labels) > 1 and not _is_domain(labels):
        labels.pop()
    return start + len(".".join(labels)) if len(labels) > 1 else 0


def _is_domain(labels: Sequence[str]) -> bool:
    top = labels[-1]
    return bool(_TOP.match(top)) and top.casefold() not in NO_DOMAINS and all(map(_LABEL.match, labels))
