"""A text through a policy: what goes on, what does not, and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import InferenceError
from reconciler.inference.safety import BUILT_IN, Detector, Screen, Screened, Span, Verdict
from reconciler.inference.safety.cards import passes_luhn
from reconciler.inference.safety.ibans import STRUCTURES, passes_mod97
from reconciler.inference.safety.phones import PhoneDetector
from reconciler.inference.safety.presidio import PresidioDetector
from reconciler.inference.safety.spans import merge, redact
from reconciler.inference.safety.terms import TermDetector
from reconciler.model.inference import SafetyAction, SafetyPolicy

ALL = tuple(BUILT_IN)
LETTER = "Mail kim@example.com, SSN 123-45-6789, card 4111 1111 1111 1111."
LIMIT_SECONDS = 0.15
"""Three times what is promised for a machine of its own, since this one is shared; what is quadratic takes seconds."""
SIZE = 65_536

HOSTILE = (
    "a.", "a@", "@", "a@b.", "x@y.z", "a.a@a.a.", "1", "1 ", "1-", "1.", "1/", "12 ", "4111 ", "4111-", "x1", "(",
    "((", "+", "4111 1111 1111 1111 ", "GB82 ", "GB12 WEST ", "LU28 001 ", "SA03 8000 ",
    "DE89 3704 0044 0532 0130 0 ", "0532 0130 00 ", "555-123-4567 ", "555-123-4567, ", "(555) 123-4567 ",
    "+4915123456789, ", "call 5551234567, ", "555-1234 ext ", "021 23 ", "1.2.3.4 ", "a:", "::", ":1", "2001:db8:: ",
    "born 01/01/1990 ", "born ", "1 mar ", "march ", "dob 1/1/", "123-45-6789 ", "123-45-", "ssn 123456789 ",
    "order 1234567 ", "2 69 05 49 588 157, ", "self-harm ", "self-", "_", "\u0301", " ", "\n", "\u200b1", "\xe9",
    "\u0663", "#1 ", '"a', '"a"@', "@[1", "a@[", "\u4e00", "\u0130born 1/1/1990 ", "1985\u5e743\u670814\u65e5",
    "\u662d\u548c60\u5e74", "S60.", "\u751f", "\u751f\u307e\u308c", "\u4e00\u4e5d\u516b\u4e94\u5e74",
    "14 \u0e21\u0e35\u0e19\u0e32\u0e04\u0e21 ", "\u0915\u094d\u0937\u093f", "1990-01-02 geboren ",
    "1990-01-02 a b c ", "1.1.1985'te ", "*1/1/1990", "b. 1/1/1990 ", "1 of the ", "1 d'", "1985. ", "1985 march ",
    "14-mar-85 ", "1 11 1985 ", "19850314 ", "[DATE_OF_BIRTH REDACTED] born ", "\uff11", "\u96fb\u8a711", "1\u30fc",
    "x@y.z\u65e5", "\u65e5@a", "ab\u65e5.", "@a.b\u65e5", "1#", "5551234567 ext ", "123-4567 x", "555-123-4567 wew",
    "A-5551234567 ", "5551234567-A ", "A4111111111111111 ", "4111111111111111-A ", "1234 4111 1111 1111 1111 ",
)  # fmt: skip


def detector(name: str) -> Detector:
    """A detector whose rules are loaded."""
    if name == "terms":
        return TermDetector(["self-harm", "bypass security", "1 1 2", "a a b"])
    if name == "stems":
        return TermDetector(
            ["sel*-har*", "1* 1* 2", "a* a* b*", "order* 1*", *("x" * size + "*" for size in range(2, 9))]
        )
    made = PhoneDetector("DE") if name == "phone-de" else BUILT_IN[name]("US")
    made.find("030 901820, +44 20 7946 0958, 555-123-4567")
    return made


def seconds(judge: Detector, unit: str) -> float:
    text = (unit * (SIZE // len(unit) + 1))[:SIZE]
    best = float("inf")
    for _ in range(5):
        begin = time.process_time()
        judge.find(text)
        best = min(best, time.process_time() - begin)
        if best < LIMIT_SECONDS:
            break
    return best


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BUILT_IN, "phone-de", "terms", "stems"])
def test_no_text_takes_long(name: str) -> None:
    """A customer who can type 64 kB may not buy a second of everyone's time with them."""
    judge = detector(name)
    assert not {unit: best for unit in HOSTILE if (best := seconds(judge, unit)) > LIMIT_SECONDS}


def screened(text: str, **policy: object) -> Screened:
    return Screen(SafetyPolicy("p", **{"pii": ALL, **policy})).input(text)  # type: ignore[arg-type]


def test_redaction_replaces_by_place_and_names_the_kind() -> None:
    """The rest of a message is what the answer depends on: it stays to the letter."""
    made = screened(LETTER)
    assert made.text == "Mail [EMAIL REDACTED], SSN [SSN REDACTED], card [CREDIT_CARD REDACTED]."
    assert (made.verdict, made.found) == (Verdict.REDACTED, {"credit-card": 1, "email": 1, "ssn": 1})


def test_blocking_lets_nothing_through_and_reporting_everything() -> None:
    """Three actions that do what they are called."""
    blocked = screened(LETTER, on_input=SafetyAction.BLOCK)
    assert (blocked.verdict, blocked.text, blocked.found["ssn"]) == (Verdict.BLOCKED, "", 1)
    reported = screened(LETTER, on_input=SafetyAction.REPORT)
    assert (reported.verdict, reported.text, reported.found["ssn"]) == (Verdict.REPORTED, LETTER, 1)
    assert screened("hello") == Screened(Verdict.CLEAN, {}, "hello")


def test_input_and_output_have_actions_of_their_own() -> None:
    """A customer may name a card; a bot may not."""
    screen = Screen(SafetyPolicy("p", ALL, on_input=SafetyAction.REPORT, on_output=SafetyAction.BLOCK))
    assert (screen.input(LETTER).verdict, screen.output(LETTER).verdict) == (Verdict.REPORTED, Verdict.BLOCKED)


def test_a_result_shows_no_text() -> None:
    """Results end up in logs and in assertion messages."""
    assert "kim@" not in repr(screened(LETTER, on_input=SafetyAction.REPORT))


def test_a_long_input_is_blocked_before_anything_reads_it() -> None:
    """The bound is what makes every other cost a constant; it is the operator's, in characters."""
    assert screened("x" * 10, max_input_characters=10).verdict is Verdict.CLEAN
    over = screened("x" * 11, max_input_characters=10)
    assert (over.verdict, over.text, over.found) == (Verdict.BLOCKED, "", {"too-long": 1})


def test_an_unknown_detector_is_refused() -> None:
    """A misspelt kind would look like protection."""
    with pytest.raises(InferenceError, match="no detector 'emial'"):
        Screen(SafetyPolicy("p", ("emial",)))


TERMS = ("illegal", "self-harm", "violence", "bypass security", "exploit", "Straße", "自殺")


@pytest.mark.parametrize(
    "text",
    [
        "This is ILLEGAL.",
        "self harm",
        "Self-Harm!",
        "self\u2011harm",
        "SELF   HARM",
        "bypass  security",
        "(exploit)",
        "_exploit_",
        "\uff45\uff58\uff50\uff4c\uff4f\uff49\uff54",  # full width
        "ex\u200bploit",
        "illeg\u00adal",
        "STRASSE",
        "strasse 5",
        "彼は自殺した",
        "bypass\nsecurity",
    ],
)
def test_a_term_is_found_however_it_is_written(text: str) -> None:
    """Case, width, hyphens and marks of no width are how lists of words are walked around."""
    made = screened(text, pii=(), blocked_terms=TERMS)
    assert (made.verdict, made.found) == (Verdict.BLOCKED, {"blocked-term": 1})


@pytest.mark.parametrize(
    "text",
    [
        "exploitation",
        "illegally",
        "nonviolence",
        "self-service harm",
        "bypass. Security",
        "harm self",
        "自分",
        "bypass the security",
        "",
    ],
)
def test_a_term_is_not_found_within_other_words(text: str) -> None:
    """A filter that fires on "exploitation" is one that somebody turns off."""
    assert screened(text, pii=(), blocked_terms=TERMS).verdict is Verdict.CLEAN


STEMS = ("exploit*", "hack*", "bypass* secur*", "self-harm*", "Straß*", "mal*ware", "自殺*")


@pytest.mark.parametrize(
    "text",
    [
        "exploits",
        "He EXPLOITED it.",
        "exploitation",
        "exploit",
        "hacked!",
        "bypassing  security",
        "bypass securities",
        "self-harming",
        "strassenweise",
        "ha\u200bcking",
        "彼は自殺した",
    ],
)
def test_a_star_stands_for_any_ending(text: str) -> None:
    """Nobody lists every form of a word, and the one that was forgotten is the one that is written."""
    made = screened(text, pii=(), blocked_terms=STEMS)
    assert (made.verdict, made.found) == (Verdict.BLOCKED, {"blocked-term": 1})


@pytest.mark.parametrize("text", ["shack", "unexploited", "explo it", "bypass the security", "security bypass", "自分"])
def test_a_star_is_an_ending_and_nothing_else(text: str) -> None:
    """The beginning is what the operator wrote: a stem within other words would fire on everything."""
    assert screened(text, pii=(), blocked_terms=STEMS).verdict is Verdict.CLEAN


def test_a_stem_and_a_word_begin_at_one_place_and_the_longest_counts() -> None:
    """Both ways through the list are looked at, however a text goes on."""
    terms = TermDetector(["by*", "bypass security", "bypass* security now*", "byp* x"])
    found = [
        (span.start, span.end) for span in terms.find("bypass security nowhere, bypass security, bypassed x, byte")
    ]
    assert found == [(0, 23), (25, 40), (42, 52), (54, 58)]


def test_of_two_terms_at_one_place_the_longest_counts() -> None:
    """A count is compared from week to week: it may not depend on the order of a list."""
    terms = TermDetector(["bypass", "bypass security", "bypass security now"])
    assert [(span.start, span.end) for span in terms.find("bypass security soon, bypass")] == [(0, 15), (22, 28)]


spans = st.builds(
    lambda start, size, kind: Span(start, start + size, kind),
    st.integers(0, 40), st.integers(1, 12), st.sampled_from(["a", "b"]),
)  # fmt: skip


@given(st.lists(spans, max_size=8))
def test_merged_spans_are_in_order_apart_and_cover_the_same(parts: list[Span]) -> None:
    """Overlapping replacements would leave pieces of what had to go."""
    merged = merge(parts)
    assert all(one.end <= other.start for one, other in pairwise(merged))
    covered = {at for span in parts for at in range(span.start, span.end)}
    assert {at for span in merged for at in range(span.start, span.end)} == covered


@given(st.text(alphabet=st.sampled_from("0123456789 -.@+()/:abXxdeGB'\"é"), max_size=80))
def test_what_is_redacted_stays_redacted_and_the_rest_is_untouched(text: str) -> None:
    """Redaction twice, on the way in and on the way out, is redaction once; and it never moves a letter."""
    screen = Screen(SafetyPolicy("p", ALL))
    once = screen.input(text)
    found = screen.find(text)
    assert once.text == redact(text, found)
    assert [span.kind for span in screen.find(once.text)] == []


def test_a_longer_find_gives_its_name_to_what_overlaps() -> None:
    """A card number that also looks like a telephone is a card."""
    assert merge([Span(0, 5, "phone"), Span(3, 20, "credit-card")]) == (Span(0, 20, "credit-card"),)


def test_check_digits_are_checked() -> None:
    """The two sums that separate numbers from chance, on published specimens and their neighbours."""
    assert passes_luhn("4111111111111111")
    assert not passes_luhn("4111111111111112")
    assert passes_mod97("GB82 WEST 1234 5698 7654 32")
    assert not passes_mod97("GB82 WEST 1234 5698 7654 33")
    assert len(STRUCTURES) > 70


def test_an_address_at_a_literal_host_is_one() -> None:
    """Rare, and exactly as personal."""
    assert [(span.start, span.end) for span in BUILT_IN["email"]("US").find("root@[192.0.2.1] x")] == [(0, 16)]


def test_padding_does_not_hide_a_number() -> None:
    """The bound on the work for one text may not be a way to get past it."""
    padding = ", ".join(f"555-{at:03}-0000" for at in range(300))
    assert "212 555 0147" not in screened(f"{padding}, 212 555 0147, bye").text
    assert "2125550147" not in screened(f"{padding}, 2125550147, bye").text


@dataclass
class Found:
    """What Presidio's analyzer returns: offsets and no text."""

    entity_type: str
    start: int
    end: int
    score: float


@dataclass
class NameFinder:
    """An analyzer that knows one name. `asked` is what it was asked for."""

    asked: tuple[object, ...] = ()

    def analyze(
        self, *, text: str, language: str, entities: list[str] | None, score_threshold: float | None
    ) -> Sequence[Found]:
        self.asked = (language, entities, score_threshold)
        at = text.find("Kim Lee")
        return [Found("US_PERSON_NAME", at, at + 7, 0.85)] if at >= 0 else []


def test_presidio_fits_the_same_port() -> None:
    """Names need a language model; whoever has one gets redaction by offset like everyone else."""
    finder = NameFinder()
    screen = Screen(SafetyPolicy("p"), [PresidioDetector("presidio:us_person_name", finder)])
    assert screen.input("I am Kim Lee.").text == "I am [US_PERSON_NAME REDACTED]."
    assert finder.asked == ("en", ["US_PERSON_NAME"], 0.5)


def test_presidio_that_is_not_installed_is_said_to_be_missing() -> None:
    """A policy that asks for it may not quietly do without."""
    screen = Screen(SafetyPolicy("p", ("presidio",)))
    with pytest.raises(InferenceError, match=r"reconciler\[presidio\]"):
        screen.input("x")


def test_what_was_said_before_is_judged_alike_however_often_it_comes() -> None:
    """A conversation comes whole at each of its turns; what is remembered of it may hide nothing."""
    screen = Screen(SafetyPolicy("p", pii=("email",), blocked_terms=("bypass security",), max_input_characters=60))
    for text in ("Where is it?", "Write to a@example.com", "bypass security", "x" * 61, "Where is it? ") * 2:
        assert screen.earlier(text) == screen.input(text)


def test_a_detector_from_outside_is_asked_each_time() -> None:
    """It may learn meanwhile; only what finds the same for ever is remembered."""

    class Learning:
        name = "plugged:learning"
        asked = 0

        def find(self, text: str) -> list[Span]:
            self.asked += 1
            return [Span(0, len(text), "thing")] if self.asked > 1 else []

    screen = Screen(SafetyPolicy("p"), [Learning()])
    assert [screen.earlier("thing").verdict for _ in range(2)] == [Verdict.CLEAN, Verdict.REDACTED]
