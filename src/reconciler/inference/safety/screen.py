"""A text through a policy.

::

    found                       action    verdict     text that goes on
    nothing                     -         clean       unchanged
    over maxInputCharacters     -         blocked     none
    a blocked term              -         blocked     none
    personal data               block     blocked     none
    personal data               redact    redacted    with labels instead
    personal data               report    reported    unchanged

The result says what was found by kind and count; the text itself is in no `repr` and no record.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.errors import InferenceError
from reconciler.inference.safety.birthdates import BirthdateDetector
from reconciler.inference.safety.cards import CardDetector
from reconciler.inference.safety.emails import EmailDetector
from reconciler.inference.safety.ibans import IbanDetector
from reconciler.inference.safety.identity import SsnDetector
from reconciler.inference.safety.network import IpDetector
from reconciler.inference.safety.phones import PhoneDetector
from reconciler.inference.safety.plugged import PREFIX as PLUGIN
from reconciler.inference.safety.plugged import PluggedDetector
from reconciler.inference.safety.presidio import PREFIX, PresidioDetector
from reconciler.inference.safety.spans import Detector, Span, merge, redact, tally
from reconciler.inference.safety.terms import NAME as BLOCKED_TERM
from reconciler.inference.safety.terms import TermDetector
from reconciler.model.inference import SafetyAction, SafetyPolicy

TOO_LONG = "too-long"
MOST_CLEAN = 8_192

BUILT_IN: Mapping[str, Callable[[str], Detector]] = {
    "credit-card": lambda _region: CardDetector(),
    "date-of-birth": lambda _region: BirthdateDetector(),
    "email": lambda _region: EmailDetector(),
    "iban": lambda _region: IbanDetector(),
    "ip-address": lambda _region: IpDetector(),
    "phone": PhoneDetector,
    "ssn": lambda _region: SsnDetector(),
}
"""Detectors that need no model, by name; each is made for a region (ISO 3166)."""


class Verdict(StrEnum):
    """What became of a text."""

    CLEAN = "clean"
    REDACTED = "redacted"
    REPORTED = "reported"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Screened:
    """A judged text. `found` counts by kind; `text` is what may go on, empty when blocked."""

    verdict: Verdict
    found: Mapping[str, int]
    text: str = field(repr=False)


def detectors_for(policy: SafetyPolicy) -> tuple[Detector, ...]:
    """The detectors that a policy names. InferenceError for a name that is none."""
    return tuple(_detector(name, policy.region) for name in policy.pii)


class Clean:
    """Texts in which nothing was found, the newest `MOST_CLEAN`: a keyed digest of each, and no text.

    Only for detectors that find the same in the same text for ever.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, text: str) -> bool:
        digest = self._digest(text)
        if digest not in self._known:
            return False
        self._known.move_to_end(digest)
        return True

    def add(self, text: str) -> None:
        """Remember one."""
        self._known[self._digest(text)] = None
        if len(self._known) > MOST_CLEAN:
            self._known.popitem(last=False)

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20, key=self._key).digest()


class Screen:
    """A policy, ready to judge texts. `detectors` overrides those that the policy names."""

    def __init__(self, policy: SafetyPolicy, detectors: Sequence[Detector] | None = None) -> None:
        self._policy = policy
        self._detectors = detectors_for(policy) if detectors is None else tuple(detectors)
        self._terms = TermDetector(policy.blocked_terms)
        own = policy.pii if detectors is None else [detector.name for detector in detectors]
        self._clean = Clean() if set(own) <= set(BUILT_IN) else None

    def earlier(self, text: str) -> Screened:
        """Judge what was said before. Most of a conversation was judged at its last turn, and nothing found in it."""
        if self._clean is None:
            return self.input(text)
        if text in self._clean:
            return Screened(Verdict.CLEAN, {}, text)
        screened = self.input(text)
        if screened.verdict is Verdict.CLEAN:
            self._clean.add(text)
        return screened

    def input(self, text: str) -> Screened:
        """Judge what a customer says."""
        bound = self._policy.max_input_characters
        if bound is not None and len(text) > bound:
            return Screened(Verdict.BLOCKED, {TOO_LONG: 1}, "")
        return judge(text, self.find(text), self._policy.on_input)

    def output(self, text: str) -> Screened:
        """Judge what a model says, when all of it is there."""
        return judge(text, self.find(text), self._policy.on_output)

    def find(self, text: str) -> tuple[Span, ...]:
        """Blocked terms and personal data, in order; a term keeps its own span even within other finds."""
        personal = merge(span for detector in self._detectors for span in detector.find(text))
        return (*self._terms.find(text), *personal)


def judge(text: str, spans: Sequence[Span], action: SafetyAction) -> Screened:
    """Apply an action to what was found."""
    found = tally(spans)
    if not spans:
        return Screened(Verdict.CLEAN, found, text)
    if BLOCKED_TERM in found or action is SafetyAction.BLOCK:
        return Screened(Verdict.BLOCKED, found, "")
    if action is SafetyAction.REPORT:
        return Screened(Verdict.REPORTED, found, text)
    return Screened(Verdict.REDACTED, found, redact(text, spans))


def _detector(name: str, region: str) -> Detector:
    prefix = name.partition(":")[0]
    if prefix == PREFIX:
        return PresidioDetector(name)
    if prefix == PLUGIN:
        return PluggedDetector(name, region)
    if name not in BUILT_IN:
        raise InferenceError(
            f"there is no detector {name!r}; there are {', '.join(BUILT_IN)}, {PREFIX} and {PLUGIN}:NAME"
        )
    return BUILT_IN[name](region)
