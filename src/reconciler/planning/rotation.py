"""Value-only rotations: another secret, or one that may be another, behind a reference that stayed the same.

Git cannot review them.

They are no part of the intent digest, so that an approval given where secrets cannot be read still fits where
they can; what may become of them is a setting of its own:

| setting | approved by --auto-approve, PLANFILE or --expect | then                                            |
|---------|--------------------------------------------------|-------------------------------------------------|
| allow   | any                                              | they are sent                                   |
| ask     | yes on a terminal; a PLANFILE that lists them    | they are sent                                   |
| ask     | anything else                                    | blocked, until a person says --allow-rotations  |
| forbid  | any                                              | the plan is blocked (SAFETY007)                 |
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from reconciler.model.address import Address
from reconciler.model.change import Action, Change, FieldChange, Origin


class Rotations(StrEnum):
    """What may become of value-only rotations."""

    ALLOW = "allow"
    ASK = "ask"
    FORBID = "forbid"


_ROTATING = frozenset({Origin.SECRET, Origin.UNCOMPARED})


def is_rotation(field: FieldChange) -> bool:
    """Whether a field only sends what may be another value of the same secret."""
    return field.sensitive and field.origin in _ROTATING


def rotated(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes that rotate a secret, among other things or alone."""
    return tuple(change for change in changes if any(map(is_rotation, change.fields)))


def unreviewed(changes: Iterable[Change], approved: Iterable[Change]) -> tuple[Change, ...]:
    """Changes that rotate a secret whose rotation the approved plan does not list."""
    listed = {(change.address, field.path) for change in approved for field in change.fields if is_rotation(field)}
    return tuple(change for change in changes if not _rotations(change) <= listed)


def only_rotates(change: Change) -> bool:
    """Whether a change does nothing but rotate secrets."""
    return change.action is Action.UPDATE and bool(change.fields) and all(map(is_rotation, change.fields))


def _rotations(change: Change) -> set[tuple[Address, str]]:
    return {(change.address, field.path) for field in change.fields if is_rotation(field)}
