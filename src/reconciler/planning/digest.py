"""Digests: of what was seen on a gateway, and of what a plan intends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from reconciler.model.change import ABSENT, Change, FieldChange
from reconciler.model.live import Live
from reconciler.planning.rotation import is_rotation, only_rotates

GATEWAY = "Gateway"


def observed_digest(live: Live) -> str:
    """Digest of one live object's content: equal for two reads of the same thing, whatever the revision."""
    return _sha256([live.spec, {path: hint for path, hint in live.hints.items() if hint}])


HEAD = 24
"""Hex digits of an intent digest that stand for gateways alone: where credentials would go."""


def intent_digest(changes: Iterable[Change]) -> str:
    """Digest of what a plan would do; the order of manifests, times, revisions and rotations do not matter.

    Where something happens to gateways themselves it begins with a digest of that alone, so that an approval can be
    compared with where credentials would go before any of them is sent.
    """
    reviewed = sorted((change for change in changes if not only_rotates(change)), key=lambda change: change.address)
    whole = _sha256([_change(change) for change in reviewed]).removeprefix(_ALGORITHM)
    head = destinations_digest(reviewed) if any(c.address.kind == GATEWAY for c in reviewed) else whole[:HEAD]
    return _ALGORITHM + head + whole[HEAD:]


def destinations_digest(changes: Iterable[Change]) -> str:
    """Digest of what happens to gateways themselves: the first hex digits of an intent digest."""
    ours = sorted((change for change in changes if change.address.kind == GATEWAY), key=lambda change: change.address)
    return _sha256([_change(change) for change in ours]).removeprefix(_ALGORITHM)[:HEAD]


def approved_destinations(changes: Sequence[Change], digests: Iterable[str]) -> frozenset[str]:
    """Gateways whose changes were approved, by name: each by itself, or all of these together in a plan.

    `changes` are all that happen to gateways; `digests` are intent digests and digests of single changes. A plan for
    one gateway alone approves that one.
    """
    given = frozenset(digests)
    heads = {digest.removeprefix(_ALGORITHM)[:HEAD] for digest in given if digest.startswith(_ALGORITHM)}
    if destinations_digest(changes) in heads:
        return frozenset(change.address.gateway for change in changes)
    return frozenset(
        change.address.gateway
        for change in changes
        if change_digest(change) in given or destinations_digest([change]) in heads
    )


def change_digest(change: Change) -> str:
    """Digest of one change: 16 hex digits, enough to recognize it among those that were approved."""
    return _sha256(_change(change)).removeprefix("sha256:")[:16]


def approved(changes: Iterable[Change], digests: Container[str]) -> bool:
    """Whether these changes were approved: as a whole, or each by itself, as half a plan or two plans would be.

    `digests` are intent digests and digests of single changes.
    """
    reviewed = [change for change in changes if not only_rotates(change)]
    return intent_digest(reviewed) in digests or all(change_digest(change) in digests for change in reviewed)


def _change(change: Change) -> Mapping[str, Any]:
    fields = sorted(
        (_field(field) for field in change.fields if not is_rotation(field)), key=lambda field: str(field["path"])
    )
    moved = {} if change.moved_from is None else {"moved_from": str(change.moved_from)}
    return {"address": str(change.address), "action": change.action.value, "fields": fields, **moved}


def _field(field: FieldChange) -> Mapping[str, Any]:
    shown: dict[str, Any] = {"path": field.path, "origin": field.origin.value}
    if field.sensitive:
        return shown
    if field.before is not ABSENT:
        shown["before"] = field.before
    if field.after is not ABSENT:
        shown["after"] = field.after
    return shown


_ALGORITHM = "sha256:"


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=dict)
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
