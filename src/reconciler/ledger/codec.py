"""Ledger values to and from JSON text. Unknown keys of a later minor version are passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.memory import Entry, Intent
from reconciler.model.run import RunRecord
from reconciler.model.secret import Fingerprint


def dump_entry(entry: Entry) -> str:
    """One entry as JSON."""
    return _text(_entry(entry))


def _entry(entry: Entry) -> Mapping[str, Any]:
    return {
        "address": list(entry.address),
        "remote_id": entry.remote_id,
        "spec": entry.spec,
        "fingerprints": {path: [f.key_id, f.digest] for path, f in entry.fingerprints.items()},
        "refs": dict(entry.refs),
        "hints": dict(entry.hints),
        "revision": entry.revision,
        "protect": entry.protect,
        "depends_on": [list(address) for address in entry.depends_on],
    }


def load_entry(text: str) -> Entry:
    """Read one entry. Raises KeyError, TypeError or ValueError on damage."""
    return _read_entry(json.loads(text))


def _read_entry(data: Mapping[str, Any]) -> Entry:
    return Entry(
        Address(*data["address"]),
        data["remote_id"],
        data["spec"],
        {path: Fingerprint(*pair) for path, pair in data["fingerprints"].items()},
        data["refs"],
        data["hints"],
        data["revision"],
        data["protect"],
        tuple(Address(*address) for address in data["depends_on"]),
    )


def dump_intent(intent: Intent) -> str:
    """One intent as JSON."""
    return _text(
        {
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


def load_intent(text: str) -> Intent:
    """Read one intent. Raises KeyError, TypeError or ValueError on damage."""
    data = json.loads(text)
    return Intent(
        data["run_id"],
        Address(*data["address"]),
        Action(data["action"]),
        None if data["after"] is None else _read_entry(data["after"]),
        data["remote_id"],
        data["before_revision"],
        data["before_observed"],
        data["scratch"],
    )


def dump_run(record: RunRecord) -> str:
    """One run of the history as JSON."""
    return _text(
        {
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


def load_run(text: str) -> RunRecord:
    """Read one run. Raises KeyError, TypeError or ValueError on damage."""
    data = json.loads(text)
    outcomes: Sequence[Mapping[str, Any]] = data["outcomes"]
    return RunRecord(
        data["run_id"],
        data["started"],
        data["ended"],
        data["status"],
        tuple(data["gateways"]),
        data["holder"],
        data["counts"],
        tuple(outcomes),
    )


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict)
