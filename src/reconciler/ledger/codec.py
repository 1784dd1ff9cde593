"""Ledger values to and from JSON text.

Each text carries the version `v` of its form. Within one version later releases only add keys, and keys
that this one does not know are passed over; a higher version is refused.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar

from reconciler.errors import LedgerCorrupt, LedgerTooNew
from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.jsontext import json_value
from reconciler.model.memory import Entry, Intent
from reconciler.model.resource import EMPTY, Manage
from reconciler.model.run import RunRecord
from reconciler.model.secret import Fingerprint

FORM = 1
BATCH = 500

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Kept = TypeVar("Kept", Entry, Intent)


def dump_entry(entry: Entry) -> str:
    """One entry as JSON."""
    return _text(_entry(entry))


def dump_intent(intent: Intent) -> str:
    """One intent as JSON."""
    return _text(
        {
            "v": FORM,
            "run_id": intent.run_id,
            "address": list(intent.address),
            "action": intent.action.value,
            "after": None if intent.after is None else _entry(intent.after),
            "remote_id": intent.remote_id,
            "before_revision": intent.before_revision,
            "before_observed": intent.before_observed,
            "scratch": intent.scratch,
        }
    )


def dump_run(record: RunRecord) -> str:
    """One run of the history as JSON."""
    return _text(
        {
            "v": FORM,
            "run_id": record.run_id,
            "started": record.started,
            "ended": record.ended,
            "status": record.status,
            "gateways": list(record.gateways),
            "holder": record.holder,
            "counts": dict(record.counts),
            "outcomes": [dict(outcome) for outcome in record.outcomes],
        }
    )


def load_entries(texts: Sequence[str]) -> list[Entry]:
    """Read many. Raises LedgerCorrupt on damage, LedgerTooNew on a later form."""
    return _each(texts, _read_entry)


def load_intents(texts: Sequence[str]) -> list[Intent]:
    """Read many. Raises LedgerCorrupt on damage, LedgerTooNew on a later form."""
    return _each(texts, _read_intent)


def load_runs(texts: Sequence[str]) -> list[RunRecord]:
    """Read many. Raises LedgerCorrupt on damage, LedgerTooNew on a later form."""
    return _each(texts, _read_run)


def _each(texts: Sequence[str], read: Callable[[_Members], T]) -> list[T]:
    """Parse many texts in one go: the parser then keeps one copy of each key, and is a quarter faster."""
    try:
        with _no_collection():
            parts = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
            return [_one(data, read) for part in parts for data in json_value(f"[{','.join(part)}]")]
    except ValueError as error:
        raise unreadable(str(error)) from error


def keyed(texts: Mapping[str, str], load: Callable[[Sequence[str]], Sequence[Kept]]) -> Mapping[Address, Kept]:
    """Notes by what they are about. Raises LedgerCorrupt where one stands under another's name."""
    found = load(list(texts.values()))
    for name, note in zip(texts, found, strict=True):
        if name != str(note.address):
            raise unreadable(f"what stands under {name} is about {note.address}")
    return {note.address: note for note in found}


def unreadable(why: str) -> LedgerCorrupt:
    """Damage, as its user is told of it."""
    return LedgerCorrupt(
        f"something in the ledger cannot be read: {why}. Put a copy of it back, or move it away and take the "
        "live objects over again. (LEDGER001)"
    )


def _one(data: Any, read: Callable[[_Members], T]) -> T:
    try:
        return read(_Members(data))
    except ValueError as error:
        raise ValueError(f"{_named(data)}: {error}") from error


def _named(data: Any) -> str:
    """What a note is about, as far as it can be told."""
    about = data.get("address", data.get("run_id")) if type(data) is dict else None
    return "/".join(map(str, about)) if type(about) is list else str(about or "a note")


class _Members:
    """The members of a note, each of the type that it must have. Raises ValueError for any other."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        if type(data) is not dict:
            raise ValueError("it is no JSON object")
        self._data: Mapping[str, Any] = data
        version = data.get("v", FORM)
        if type(version) is not int:
            raise ValueError("v is no whole number")
        if version > FORM:
            raise LedgerTooNew("the ledger holds notes of a later version of reconciler: upgrade this one. (LEDGER002)")

    def of(self, name: str, kind: type[T]) -> T:
        """A member of this very type."""
        value = self._data.get(name)
        if type(value) is not kind:
            raise ValueError(f"{name} is no {_KINDS[kind]}")
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text or null, which has to be written out."""
        if name not in self._data:
            raise ValueError(f"{name} is missing")
        return None if self._data[name] is None else self.of(name, str)

    def items(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """A list of one type."""
        found = self.of(name, list)
        if not all(type(item) is kind for item in found):
            raise ValueError(f"{name} holds something that is no {_KINDS[kind]}")
        return tuple(found)

    def values(self, name: str, kind: type[T]) -> Mapping[str, T]:
        """An object whose members are of one type."""
        found: Mapping[str, T] = self.of(name, dict)
        if not all(type(item) is kind for item in found.values()):
            raise ValueError(f"{name} holds something that is no {_KINDS[kind]}")
        return found

    def word(self, name: str, words: type[E]) -> E:
        """One of a fixed set of words."""
        try:
            return words(self.of(name, str))
        except ValueError:
            raise ValueError(f"{name} is none of {', '.join(word.value for word in words)}") from None

    def inner(self, name: str) -> Any:
        """Whatever stands there, which has to be written out."""
        if name not in self._data:
            raise ValueError(f"{name} is missing")
        return self._data[name]

    def has(self, name: str) -> bool:
        """Whether this member is there: later releases added some."""
        return name in self._data


_KINDS: Mapping[type, str] = {str: "text", int: "whole number", bool: "true or false", dict: "object", list: "list"}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Ten thousand entries are some hundred thousand objects without a cycle: do not look for cycles among them."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _entry(entry: Entry) -> Mapping[str, Any]:
    return {
        "v": FORM,
        "address": list(entry.address),
        "remote_id": entry.remote_id,
        "spec": entry.spec,
        "fingerprints": {path: [f.key_id, f.digest] for path, f in entry.fingerprints.items()},
        "refs": dict(entry.refs),
        "hints": dict(entry.hints),
        "revision": entry.revision,
        "protect": entry.protect,
        "depends_on": [list(address) for address in entry.depends_on],
        "manage": entry.manage.value,
        "origin": entry.origin,
        "labels": dict(entry.labels),
        "unproved": list(entry.unproved),
        "id_stated": entry.id_stated,
        "unasked": entry.unasked,
        **({"fleet": entry.fleet} if entry.fleet else {}),
    }


def _read_entry(read: _Members) -> Entry:
    return Entry(
        _address(read.items("address", str)),
        read.of("remote_id", str),
        read.of("spec", dict),
        {path: _fingerprint(path, parts) for path, parts in read.values("fingerprints", list).items()},
        read.values("refs", str),
        read.values("hints", str),
        read.text_or_none("revision"),
        read.of("protect", bool),
        tuple(_address(parts) for parts in read.items("depends_on", list)),
        read.word("manage", Manage) if read.has("manage") else Manage.FULL,
        read.of("origin", str) if read.has("origin") else "",
        read.values("labels", str) if read.has("labels") else EMPTY,
        read.items("unproved", str) if read.has("unproved") else (),
        read.has("id_stated") and read.of("id_stated", bool),
        read.has("unasked") and read.of("unasked", bool),
        read.of("fleet", str) if read.has("fleet") else "",
    )


def _read_intent(read: _Members) -> Intent:
    after = read.inner("after")
    return Intent(
        read.of("run_id", str),
        _address(read.items("address", str)),
        read.word("action", Action),
        None if after is None else _read_entry(_Members(after)),
        read.text_or_none("remote_id"),
        read.text_or_none("before_revision"),
        read.text_or_none("before_observed"),
        read.text_or_none("scratch"),
    )


def _read_run(read: _Members) -> RunRecord:
    return RunRecord(
        read.of("run_id", str),
        read.of("started", str),
        read.text_or_none("ended"),
        read.of("status", str),
        read.items("gateways", str),
        read.of("holder", str),
        read.values("counts", int),
        read.items("outcomes", dict),
    )


def _address(parts: Sequence[Any]) -> Address:
    if len(parts) != len(Address._fields) or not all(type(part) is str and part for part in parts):
        raise ValueError("an address is not gateway, kind and name")
    return Address(*parts)


def _fingerprint(path: str, parts: Sequence[Any]) -> Fingerprint:
    if len(parts) != len(Fingerprint._fields) or not all(type(part) is str for part in parts):
        raise ValueError(f"the fingerprint of {path} is not the id of a key and a digest")
    return Fingerprint(*parts)


def _text(value: object) -> str:
    """ASCII: a gateway's answer may hold half of a surrogate pair, which no file could take as it is."""
    return json.dumps(value, separators=(",", ":"), default=dict)
