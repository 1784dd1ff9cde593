"""IP addresses of both families. Loopback, unspecified and broadcast addresses belong to nobody and stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import AddressValueError, IPv6Address

from reconciler.inference.safety.digits import LETTER
from reconciler.inference.safety.spans import Span, merge

NAME = "ip-address"
LONGEST_V6 = 45
CONTEXT = 16
LOOPBACK = "127."

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = re.compile(rf"(?<![0-9])(?<![0-9]\.)(?:(?<![A-Za-z])|(?<=IP))(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z]|\.[0-9])")
_V6_RUN = re.compile(
    rf"(?<!{LETTER})(?<![\d_:.])(?:[0-9A-Fa-f:]{{1,38}}:(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}|[0-9A-Fa-f:]{{2,39}}+)(?!{LETTER}|[\d_:])(?!\.[0-9])"
)
_VERSIONS = frozenset(
    {"v", "v.", "ver", "ver.", "version", "release", "build", "firmware", "section", "§", "chapter", "kapitel"}
)
_NOBODYS = frozenset({"0.0.0.0", "255.255.255.255"})  # noqa: S104 - not bound to, but left alone


class IpDetector:
    """Implements Detector for IP addresses."""

    name = NAME

    def find(self, text: str) -> Sequence[Span]:
        """Every address that could be somebody's. A number after "version" is none."""
        return merge([*_v4(text), *_v6(text)])


def _v4(text: str) -> Iterator[Span]:
    for found in _V4.finditer(text):
        if found[0] in _NOBODYS or found[0].startswith(LOOPBACK) or _is_version(text, found.start()):
            continue
        yield Span(found.start(), found.end(), NAME)


def _is_version(text: str, start: int) -> bool:
    words = text[max(0, start - CONTEXT) : start].lower().rstrip(":= \t").split()
    return bool(words) and words[-1].lstrip("([") in _VERSIONS


def _v6(text: str) -> Iterator[Span]:
    for found in _V6_RUN.finditer(text):
        written = found[0].removesuffix(":") if not found[0].endswith("::") else found[0]
        if _is_someones(written):
            yield Span(found.start(), found.start() + len(written), NAME)


def _is_someones(written: str) -> bool:
    if written.count(":") < 2 or not any(map(str.isdigit, written)):  # noqa: PLR2004 - fewer make a time of day
        return False
    try:
        address = IPv6Address(written)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
