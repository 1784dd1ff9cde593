"""YAML text to plain data in one pass over libyaml's events. Strict, and silent about nothing.

Positions are not kept for every node: a problem found here has its event at hand, and for anything
later the one document asked about is composed again (see `document.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from reconciler.manifest.scalars import AMBIGUOUS, resolve

DEEPEST = 40
MOST_NODES = 100_000
"""Nodes of one document, aliases counted as often as they expand."""

_TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
_MAP_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map"})
_SEQ_TAGS = frozenset({None, "!", "tag:yaml.org,2002:seq"})

Report = Callable[[str, str, int, int], None]
"""Told of a problem: code, detail, line and column from 1."""


class EventSource(Protocol):
    """What is used of a YAML parser: libyaml's, or the one in Python where libyaml is missing."""

    def get_event(self) -> Any:
        """The next event. Raises yaml.YAMLError."""

    def dispose(self) -> None:
        """Give back buffers."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document: its data, and where it stands in the text (characters, from 0; line from 0)."""

    data: Any
    start: int
    end: int
    line: int


class _Broken(Exception):
    """The rest of this document cannot be used; the problem has been reported."""


def _open(text: str) -> EventSource:
    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    source: EventSource = loader(text)
    return source


def parse(text: str, report: Report) -> list[Parsed]:
    """All documents of a file that can be used; every problem goes to `report`."""
    documents: list[Parsed] = []
    try:
        events = _open(text)
    except yaml.YAMLError as error:
        _report_yaml(error, report, text)
        return documents
    try:
        _documents(events, report, documents)
    except yaml.YAMLError as error:
        _report_yaml(error, report, text)
    except _Broken:
        pass
    finally:
        events.dispose()
    return documents


def _documents(events: EventSource, report: Report, documents: list[Parsed]) -> None:
    events.get_event()
    while type(event := events.get_event()) is not StreamEndEvent:
        if type(event) is not DocumentStartEvent:
            continue
        begin: Any = event.start_mark
        builder = _Builder(events, report)
        data = builder.node(events.get_event(), 0)
        end = events.get_event().end_mark
        if data is not None or builder.nodes > 1:
            documents.append(Parsed(data, begin.index, end.index, begin.line))


def _report_yaml(error: yaml.YAMLError, report: Report, text: str) -> None:
    """At the place of the mistake, which is often not the place where the parser could not go on.

    | the parser says                   | the mistake                                              |
    |-----------------------------------|----------------------------------------------------------|
    | a quoted text never ends          | where its quote opens                                    |
    | `[` or `{` never ends             | where the parser stopped; the words say where it opens   |
    | a key without a colon             | where that key begins                                    |
    | a colon within a text             | the line before, where its own colon has no space        |
    | anything else                     | where the parser stopped                                 |
    """
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is None:
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        report("YAML001", f"{problem}. Mend the YAML here.", line, 1)
        return
    opened, context = getattr(error, "context_mark", None), getattr(error, "context", None) or ""
    if opened is not None and "quoted scalar" in context:
        _tell_at(report, opened, "the quote that opens here is never closed; close it.")
    elif opened is not None and "flow" in context and opened.line != mark.line:
        _tell_at(report, mark, f"the bracket that opens in line {opened.line + 1} is not closed before this; close it.")
    elif opened is not None and "simple key" in context:
        joined_here = _JOINED.match(_line(text, opened.line))
        hint = "put a space behind its colon" if joined_here else "write `key: value`"
        _tell_at(report, opened, f"what stands here is no key with a value; {hint}.")
    elif "mapping values" in problem and (joined := _joined_before(text, mark.line)) is not None:
        number, column = joined
        report("YAML001", "a space is missing behind this colon; write `key: value`.", number + 1, column + 1)
    else:
        _tell_at(report, mark, f"{problem}. Mend the YAML here.")


def _tell_at(report: Report, mark: Any, detail: str) -> None:
    report("YAML001", detail, mark.line + 1, mark.column + 1)


_JOINED = re.compile(r"\s*(?:- +)*[A-Za-z_][A-Za-z0-9_.-]{0,200}(:)[^\s:/]")
"""A key whose value follows without a space: to YAML it is all one text, which goes on in the next line."""


def _joined_before(text: str, number: int) -> tuple[int, int] | None:
    """Line and column (from 0) of the colon of the first such key among the lines right before this one."""
    lines = text.split("\n")
    found = None
    for before in range(min(number, len(lines)) - 1, -1, -1):
        match = _JOINED.match(lines[before])
        if match is None:
            break
        found = before, match.start(1)
    return found


def _line(text: str, number: int) -> str:
    return text.split("\n")[number] if number <= text.count("\n") else ""


@dataclass(slots=True)
class _Builder:
    """Builds one document. `plain` remembers what plain scalars mean, for documents repeat them."""

    events: EventSource
    report: Report
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    nodes: int = 0

    def node(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        if depth >= DEEPEST:
            self._give_up("YAML007", f"nested deeper than {DEEPEST} levels; flatten it.", event)
        before = self.nodes
        self.nodes += 1
        value = self._mapping(event, depth) if kind is MappingStartEvent else self._sequence(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def _scalar(self, event: Any) -> Any:
        self.nodes += 1
        text = event.value
        value = self._plain(event, text) if event.implicit[0] and not event.style else text
        if event.tag not in _TEXT_TAGS:
            self._tell("YAML005", f"the tag {brief(event.tag)} is not allowed; write the value without it.", event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        return value

    def _plain(self, event: Event, text: str) -> Any:
        value = _PLAIN.get(text, _UNSEEN)
        if value is _UNSEEN:
            value = resolve(text)
            if len(_PLAIN) < _MOST_REMEMBERED:
                _PLAIN[text] = value
        if value is not AMBIGUOUS:
            return value
        shown = text if len(text) <= LONGEST_SHOWN else "this"
        detail = f"{shown} means different things to different readers; put it in quotes if text is meant."
        self._tell("YAML003", detail, event)
        return text

    def _mapping(self, start: Any, depth: int) -> dict[str, Any]:
        if start.tag not in _MAP_TAGS:
            self._tell("YAML005", f"the tag {start.tag} is not allowed; write the mapping without it.", start)
        found: dict[str, Any] = {}
        get_event = self.events.get_event
        while type(event := get_event()) is not MappingEndEvent:
            plain = type(event) is ScalarEvent and event.tag is None and event.anchor is None
            key = event.value if plain and event.value in _KEYS else self._key(event)
            if key in found:
                self._tell("YAML002", f"{brief(key)!r} stands twice in this mapping; keep one of them.", event)
            found[key] = self.node(get_event(), depth + 1)
        return found

    def _key(self, event: Any) -> str:
        if type(event) is not ScalarEvent:
            self._give_up("YAML006", "a key must be plain text.", event)
        if event.tag not in _TEXT_TAGS:
            self._tell("YAML005", f"the tag {brief(event.tag)} is not allowed; write the key without it.", event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (event.value, 1)
        if event.style:
            return str(event.value)
        if type(resolve(event.value)) is str:
            if event.tag is None and len(_KEYS) < _MOST_REMEMBERED:
                _KEYS.add(event.value)
            return str(event.value)
        if event.value == "<<":
            self._tell("YAML004", "merge keys are not supported; write the members out, or use a Patch.", event)
        else:
            self._tell("YAML003", f"the key {brief(event.value)!r} is not plain text; put it in quotes.", event)
        return str(event.value)

    def _sequence(self, start: Any, depth: int) -> list[Any]:
        if start.tag not in _SEQ_TAGS:
            self._tell("YAML005", f"the tag {start.tag} is not allowed; write the list without it.", start)
        found: list[Any] = []
        while type(event := self.events.get_event()) is not SequenceEndEvent:
            found.append(self.node(event, depth + 1))
        return found

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self.anchors:
            self._give_up("YAML001", f"the alias *{brief(event.anchor)} has no anchor before it.", event)
        value, size = self.anchors[event.anchor]
        self.nodes += size
        if self.nodes > MOST_NODES:
            self._give_up("YAML008", f"aliases expand to more than {MOST_NODES} nodes; write the parts out.", event)
        return value

    def _tell(self, code: str, detail: str, event: Any) -> None:
        self.report(code, detail, event.start_mark.line + 1, event.start_mark.column + 1)

    def _give_up(self, code: str, detail: str, event: Any) -> None:
        self._tell(code, detail, event)
        raise _Broken


def brief(text: str) -> str:
    """A text as a message quotes it."""
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


LONGEST_QUOTE = 120
LONGEST_SHOWN = 12
"""Characters of an ambiguous value that are repeated: a longer one is a number, which may be a secret."""
_UNSEEN = object()
_MOST_REMEMBERED = 100_000
_PLAIN: dict[str, Any] = {}
_KEYS: set[str] = set()
"""Plain scalars and keys that were looked at before: fleets repeat them by the thousand."""
