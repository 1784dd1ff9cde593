"""Ledger values to and from JSON text.

Each text carries the version `v` of its form. Within one version later releases only add keys, and keys
that this one does not know are passed over; a higher version is refused.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from reconciler.errors import LedgerCorrupt, LedgerTooNew
from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.memory import Entry, Intent
from reconciler.model.resource import EMPTY, Manage
from reconciler.model.run import RunRecord
from reconciler.model.secret import Fingerprint

FORM = 1
BATCH = 500

T = TypeVar("T")


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


def _each(texts: Sequence[str], read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Parse many texts in one go: the parser then keeps one copy of each key, and is a quarter faster."""
    try:
        with _no_collection():
            parts = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
            return [read(data) for part in parts for data in json.loads(f"[{','.join(part)}]")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LedgerCorrupt(
            f"something in the ledger cannot be read ({type(error).__name__}: {error}). Put a copy of it back, "
            "or move it away and take the live objects over again. (LEDGER001)"
        ) from error


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
    }


def _read_entry(data: Mapping[str, Any]) -> Entry:
    _require_known(data)
    return Entry(
        _address(data["address"]),
        data["remote_id"],
        data["spec"],
        {path: Fingerprint(key_id, digest) for path, (key_id, digest) in data["fingerprints"].items()},
        data["refs"],
        data["hints"],
        data["revision"],
        data["protect"],
        tuple(map(_address, data["depends_on"])),
        Manage(data.get("manage", Manage.FULL)),
        data.get("origin", ""),
        data.get("labels", EMPTY),
        tuple(data.get("unproved", ())),
    )


def _read_intent(data: Mapping[str, Any]) -> Intent:
    _require_known(data)
    return Intent(
        data["run_id"],
        _address(data["address"]),
        Action(data["action"]),
        None if data["after"] is None else _read_entry(data["after"]),
        data["remote_id"],
        data["before_revision"],
        data["before_observed"],
        data["scratch"],
    )


def _read_run(data: Mapping[str, Any]) -> RunRecord:
    _require_known(data)
    return RunRecord(
        data["run_id"],
        data["started"],
        data["ended"],
        data["status"],
        tuple(data["gateways"]),
        data["holder"],
        data["counts"],
        tuple(data["outcomes"]),
    )


def _address(parts: Sequence[str]) -> Address:
    gateway, kind, name = parts
    return Address(gateway, kind, name)


def _require_known(data: Mapping[str, Any]) -> None:
    if data.get("v", FORM) > FORM:
        raise LedgerTooNew("the ledger holds notes of a later version of reconciler: upgrade this one. (LEDGER002)")


def _text(value: object) -> str:
    """ASCII: a gateway's answer may hold half of a surrogate pair, which no file could take as it is."""
    return json.dumps(value, separators=(",", ":"), default=dict)
