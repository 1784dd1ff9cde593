"""One difference, and what will be done about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from reconciler.model.address import Address
from reconciler.model.diagnostic import Position
from reconciler.model.resource import Guard, Source


class Action(StrEnum):
    """What a change does to the object."""

    NOOP = "noop"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    MOVE = "move"
    FORGET = "forget"

    @property
    def writes(self) -> bool:
        """Whether the gateway is written to. Adopt, move and forget touch the ledger alone."""
        return self in _WRITING


_WRITING = frozenset({Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE})


class Origin(StrEnum):
    """Where a difference comes from.

    `SECRET`: another value behind a reference that stayed the same. `UNCOMPARED`: a value that was fingerprinted
    with another key than today's, so that nothing tells whether it is the one that was sent. `SERVER` is only seen
    by drift: it is nobody's, and never planned.
    """

    CONFIG = "config"
    DRIFT = "drift"
    BOTH = "both"
    RELEASE = "release"
    TAKEOVER = "takeover"
    SECRET = "secret"  # noqa: S105 - the name of an origin
    UNCOMPARED = "uncompared"
    SERVER = "server"


class Absent(Enum):
    """Stands for "this field is not there", which differs from null. There is one: ABSENT."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field. `before` is live, `after` is desired; ABSENT where there is nothing.

    A sensitive field holds the texts ``(sensitive #1)``, ``(sensitive #2)`` … in both places, equal
    numbers for equal fingerprints within one plan; never a value. `place` is where it was written, or
    what can tell: most fields of a plan are never asked.
    """

    path: str
    before: Any
    after: Any
    origin: Origin
    sensitive: bool = False
    place: Position | Source | None = field(default=None, compare=False)

    @property
    def position(self) -> Position | None:
        """Where the field was written."""
        if self.place is None or isinstance(self.place, Position):
            return self.place
        return self.place.position(self.path)


class Undo(StrEnum):
    """How far a change can be taken back."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reversible:
    """Whether a change can be undone, and why not."""

    level: Undo
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One object's change. `reason` is for people and never steers.

    `revision` and `observed` (a digest of the live document, or None) are what the guard holds the
    gateway to. `remote_id` is None for a creation. `owned` says that the ledger knew the object. `moved_from` is the
    address under which the ledger had it: an action `move` changes nothing else, any other goes with the move.
    """

    address: Address
    action: Action
    reason: str
    fields: tuple[FieldChange, ...] = ()
    guard: Guard = Guard.COMPARE
    reversible: Reversible = Reversible(Undo.FULL)
    depends_on: tuple[Address, ...] = ()
    position: Position | None = None
    remote_id: str | None = None
    revision: str | None = None
    observed: str | None = None
    owned: bool = True
    moved_from: Address | None = None
