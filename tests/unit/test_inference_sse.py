"""Server-sent events by example, out of the standard's own text."""

from __future__ import annotations

import pytest

from reconciler.inference.sse import Parser, ServerSentEvent


def events(data: bytes) -> list[tuple[str, str, str]]:
    return [(event.event, event.data, event.id) for event in Parser().feed(data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (b": test stream\n\ndata: first event\nid: 1\n\n", [("message", "first event", "1")]),
        (
            b"data: one\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n",
            [("message", "one", "1"), ("message", "second event", ""), ("message", " third", "")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
        (b"event: add\ndata: 73857293\n\n", [("add", "73857293", "")]),
        (b"event: nothing\n\ndata: x\n\n", [("message", "x", "")]),
        (b"id: a\0b\nid: 7\ndata: x\n\n", [("message", "x", "7")]),
        (b"data: x\nDATA: y\nunknown: z\n\n", [("message", "x", "")]),
        (b"\xef\xbb\xbfdata: x\n\n", [("message", "x", "")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []),
        (b"data: \xff\n\n", [("message", "\ufffd", "")]),
        ("data: line\u2028separators stay\n\n".encode(), [("message", "line\u2028separators stay", "")]),
    ],
)
def test_a_stream_gives_the_events_of_the_standard(data: bytes, expected: list[tuple[str, str, str]]) -> None:
    """Each of these is read differently by parsers that split on lines and look for `data:`."""
    assert events(data) == expected


def test_a_pause_before_reconnecting_is_kept_if_it_is_a_number() -> None:
    """Only ASCII digits count, so that no word becomes a time."""
    parser = Parser()
    parser.feed("retry: soon\nretry: ٣\n".encode())
    assert parser.retry_ms is None
    parser.feed(b"retry: 1500\n")
    assert parser.retry_ms == 1500


def test_an_event_comes_out_as_soon_as_its_empty_line_has() -> None:
    """A token that is held back until the next byte comes would make every stream late by one."""
    parser = Parser()
    assert parser.feed(b"data: x\r\n") == []
    assert parser.feed(b"\r") == [ServerSentEvent("x")]
    assert parser.feed(b"\ndata: y\n\n") == [ServerSentEvent("y")]
