"""Where something was found, and how it is taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A find: characters `start` up to but not including `end`; `kind` is the detector's name."""

    start: int
    end: int
    kind: str


class Detector(Protocol):
    """Finds one kind of thing in a text, in time linear in its length."""

    @property
    def name(self) -> str:
        """What manifests call it, such as ``credit-card``."""

    def find(self, text: str) -> Sequence[Span]:
        """All finds, in any order. Offsets are in characters of `text`."""


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, none overlapping: what overlaps becomes one, of the kind of its longest part."""
    merged: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end, span.kind)):
        length = span.end - span.start
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            longest = length
            continue
        last = merged[-1]
        kind = span.kind if length > longest else last.kind
        longest = max(longest, length)
        merged[-1] = Span(last.start, max(last.end, span.end), kind)
    return tuple(merged)


def label(kind: str) -> str:
    """What stands in a text instead of a find: ``[CREDIT_CARD REDACTED]``."""
    return f"[{kind.upper().replace('-', '_').replace(':', '_')} REDACTED]"


def redact(text: str, spans: Sequence[Span]) -> str:
    """Replace merged spans by offset: no other place in the text can change."""
    pieces: list[str] = []
    end = 0
    for span in spans:
        pieces += (text[end : span.start], label(span.kind))
        end = span.end
    return "".join((*pieces, text[end:]))


def tally(spans: Iterable[Span]) -> Mapping[str, int]:
    """How many of each kind, by name."""
    return dict(sorted(Counter(span.kind for span in spans).items()))
