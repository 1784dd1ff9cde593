"""Laws of all dialects: nothing that comes over the wire breaks a reader, and no text is lost or added."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reconciler.inference.dialects import DIALECTS
from reconciler.inference.events import Delta, Event, Failed, Finished, Frame, Kind
from reconciler.inference.sse import Parser

ALL = st.sampled_from(sorted(DIALECTS))
NAMES = st.sampled_from(
    [
        "choices",
        "delta",
        "content",
        "error",
        "usage",
        "type",
        "model",
        "finish_reason",
        "message",
        "code",
        "attempt",
        "refusal",
        "tool_calls",
        "prompt_tokens",
        "completion_tokens",
        "object",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
WORDS = st.sampled_from(["content", "complete", "error", "stop", "tool_calls"])
JSON = st.recursive(
    LEAVES | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
FRAMES = st.builds(Frame, JSON.map(json.dumps) | st.text(max_size=12) | st.just("[DONE]"), st.just("message"))


def read(dialect: str, frames: Sequence[Frame]) -> list[Event]:
    reader = DIALECTS[dialect].reader()
    events: list[Event] = []
    for frame in frames:
        events += reader.read(frame)
        if any(isinstance(event, Finished | Failed) for event in events):
            return events
    return [*events, reader.end()]


@given(ALL, st.lists(FRAMES, max_size=6))
def test_whatever_comes_ends_as_finished_or_failed(dialect: str, frames: list[Frame]) -> None:
    """A gateway can send anything; a stack trace is an answer to nobody."""
    events = read(dialect, frames)
    assert isinstance(events[-1], Finished | Failed)
    assert not any(isinstance(event, Finished | Failed) for event in events[:-1])
    assert all(event.text for event in events if isinstance(event, Delta))


def said(dialect: str, pieces: Sequence[str]) -> list[str]:
    if dialect == "cognigy":
        return [json.dumps({"type": "content", "delta": piece}) for piece in pieces]
    return [json.dumps({"choices": [{"delta": {"content": piece}}]}, ensure_ascii=False) for piece in pieces]


def marker(dialect: str) -> str:
    return '{"type": "complete"}' if dialect == "cognigy" else "[DONE]"


@given(ALL, st.lists(st.text(max_size=8), min_size=1, max_size=8))
def test_the_pieces_make_the_text_and_only_the_marker_makes_it_whole(dialect: str, pieces: list[str]) -> None:
    """With the marker it is the answer to the letter; without it, it is none, however much has come."""
    frames = [Frame(text) for text in said(dialect, pieces)]
    whole = read(dialect, [*frames, Frame(marker(dialect))])
    assert "".join(event.text for event in whole if isinstance(event, Delta)) == "".join(pieces)
    assert isinstance(whole[-1], Finished)
    cut = read(dialect, frames)
    assert isinstance(cut[-1], Failed)
    assert cut[-1].kind is Kind.INCOMPLETE


@given(st.lists(st.text(max_size=8), max_size=8), st.integers(1, 9))
def test_a_text_survives_events_cut_anywhere(pieces: list[str], size: int) -> None:
    """From bytes to text through the parser and the reader, whatever characters a model uses."""
    data = "".join(f"data: {frame}\n\n" for frame in [*said("openai", ["x", *pieces]), "[DONE]"]).encode()
    parser = Parser()
    frames = [
        Frame(event.data, event.event)
        for start in range(0, len(data), size)
        for event in parser.feed(data[start : start + size])
    ]
    events = read("openai", frames)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == "x" + "".join(pieces)
    assert isinstance(events[-1], Finished)
