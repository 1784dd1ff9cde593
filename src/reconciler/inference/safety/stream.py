"""A text that arrives in pieces: what cannot become a find any more goes on at once, the rest waits.

::

    the text so far ends in                               waits
    letters, digits or signs without a blank              that word, up to `HELD` characters
    numbers, with up to three short words between         from the first of them on, up to `NUMBERS` characters
    a date, with up to eight words behind                 from the date on: the last may say whose it is
    words that a blocked term may go on from              as many words as the longest term has
    anything, under a detector from outside               `HELD` characters
    a find that has begun                                 from its beginning on, up to `LONGEST_WAIT` characters

A find is judged with `CONTEXT` characters of what went on before, so that the pieces do not matter: the result is that
of the whole text, as long as no find is longer than what may wait.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.inference.safety.months import FIRST
from reconciler.inference.safety.screen import BUILT_IN, Screen, Verdict, judge
from reconciler.inference.safety.spans import Detector, Span
from reconciler.inference.safety.terms import TermDetector, last_words
from reconciler.model.inference import SafetyPolicy

HELD = 320
NUMBERS = 128
CONTEXT = 256
LONGEST_WAIT = 1_024
"""Characters that wait for the end of one find; a longer one is replaced part by part."""

WORDS_BETWEEN = 3
LONGEST_BETWEEN = 12
WORDS_BEHIND = 8
LONGEST_BEHIND = 24
"""Words after a date, and their characters: the phrase for a birth may come last, as verbs do in German."""

_TOKEN = re.compile(r"\S+")
_NUMBERISH = re.compile(rf"\S*\d|\W+\Z|\W*(?:{FIRST})", re.IGNORECASE)
_DATED = re.compile(r"\S*(?:\d{4}|[-/.'’]\d\d)|\S*[日일号號]")
_WORDS_ONLY = frozenset({"email"})


class StreamScreen:
    """A policy over one model's answer. Use one for each answer; feed nothing after `finish`."""

    def __init__(self, policy: SafetyPolicy, detectors: Sequence[Detector] | None = None) -> None:
        self._screen = Screen(policy, detectors)
        self._action = policy.on_output
        self._words = TermDetector(policy.blocked_terms).longest if policy.blocked_terms else 0
        names = {detector.name for detector in detectors} if detectors is not None else set(policy.pii)
        self._numbers = bool(names - _WORDS_ONLY)
        self._foreign = bool(names - set(BUILT_IN))
        self._text = ""
        self._released = 0
        self._found: Counter[str] = Counter()
        self._verdict = Verdict.CLEAN

    @property
    def verdict(self) -> Verdict:
        """What became of the text so far. Once blocked, nothing goes on any more."""
        return self._verdict

    @property
    def found(self) -> Mapping[str, int]:
        """How many of each kind so far, by name."""
        return dict(sorted(self._found.items()))

    def feed(self, piece: str) -> str:
        """What may go on now; possibly nothing."""
        if self._verdict is Verdict.BLOCKED:
            return ""
        self._text += piece
        return self._release(max(self._released, self._waiting_from()))

    def finish(self) -> str:
        """The rest: no more text will come."""
        return self._release(len(self._text))

    def _release(self, wanted: int) -> str:
        begin = self._released
        if self._verdict is Verdict.BLOCKED or wanted <= begin:
            return ""
        spans = self._screen.find(self._text)
        cut = min([wanted, *(span.start for span in spans if span.start < wanted < span.end)])
        cut = max(begin, cut, len(self._text) - LONGEST_WAIT)
        judged = judge(self._text[begin:cut], _within(spans, begin, cut), self._action)
        self._found.update(judged.found)
        self._verdict = _worst(self._verdict, judged.verdict)
        self._forget(cut)
        return judged.text

    def _forget(self, cut: int) -> None:
        keep = max(0, cut - CONTEXT)
        self._text = self._text[keep:]
        self._released = cut - keep

    def _waiting_from(self) -> int:
        """Where that begins which more text could still change."""
        text = self._text
        starts = [len(text) - len(_last_word(text[-HELD:]))]
        if self._numbers:
            starts.append(_numbers_from(text))
        if self._words:
            starts.append(len(text) - len(text[-HELD:]) + last_words(text[-HELD:], self._words))
        if self._foreign:
            starts.append(len(text) - HELD)
        return max(0, min(starts))


def _within(spans: Sequence[Span], begin: int, cut: int) -> list[Span]:
    """The parts of finds that lie between two places, counted from the first."""
    return [
        Span(max(span.start, begin) - begin, min(span.end, cut) - begin, span.kind)
        for span in spans
        if span.start < cut and span.end > begin
    ]


def _worst(one: Verdict, other: Verdict) -> Verdict:
    order = (Verdict.CLEAN, Verdict.REPORTED, Verdict.REDACTED, Verdict.BLOCKED)
    return max(one, other, key=order.index)


def _last_word(text: str) -> str:
    return "" if not text or text[-1].isspace() else text.rsplit(None, 1)[-1]


def _numbers_from(text: str) -> int:
    offset = max(0, len(text) - NUMBERS)
    start = len(text)
    between, longest = 0, 0
    for token in reversed(list(_TOKEN.finditer(text, offset))):
        if _NUMBERISH.match(token[0]) and _goes_on(token[0], between, longest):
            start, between, longest = token.start(), 0, 0
            continue
        between, longest = between + 1, max(longest, len(token[0]))
        if between > WORDS_BEHIND or longest > LONGEST_BEHIND:
            break
    return start


def _goes_on(token: str, between: int, longest: int) -> bool:
    """Whether what begins with a token may go on behind so many words."""
    return (between <= WORDS_BETWEEN and longest <= LONGEST_BETWEEN) or bool(_DATED.match(token))
