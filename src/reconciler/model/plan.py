"""A plan: a value that can be read, approved, stored and refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.diagnostic import Diagnostic, has_errors
from reconciler.model.resource import EMPTY


class Mode(StrEnum):
    """What a plan is for."""

    APPLY = "apply"
    DRIFT = "drift"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was made from. `observed` maps an address, as text, to its live digest."""

    commit: str | None = None
    manifests: str = ""
    ledger_serial: int = 0
    tool_version: str = ""
    secrets_available: bool = True
    observed: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a plan."""

    create: int = 0
    update: int = 0
    replace: int = 0
    delete: int = 0
    adopt: int = 0
    forget: int = 0
    unchanged: int = 0
    unmanaged: int = 0
    drifted: int = 0
    move: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one kind on one gateway, of what no change stands for."""

    unchanged: int = 0
    unmanaged: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change. `changes` are in the order of execution and hold no noop.

    `drift` shows, apart, what differs from what was last applied: changes there are never executed. `defaults`
    shows fields that only the server speaks of, in the mode for drift alone; they are not counted either. `tallies`
    are by gateway and kind. `uncommitted` are the objects that the manifests want otherwise than the commit that is
    checked out does; None where there is no commit to tell by. None of the three is part of a plan file.
    `unproved` are objects that stand as they were applied and were never proved to work: an apply asks them again,
    and needs no approval for it. It asks `unasked` as well, which a run that was told not to ask has written: nothing
    was found about those, so that they do not count as work to do.
    `gateways` are seen for the first time: where their credentials go is part of what is approved, and an apply
    records it; they are not counted.
    `digest` is the intent digest: stable under reordering of manifests and when nothing moved.
    `created_at` is ISO 8601, UTC, filled in by the engine. A plan that is not `complete`, or that
    carries errors, can never be applied.
    """

    mode: Mode
    basis: Basis
    changes: tuple[Change, ...]
    drift: tuple[Change, ...]
    diagnostics: tuple[Diagnostic, ...]
    summary: Summary
    complete: bool
    digest: str
    created_at: str = ""
    defaults: tuple[Change, ...] = ()
    tallies: Mapping[tuple[str, str], Tally] = field(default_factory=dict)
    unproved: tuple[Address, ...] = ()
    unasked: tuple[Address, ...] = ()
    uncommitted: frozenset[Address] | None = None
    gateways: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.reviewed

    @property
    def reviewed(self) -> tuple[Change, ...]:
        """All that an approval is about, and that the digest stands for."""
        return (*self.gateways, *self.changes)

    @property
    def blocked(self) -> bool:
        """Whether a person must decide before this can be applied."""
        return has_errors(self.diagnostics)

    def count(self, action: Action) -> int:
        """How many changes have this action."""
        return sum(change.action is action for change in self.changes)
