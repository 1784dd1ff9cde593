"""A snapshot as a JSON document, and back. Nothing in it helps to guess a secret.

| of the live side and the ledger            | in the document                                                    |
|--------------------------------------------|--------------------------------------------------------------------|
| address, id, canonical spec, revision      | as they are                                                        |
| the raw document                           | left out: it may hold what nobody modelled                         |
| what a platform reveals of a key (hints)   | a label, equal for equal hints of one object and path, else another|
| our fingerprints                           | the paths only, as `sent`                                          |
| references                                 | as they stand in the manifests                                     |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.address import Address
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.resource import Manage
from reconciler.model.secret import Fingerprint
from reconciler.model.snapshot import Snapshot
from reconciler.render.json import plain
from reconciler.render.strict import Part, address_of, part_of

FORMAT_VERSION = "1.0"

UNREADABLE = Fingerprint("snapshot", "")
"""Stands for any fingerprint: made with a key that nobody has, so that it reads as unknown."""


class _Labels:
    """Labels for hints: within one object and path, equal for equal hints."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Address, str], list[str]] = {}

    def of(self, address: Address, hints: Mapping[str, str]) -> dict[str, str]:
        return {path: self._label(address, path, hint) for path, hint in sorted(hints.items())}

    def _label(self, address: Address, path: str, hint: str) -> str:
        if not hint:
            return ""
        seen = self._seen.setdefault((address, path), [])
        if hint not in seen:
            seen.append(hint)
        return f"#{seen.index(hint) + 1}"


def snapshot_document(snapshot: Snapshot) -> dict[str, Any]:
    """The document, in plain JSON types."""
    labels = _Labels()
    entries = [_entry(entry, labels) for _, entry in sorted(snapshot.ledger.entries.items())]
    return {
        "format_version": FORMAT_VERSION,
        "tool_version": snapshot.tool_version,
        "taken_at": snapshot.taken_at,
        "commit": snapshot.commit,
        "gateways": [
            {
                "name": name,
                "origin": snapshot.origins[name],
                "unseen": sorted(seen.unseen),
                "objects": [_live(live, labels) for live in sorted(seen.objects, key=_order)],
            }
            for name, seen in sorted(snapshot.observed.items())
        ],
        "ledger": {"serial": snapshot.ledger.serial, "entries": entries},
    }


def _order(live: Live) -> tuple[Address, str]:
    return live.address, live.remote_id


def _live(live: Live, labels: _Labels) -> dict[str, Any]:
    return {
        "address": str(live.address),
        "remote_id": live.remote_id,
        "spec": plain(live.spec),
        "hints": labels.of(live.address, live.hints),
        "revision": live.revision,
    }


def _entry(entry: Entry, labels: _Labels) -> dict[str, Any]:
    return {
        "address": str(entry.address),
        "remote_id": entry.remote_id,
        "spec": plain(entry.spec),
        "sent": sorted(entry.fingerprints),
        "refs": dict(entry.refs),
        "hints": labels.of(entry.address, entry.hints),
        "revision": entry.revision,
        "protect": entry.protect,
        "depends_on": [str(address) for address in entry.depends_on],
        "id_stated": entry.id_stated,
        "manage": entry.manage.value,
        "origin": entry.origin,
        "labels": dict(entry.labels),
        **({"fleet": entry.fleet} if entry.fleet else {}),
    }


def snapshot_from_document(document: Any) -> Snapshot:
    """Read a snapshot. Raises ValueError, which says at what place it is none."""
    read = part_of(document, "")
    read.require_version(FORMAT_VERSION)
    gateways = list(read.parts("gateways"))
    ledger = read.part("ledger")
    entries = [_read_entry(part) for part in ledger.parts("entries")]
    return Snapshot(
        read.text("taken_at"),
        read.text("tool_version"),
        read.text_or_none("commit"),
        {part.text("name"): part.text("origin") for part in gateways},
        {part.text("name"): _read_gateway(part) for part in gateways},
        LedgerSnapshot(ledger.member("serial", int), {entry.address: entry for entry in entries}),
    )


def _read_gateway(read: Part) -> Observed:
    unseen = frozenset(str(kind) for kind in read.member("unseen", list))
    objects = tuple(_read_live(part) for part in read.parts("objects"))
    return Observed(read.text("name"), objects, complete=not unseen, unseen=unseen)


def _read_live(read: Part) -> Live:
    return Live(
        _address(read),
        read.text("remote_id"),
        read.member("spec", dict),
        hints=read.texts("hints"),
        revision=read.text_or_none("revision"),
    )


def _read_entry(read: Part) -> Entry:
    return Entry(
        _address(read),
        read.text("remote_id"),
        read.member("spec", dict),
        {str(path): UNREADABLE for path in read.member("sent", list)},
        read.texts("refs"),
        read.texts("hints"),
        read.text_or_none("revision"),
        read.member("protect", bool),
        tuple(read.addresses("depends_on")),
        # What was taken by an earlier version has none of these.
        read.word("manage", Manage) if "manage" in read.members else Manage.FULL,
        read.text("origin") if "origin" in read.members else "",
        read.texts("labels") if "labels" in read.members else {},
        id_stated="id_stated" in read.members and read.member("id_stated", bool),
        fleet=read.text("fleet") if "fleet" in read.members else "",
    )


def _address(read: Part) -> Address:
    return address_of(read.text("address"), f"{read.place}/address")
