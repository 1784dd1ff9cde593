"""What a run has done so far, for the case that it never gets to its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.plan import Plan
from reconciler.model.ports import Progress
from reconciler.model.run import Outcome, Status

NEVER_ENDED = "the run ended before this change did; the ledger knows whether it was begun"


class Journal:
    """Implements the port Progress: keeps how each change ended, and passes events on."""

    def __init__(self, onward: Progress) -> None:
        self._onward = onward
        self._begun: set[str] = set()
        self._ended: dict[str, Outcome] = {}

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Note one event."""
        if event == "change_started":
            self._begun.add(str(fields["address"]))
        elif event == "change_finished":
            self._ended[str(fields["address"])] = _outcome(fields)
        self._onward(event, fields)

    @contextmanager
    def shown_by(self, watcher: Progress) -> Iterator[None]:
        """Pass events to `watcher` for a while."""
        before, self._onward = self._onward, watcher
        try:
            yield
        finally:
            self._onward = before

    @property
    def begun(self) -> bool:
        """Whether any change was begun."""
        return bool(self._begun)

    def outcomes(self, plan: Plan) -> tuple[Outcome, ...]:
        """How each change of `plan` ended, as far as anyone knows: what was begun and did not end is unknown."""
        return tuple(
            self._ended.get(str(change.address))
            or Outcome(
                change.address,
                change.action,
                Status.UNKNOWN if str(change.address) in self._begun else Status.SKIPPED,
                error=NEVER_ENDED,
            )
            for change in plan.changes
        )


def _outcome(fields: Mapping[str, Any]) -> Outcome:
    return Outcome(
        Address.parse(str(fields["address"])),
        Action(fields["action"]),
        Status(fields["status"]),
        duration_ms=float(fields.get("duration_ms", 0.0)),
    )
