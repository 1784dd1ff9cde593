"""Server-sent events, as the WHATWG standard reads a stream of them.

Bytes go in as they come, in pieces of any size; events come out once the empty line behind them has.
What is left when a stream ends is no event.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. `id` is the last that the stream has named, on this event or on one before it."""

    data: str
    event: str = "message"
    id: str = ""


class Parser:
    """One stream's parser. `retry_ms` is the pause before reconnecting that the stream asked for, if it did."""

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._at_start = True
        self._after_cr = False
        self._line: list[str] = []
        self._data: list[str] = []
        self._event = ""
        self._id = ""

    def feed(self, chunk: bytes) -> Sequence[ServerSentEvent]:
        """The events that are whole with this piece."""
        events: list[ServerSentEvent] = []
        for line in self._lines(self._text(chunk)):
            if line.startswith("data: "):  # nearly every line of an answer, so it goes before all others
                self._data.append(line[6:])
            elif line:
                self._read(line)
            elif self._data:
                events.append(ServerSentEvent("\n".join(self._data), self._event or "message", self._id))
                self._data, self._event = [], ""
            else:
                self._event = ""
        return events

    def _text(self, chunk: bytes) -> str:
        """The piece as text, less one byte order mark at the very beginning, and half of a CR LF."""
        text = self._decode(chunk)
        if text and self._at_start:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        if text and self._after_cr:
            self._after_cr = False
            text = text.removeprefix("\n")
        if text:
            self._after_cr = text.endswith("\r")
        return text

    def _lines(self, text: str) -> Sequence[str]:
        """The lines that are whole with this piece; the beginning of one more is kept."""
        lines = _LINE_ENDS.split(text) if "\r" in text else text.split("\n")
        self._line.append(lines[0])
        if len(lines) == 1:
            return ()
        lines[0] = "".join(self._line)
        self._line = [lines.pop()]
        return lines

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if _DIGITS.fullmatch(value):
                self.retry_ms = int(value)
            case _:
                pass  # a comment, which has no name, or a field that the standard does not know
