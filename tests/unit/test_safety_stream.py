"""A model's answer in pieces: nothing leaks at a seam, and little waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pii_lines import developed

from reconciler.inference.safety import BUILT_IN, Screen, Span, StreamScreen, Verdict
from reconciler.inference.safety.stream import HELD, LONGEST_WAIT
from reconciler.model.inference import SafetyAction, SafetyPolicy

POLICY = SafetyPolicy("p", tuple(BUILT_IN))
MARKED = [line for line in developed() if line.marks]
LINES = [line.text for line in MARKED if line.region in {"US", "GB"}]


def streamed(policy: SafetyPolicy, pieces: list[str]) -> tuple[str, StreamScreen]:
    screen = StreamScreen(policy)
    return "".join([*map(screen.feed, pieces), screen.finish()]), screen


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_every_line_of_the_corpus_comes_out_as_the_whole_would(size: int) -> None:
    """Tokens end anywhere: in the middle of a number as well."""
    for line in MARKED:
        policy = SafetyPolicy("p", tuple(BUILT_IN), region=line.region)
        text, screen = streamed(policy, [line.text[at : at + size] for at in range(0, len(line.text), size)])
        whole = Screen(policy).output(line.text)
        assert (text, screen.verdict, screen.found) == (whole.text, whole.verdict, whole.found), line


@given(st.lists(st.sampled_from(LINES), max_size=4), st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_the_pieces_do_not_matter(lines: list[str], sizes: list[int]) -> None:
    """The law: how a text was cut cannot be seen in what goes on."""
    whole = ". Then,\n".join(lines)
    pieces: list[str] = []
    rest = whole
    while rest:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(rest[:size])
        rest = rest[size:]
    text, screen = streamed(POLICY, pieces)
    expected = Screen(POLICY).output(whole)
    assert (text, screen.found) == (expected.text, expected.found)


def test_prose_goes_on_word_by_word() -> None:
    """A stream that waits for its end is no stream."""
    screen = StreamScreen(POLICY)
    assert [screen.feed(piece) for piece in ("Your order", " is on", " its way ")] == [
        "Your ",
        "order is ",
        "on its way ",
    ]


@given(st.lists(st.text(alphabet="1 a@.-", min_size=1, max_size=50), max_size=60))
def test_what_waits_is_bounded(pieces: list[str]) -> None:
    """A model that writes digits for ever may not fill the memory."""
    screen = StreamScreen(POLICY)
    fed = sum(len(piece) for piece in pieces)
    shown = [screen.feed(piece) for piece in pieces]
    if not screen.found:
        assert fed - sum(map(len, shown)) <= HELD


def test_a_block_ends_the_stream() -> None:
    """Nothing after a find may go on, and the find itself never does."""
    policy = SafetyPolicy("p", ("ssn",), on_output=SafetyAction.BLOCK)
    text, screen = streamed(policy, ["Sure, it is ", "123-45", "-6789", " and more", " and more"])
    assert screen.verdict is Verdict.BLOCKED
    assert "123" not in text
    assert "more" not in text


def test_a_term_across_pieces_blocks() -> None:
    """Half of a term in each piece is still the term."""
    text, screen = streamed(
        SafetyPolicy("p", blocked_terms=("bypass security",)), ["We by", "pass ", " secu", "rity here"]
    )
    assert (text, screen.verdict, screen.found) == ("We ", Verdict.BLOCKED, {"blocked-term": 1})


@pytest.mark.parametrize("size", [1, 2, 5, 11])
def test_a_stem_across_pieces_blocks_as_in_the_whole(size: int) -> None:
    """An ending that comes in the next piece is still an ending, and a word that only begins alike goes on."""
    policy = SafetyPolicy("p", blocked_terms=("exploit*", "bypass* secur*"))
    for words in ("They explored it", "We are exploiting it", "bypassing all security", "By bypassing securities"):
        text, screen = streamed(policy, [words[at : at + size] for at in range(0, len(words), size)])
        whole = Screen(policy).output(words)
        assert (screen.verdict, screen.found) == (whole.verdict, whole.found), words
        assert text == words if whole.verdict is Verdict.CLEAN else not {"exploit", "bypass"} & set(text.split())


def test_a_report_changes_nothing_and_counts() -> None:
    """Whoever only watches must not be able to tell from the text."""
    policy = SafetyPolicy("p", ("email",), on_output=SafetyAction.REPORT)
    text, screen = streamed(policy, ["write to kim@exam", "ple.com or lee@example", ".com"])
    assert text == "write to kim@example.com or lee@example.com"
    assert (screen.verdict, screen.found) == (Verdict.REPORTED, {"email": 2})


class Everything:
    """A detector that finds the whole text, as a model may."""

    name = "all"

    def find(self, text: str) -> list[Span]:
        return [Span(0, len(text), "all")]


def test_a_find_without_end_is_replaced_part_by_part() -> None:
    """Waiting for its end would be waiting with all of the memory."""
    screen = StreamScreen(SafetyPolicy("p"), [Everything()])
    shown = "".join(screen.feed("secret ") for _ in range(1_000)) + screen.finish()
    assert "secret" not in shown
    assert screen.found["all"] > 7_000 // LONGEST_WAIT - 1


def test_nothing_is_kept_after_a_block() -> None:
    """A blocked answer goes on arriving until someone closes it."""
    policy = SafetyPolicy("p", blocked_terms=("stop",))
    text, screen = streamed(policy, ["stop now ", *["more "] * 1_000])
    assert (text, screen.verdict, screen.found) == ("", Verdict.BLOCKED, {"blocked-term": 1})
