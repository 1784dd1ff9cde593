"""The ledger as files, to be read by people as well.

::

    ledger.json                      the form, the serial, the number of writes
    gateways/<name>/entries.json     address → entry, sorted
    gateways/<name>/intents.json     address → intent, sorted; not there when nothing is under way
    gateways/<name>/lease.json       holder, token, writer, end; not there when nobody writes
    runs/<number>-<run>.json         the newest runs
    anchors.json                     audit → number and hash of its last known line, the newest last

Files that this version does not know are kept as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.errors import Defect, LedgerCorrupt, LedgerTooNew
from reconciler.model.jsontext import json_value
from reconciler.model.memory import AuditMark

FORM = 1
KEPT_RUNS = 50
KEPT_ANCHORS = 200
"""Runners that are thrown away each have an audit of their own, which nobody continues."""

HEAD = "ledger.json"
ANCHORS = "anchors.json"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Notes: TypeAlias = dict[str, str]
"""Address → its JSON, laid out for people."""


@dataclass(frozen=True, slots=True)
class Note:
    """A lease as its file says it. `expires` is in seconds since 1970, by the clock of whoever wrote it."""

    holder: str
    token: str
    writer: str
    expires: float


@dataclass(slots=True)
class Book:
    """All of the ledger at one commit. Work changes it in place and says so in `labels`."""

    serial: int = 0
    writes: int = 0
    entries: dict[str, Notes] = field(default_factory=dict)
    intents: dict[str, Notes] = field(default_factory=dict)
    leases: dict[str, Note] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    anchors: dict[str, AuditMark] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)

    def copy(self) -> Book:
        """Another one to write in."""
        return Book(
            self.serial,
            self.writes,
            {gateway: dict(notes) for gateway, notes in self.entries.items()},
            {gateway: dict(notes) for gateway, notes in self.intents.items()},
            dict(self.leases),
            dict(self.runs),
            dict(self.anchors),
            dict(self.others),
        )

    def keep_anchor(self, name: str, mark: AuditMark) -> None:
        """The newest goes to the end; the oldest go."""
        self.anchors.pop(name, None)
        self.anchors[name] = mark
        for old in list(self.anchors)[:-KEPT_ANCHORS]:
            del self.anchors[old]

    def run_path(self, run_id: str) -> str | None:
        """The file of a run; None when it is not there, or not there any more."""
        return next((path for path in reversed(self.runs) if path.endswith(f"-{run_id}.json")), None)

    def add_run(self, run_id: str, text: str) -> None:
        """A new run is the newest; the oldest go."""
        if not _RUN.fullmatch(run_id):
            raise Defect(f"a run cannot be called {run_id!r}")
        newest = max((int(path.removeprefix("runs/").partition("-")[0]) for path in self.runs), default=0)
        self.runs[f"runs/{newest + 1:06}-{run_id}.json"] = text
        for path in sorted(self.runs)[:-KEPT_RUNS]:
            del self.runs[path]


def require_name(gateway: str) -> None:
    """Raises Defect on what could not have come from a manifest: it becomes part of a path."""
    if not _NAME.fullmatch(gateway):
        raise Defect(f"a gateway cannot be called {gateway!r}")


def pretty(text: str) -> str:
    """JSON as a file shows it: one value a line, sorted, so that a diff shows what changed."""
    return json.dumps(json.loads(text), indent=1, sort_keys=True)


def written(book: Book) -> Mapping[str, str]:
    """The texts of all files, by path."""
    head = {"v": FORM, "serial": book.serial, "writes": book.writes}
    texts = {**book.others, **book.runs, HEAD: _file(head)}
    if book.anchors:
        rows = [{"audit": name, "seq": mark.seq, "hash": mark.hash} for name, mark in book.anchors.items()]
        texts[ANCHORS] = _file({"v": FORM, "anchors": rows})
    for name, table in (("entries", book.entries), ("intents", book.intents)):
        texts |= {f"{_folder(gateway)}/{name}.json": _listing(notes) for gateway, notes in table.items() if notes}
    return texts | {f"{_folder(gateway)}/lease.json": _file(_lease(note)) for gateway, note in book.leases.items()}


def read(texts: Mapping[str, str]) -> Book:
    """The book that the files make. Raises LedgerCorrupt on damage, LedgerTooNew on a later form."""
    if HEAD not in texts:
        raise LedgerCorrupt(f"there is no {HEAD}: the ref holds something else")
    head = _parsed(HEAD, texts[HEAD])
    serial, writes = head.get("serial"), head.get("writes")
    if type(serial) is not int or type(writes) is not int:
        raise LedgerCorrupt(f"{HEAD} lacks its numbers")
    book = Book(serial, writes)
    for path in sorted(texts):
        if path != HEAD:
            _take_in(book, path, texts[path])
    return book


def _take_in(book: Book, path: str, text: str) -> None:
    match path.split("/"):
        case ["gateways", gateway, "entries.json"]:
            book.entries[gateway] = _notes(gateway, path, text)
        case ["gateways", gateway, "intents.json"]:
            book.intents[gateway] = _notes(gateway, path, text)
        case ["gateways", gateway, "lease.json"]:
            book.leases[gateway] = _note(path, text)
        case ["anchors.json"]:
            book.anchors = _anchors(path, text)
        case ["runs", name] if re.fullmatch(r"\d+-.+\.json", name):
            _parsed(path, text)
            book.runs[path] = text
        case _:
            book.others[path] = text


def _folder(gateway: str) -> str:
    require_name(gateway)
    return f"gateways/{gateway}"


def _file(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def _listing(notes: Mapping[str, str]) -> str:
    rows = ",\n".join(f"{json.dumps(key)}: {notes[key]}" for key in sorted(notes))
    return f"{{\n{rows}\n}}\n"


def _notes(gateway: str, path: str, text: str) -> Notes:
    """As `_listing` laid it out, where that is still so: ten thousand notes need not be laid out again."""
    keys = _parsed(path, text)
    if strange := next((key for key in keys if not key.startswith(f"{gateway}/")), None):
        raise LedgerCorrupt(f"{path} holds a note about {strange}, which is of another gateway")
    rows = [row.partition(": ") for row in text[2:-3].split(',\n"')]
    notes = dict(zip(keys, (note for _, _, note in rows), strict=False))
    if len(rows) == len(keys) and _listing(notes) == text:
        return notes
    return {key: json.dumps(value, indent=1, sort_keys=True) for key, value in keys.items()}


def _lease(note: Note) -> Mapping[str, Any]:
    return {"v": FORM, "holder": note.holder, "token": note.token, "writer": note.writer, "expires": note.expires}


def _note(path: str, text: str) -> Note:
    data = _parsed(path, text)
    holder, token, writer, expires = (data.get(name) for name in ("holder", "token", "writer", "expires"))
    if not (isinstance(holder, str) and isinstance(token, str) and isinstance(writer, str)):
        raise LedgerCorrupt(f"{path} is no lease")
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        raise LedgerCorrupt(f"{path} is no lease: its end is no number")
    return Note(holder, token, writer, float(expires))


def _anchors(path: str, text: str) -> dict[str, AuditMark]:
    rows = _parsed(path, text).get("anchors")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LedgerCorrupt(f"{path} is no list of anchors")
    found = [(row.get("audit"), row.get("seq"), row.get("hash")) for row in rows]
    if any((type(audit), type(seq), type(mark)) != (str, int, str) for audit, seq, mark in found):
        raise LedgerCorrupt(f"{path} is no list of anchors")
    return {audit: AuditMark(seq, mark) for audit, seq, mark in found}


def _parsed(path: str, text: str) -> Mapping[str, Any]:
    try:
        data = json_value(text)
    except ValueError as error:
        raise LedgerCorrupt(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise LedgerCorrupt(f"{path} is no JSON object")
    form = data.get("v", FORM)
    if not isinstance(form, int):
        return data
    if form > FORM:
        raise LedgerTooNew("it was written by a later version of reconciler: upgrade this one")
    return data


def notes_of(table: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """All notes of all gateways, by what they are about."""
    return {key: text for notes in table.values() for key, text in notes.items()}
