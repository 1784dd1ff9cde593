"""What the ledger remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.resource import EMPTY, Manage, Spec
from reconciler.model.secret import Fingerprint


@dataclass(frozen=True, slots=True)
class Entry:
    """What was last applied to one object.

    `spec` is canonical and without secrets; `fingerprints` (JSON pointer → fingerprint) and `refs`
    (JSON pointer → text of the reference) stand for those; `hints` is what the platform revealed
    right after the write. `protect` and `manage` outlive the manifest that stated them. `depends_on` orders deletes.
    `origin` is the file that declared the object, as positions name it, and `labels` are those it had: a run over
    part of the manifests removes only what was applied from within that part. `unproved` holds the JSON pointers of
    what was written and not proved to work yet: secret leaves, and ``/spec`` for the object as a whole. `id_stated`
    says that the manifest gave the remote id: it then means another object once it gives another one. `unasked` says
    that the run that wrote it was told not to ask. `fleet` tells the manifests that declared a gateway from others that
    share the ledger; objects have none.
    """

    address: Address
    remote_id: str
    spec: Spec
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=lambda: EMPTY)
    refs: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    hints: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    revision: str | None = None
    protect: bool = False
    depends_on: tuple[Address, ...] = ()
    manage: Manage = Manage.FULL
    origin: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    unproved: tuple[str, ...] = ()
    id_stated: bool = False
    unasked: bool = False
    fleet: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is about to leave.

    `after` is the entry that stands when the write has landed, None for a delete. `before_revision`
    and `before_observed` tell a landed write from one that never arrived. `scratch` names a remote
    object that exists only for the duration of the change (a candidate) and is to be removed.
    """

    run_id: str
    address: Address
    action: Action
    after: Entry | None
    remote_id: str | None = None
    before_revision: str | None = None
    before_observed: str | None = None
    scratch: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an intent ended: the entry that stands now, or None when the object is gone or was never made.

    `keep` leaves the entry as it was before the intent: the write did not land.
    """

    address: Address
    entry: Entry | None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """All that the ledger knows, at one serial."""

    serial: int
    entries: Mapping[Address, Entry] = field(default_factory=dict)
    intents: Mapping[Address, Intent] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to one gateway's entries. `token` fences: a lost lease is refused."""

    gateway: str
    holder: str
    token: str


class AuditMark(NamedTuple):
    """Where a chain of audit lines stands: number (from 1) and hash of its last line."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit file. `fields` is JSON, without secrets and without text of users' calls."""

    event: str
    fields: Mapping[str, Any]
