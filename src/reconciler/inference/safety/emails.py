"""E-mail addresses, outwards from each at sign: no expression that could run for long on dots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reconciler.inference.safety.digits import HANGUL, MARKS, UNSPACED, narrow
from reconciler.inference.safety.spans import Span

NAME = "email"
LONGEST_LOCAL, LONGEST_DOMAIN = 64, 253

NO_DOMAINS = frozenset({"css", "gif", "html", "jpeg", "jpg", "js", "json", "pdf", "png", "svg", "webp", "yaml", "yml"})
"""Ends of file names such as ``icon@2x.png``; none is a top-level domain."""

_LOCAL_SIGNS = frozenset("._%+'&~!#$*/?^{|}-")
_TRIMMED = _LOCAL_SIGNS - {"_"}
_AT = re.compile("@")
_QUOTED_END = re.compile(r'"[^"\s]{1,62}"\Z')
_DOMAIN = re.compile(rf"[^\W_][\w{MARKS}-]{{0,62}}+\.[\w.{MARKS}-]{{1,{LONGEST_DOMAIN}}}")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.IPv]{3,45}\]")
_TOP = re.compile(rf"(?:(?:[^\W\d_]|[{MARKS}]){{2,63}}|xn--[a-z0-9-]{{1,59}})\Z", re.IGNORECASE)
_LABEL = re.compile(rf"[^\W_](?:[\w{MARKS}-]{{0,61}}(?:[^\W_]|[{MARKS}]))?\Z")
_MARK = re.compile(rf"[{MARKS}]")
_BESIDE = re.compile(rf"[{UNSPACED}{HANGUL}]")
_TOPS = re.compile(
    "中国|中國|公司|网络|網絡|在线|中文网|香港|台湾|台灣|新加坡|澳門|澳门|世界|商城|网址|网店|手机|移动|集团|信息|商标|我爱你"
    "|みんな|コム|ストア|セール|한국|닷컴|ไทย|คอม|ລາວ"
)
"""Top-level domains in scripts without blanks: what follows them is the next word."""


class EmailDetector:
    """Implements Detector for e-mail addresses, of any script, with quoted local parts and literal domains."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every address."""
        return list(_find(narrow(text)))


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
    beside = window[-1].isascii()  # then letters of a script without blanks belong to the word before
    while size and _is_local(window[size - 1]) and not (beside and _BESIDE.match(window[size - 1])):
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
    labels = _apart(found[0].rstrip(".-_").split("."))
    while len(labels) > 1 and not _is_domain(labels):
        labels.pop()
    return start + len(".".join(labels)) if len(labels) > 1 else 0


def _apart(labels: list[str]) -> list[str]:
    """Without the word that stands directly behind the domain, where scripts need no blank between."""
    for at, label in enumerate(labels[1:], 1):
        beside = _BESIDE.search(label)
        if not beside:
            continue
        latin, own = label[: beside.start()], _TOPS.match(label)
        end = own.end() if own else beside.start() if latin.isascii() and latin.isalpha() else len(label)
        if end < len(label):
            return [*labels[:at], label[:end]]
    return labels


def _is_domain(labels: Sequence[str]) -> bool:
    top = labels[-1]
    return bool(_TOP.match(top)) and top.casefold() not in NO_DOMAINS and all(map(_LABEL.match, labels))
