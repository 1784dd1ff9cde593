"""Laws of the parser of server-sent events: the standard's text, however the bytes come."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reconciler.inference.sse import Parser, ServerSentEvent

TEXT = st.text(st.sampled_from("ab: é𝄞\ufeff\0,1"), max_size=8)
FIELDS = st.sampled_from(["data", "data:", "data: ", "event:", "event: ", "id:", "id: ", "retry:", ":", "other:", ""])
LINES = st.builds(str.__add__, FIELDS, TEXT) | st.just("")
ENDS = st.sampled_from(["\n", "\r", "\r\n"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=20).map(lambda parts: "".join(a + b for a, b in parts))
BYTES = STREAMS.map(str.encode) | st.binary(max_size=60)


def events(chunks: Sequence[bytes]) -> list[ServerSentEvent]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def read_whole(data: bytes) -> list[ServerSentEvent]:
    """The standard's algorithm over a stream that is all there, written down once more and plainly."""
    text = data.decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found, lines, kind, last = [], list[str](), "", ""
    for line in text.split("\n")[:-1]:
        if line == "":
            if lines:
                found.append(ServerSentEvent("\n".join(lines), kind or "message", last))
            lines, kind = [], ""
            continue
        name, colon, value = line.partition(":")
        value = value[1:] if colon and value[:1] == " " else value
        if name == "data":
            lines.append(value)
        if name == "event":
            kind = value
        if name == "id" and "\0" not in value:
            last = value
    return found


@given(BYTES, st.lists(st.integers(0, 80), max_size=12))
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    """Networks cut where they like: inside a character, between CR and LF, in the middle of a name."""
    assert events(pieces(data, cuts)) == events([data])


@given(BYTES)
def test_bytes_that_come_one_by_one_are_read_as_the_standard_says(data: bytes) -> None:
    """The slowest proxy there is must not change an answer."""
    assert events([data[at : at + 1] for at in range(len(data))]) == read_whole(data)


@given(st.lists(LINES, max_size=15), ENDS)
def test_the_three_line_ends_mean_the_same(lines: list[str], end: str) -> None:
    """Servers on different systems end their lines differently."""
    assert events(["".join(line + end for line in lines).encode()]) == events(
        ["".join(line + "\n" for line in lines).encode()]
    )


@given(BYTES)
def test_what_has_no_empty_line_behind_it_is_no_event(data: bytes) -> None:
    """Half an event at the end of a stream is what a cut connection leaves, and must not count."""
    tail = data + b"\n\ndata: half"
    assert events([tail]) == events([data + b"\n\n"])
    assert events([tail + b"\n"]) == events([data + b"\n\n"])
