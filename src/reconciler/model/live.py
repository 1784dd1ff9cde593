"""What a gateway has, as it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import EMPTY, Spec


@dataclass(frozen=True, slots=True)
class Live:
    """One object on a gateway.

    `address` is built from what the gateway says (for a webhook: its name), whether or not we own
    it. `remote_id` is what the gateway's paths use. `spec` is canonical and without secrets. `raw`
    is the document as read, so that a full-replace write keeps fields that nobody modelled; it is
    never printed. `hints` say what the platform reveals of stored secrets (JSON pointer → last
    characters). `revision` moves with every write, None where the platform has nothing of the kind;
    `etag` is what a single read gave to guard the next write with.
    """

    address: Address
    remote_id: str
    spec: Spec
    raw: Mapping[str, Any] = field(default_factory=lambda: EMPTY, repr=False)
    hints: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)
    revision: str | None = None
    etag: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Observed:
    """The answer of one gateway.

    `complete` is False when anything could not be read: absence then proves nothing. `unseen` names
    the kinds that this is down to, where the others were read to their end; empty with an incomplete
    answer means that nothing is known of any kind. Two live objects may share an address (two
    webhooks of one name): `objects` keeps both.
    """

    gateway: str
    objects: tuple[Live, ...]
    complete: bool = True
    diagnostics: tuple[Diagnostic, ...] = ()
    unseen: frozenset[str] = frozenset()

    def saw(self, kind: str) -> bool:
        """Whether all objects of a kind are here, so that absence proves something."""
        return self.complete or (bool(self.unseen) and kind not in self.unseen)
