"""What GitHub Actions understands: annotations as workflow commands, and the outputs of a step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reconciler.model.change import Change
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.drift import DriftCause
from reconciler.model.run import Outcome
from reconciler.planning import waiting_causes
from reconciler.render import overview, view
from reconciler.render.overview import Ended
from reconciler.render.subject import Subject

MOST = 10
"""Annotations of one level that GitHub shows for a step."""

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_ENDS = {Ended.FAILURE: "error", Ended.ERROR: "error", Ended.SKIPPED: "warning"}


class _Note(NamedTuple):
    level: str
    title: str
    message: str
    position: Position | None


def text(subject: Subject) -> str:
    """Annotations, one a line: what goes, errors, warnings, notices; at most ten of each, the last counts the rest."""
    notes = [*_notes(subject)]
    shown = [note for level in LEVELS.values() for note in _at_most([n for n in notes if n.level == level], subject)]
    going = overview.removals(subject)
    first = [note for note in shown if going and note.title == going.words]
    return "".join(f"{_line(note)}\n" for note in (*first, *(note for note in shown if note not in first)))


def _at_most(notes: Sequence[_Note], subject: Subject) -> Sequence[_Note]:
    if len(notes) <= MOST:
        return notes
    rest = len(notes) - MOST + 1
    words = f"{rest} more of {len(notes)} are not shown here; `reconciler {subject.command}` says them all."
    return [*notes[: MOST - 1], _Note(notes[0].level, f"{rest} more", words, None)]


def _notes(subject: Subject) -> Iterator[_Note]:
    """What goes, then outcomes, before findings: that something is half done weighs more than any remark."""
    places = overview.positions(subject)
    going = overview.removals(subject)
    if going:
        yield _Note("warning", going.words, going.sentence(), None)
    for outcome in subject.outcomes:
        if overview.ended(outcome) in _ENDS:
            yield _outcome(outcome, places.get(outcome.address))
    yield from map(_finding, subject.diagnostics)
    yield from map(_drift, subject.plan.drift if subject.plan else ())
    if subject.plan and subject.command == "drift":
        causes = waiting_causes(subject.plan)
        yield from (_waiting(change, causes[change.address]) for change in view.pending(subject.plan))


def _finding(item: Diagnostic) -> _Note:
    about = f" ({item.address})" if item.address else ""
    return _Note(LEVELS[item.severity], f"{item.code} {item.summary}", f"{item.detail}{about}", item.position)


def _outcome(outcome: Outcome, position: Position | None) -> _Note:
    title = f"{view.status_words(outcome)}: {outcome.action.value} {outcome.address}"
    return _Note(_ENDS[overview.ended(outcome)], title, view.trouble(outcome) or title, position)


def _drift(change: Change) -> _Note:
    cause = view.cause(change)
    fields = "; ".join(f"{view.field_path(f.path)}: {view.live_words(f)}" for f in view.fields(change))
    return _Note("warning", f"drift: {change.address}", f"{cause}; {fields}" if fields else cause, change.position)


def _waiting(change: Change, cause: DriftCause) -> _Note:
    return _Note("warning", f"{change.action.value} {change.address}", cause.value, change.position)


def _line(note: _Note) -> str:
    where = note.position
    place = {"file": where.file, "line": where.line, "col": where.column} if where else {}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in {**place, "title": note.title}.items())
    return f"::{note.level} {properties}::{_data(note.message)}"


def _data(text: str) -> str:
    """The message of a workflow command. What cannot be seen is spelled out, so that only ``%`` is left to escape."""
    return view.clean(text).replace("%", "%25")


def _property(text: str) -> str:
    """A property of a workflow command, which a colon or comma would end."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def outputs(values: Mapping[str, object]) -> str:
    """Lines for the file in ``$GITHUB_OUTPUT``; true and false in small letters."""
    return "".join(_output(key, value) for key, value in values.items())


def _output(key: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text.splitlines() in ([], [text]):
        return f"{key}={text}\n"
    end = _delimiter(text)
    return f"{key}<<{end}\n{text}\n{end}\n"


def _delimiter(text: str) -> str:
    """A line that `text` does not hold: it could otherwise end its value early and write the next one itself."""
    made = "end_" + hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    while made in text:
        made += "_"
    return made
