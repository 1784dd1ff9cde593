"""Whether a plan may be carried out: what was approved, by whom, and what Git cannot review.

| plan       | approval                                       | then                        |
|------------|------------------------------------------------|-----------------------------|
| incomplete | any                                            | refused                     |
| has errors | any                                            | refused                     |
| empty      | any                                            | goes on: nothing is written |
| changes    | PLANFILEs or --expect that lack one of them    | refused                     |
| changes    | rotations that need a person (see `rotation`)  | asked on a terminal, else refused |
| changes    | PLANFILEs or --expect that have them all       | goes on                     |
| changes    | --auto-approve                                 | goes on                     |
| changes    | yes, on a terminal                             | goes on                     |
| changes    | none                                           | refused                     |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reconciler.errors import Blocked
from reconciler.model.change import Change
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Plan
from reconciler.planning import Rotations, approved, unreviewed

SHOWN = 5


@dataclass(slots=True)
class Approval:
    """What was said for a plan. `ask` shows it and asks once; None where nobody is there to be asked.

    `expected` holds the digests that were approved, of plans and of single changes; None when nothing was. `listed`
    are the changes of the plan files.
    """

    ask: Callable[[Plan], bool] | None
    expected: frozenset[str] | None = None
    listed: tuple[Change, ...] = ()
    unasked: bool = False
    rotations: Rotations = Rotations.ALLOW
    answers: list[bool] = field(default_factory=list)

    @property
    def asked(self) -> bool:
        """Whether the plan was shown to a person."""
        return bool(self.answers)

    def refusal(self, plan: Plan) -> Blocked | None:
        """Why this plan is not carried out; None when it may be."""
        if unfit := _unfit(plan):
            return unfit
        if plan.empty:
            return None
        if self.expected is not None and not approved(plan.changes, self.expected):
            return self._moved(plan, self.expected)
        rotating = unreviewed(plan.changes, self.listed) if self.rotations is Rotations.ASK else ()
        if rotating:
            return None if self._confirmed(plan) else _unreviewed(rotating)
        if self.expected is not None or self.unasked or self._confirmed(plan):
            return None
        return self._unapproved()

    def _confirmed(self, plan: Plan) -> bool:
        if self.ask is None:
            return False
        self.answers.append(self.ask(plan))
        return self.answers[-1]

    def _moved(self, plan: Plan, expected: frozenset[str]) -> Blocked:
        new = [str(c.address) for c in plan.changes if not approved([c], expected)]
        shown = ", ".join(new[:SHOWN]) + (", …" if len(new) > SHOWN else "")
        whole = ", ".join(sorted(digest for digest in expected if ":" in digest)) or "nothing"
        detail = (
            f"approved {whole}, planning again gives {plan.digest}, and {shown} would change otherwise: look at the "
            "new plan and approve that. If nothing moved, name the PATHs and gateways that it was made with."
        )
        return _blocked(
            "the approved plan no longer matches", "ENGINE002", "the approved plan no longer matches", detail
        )

    def _unapproved(self) -> Blocked:
        words = "declined" if self.asked else "nobody approved the plan"
        detail = "nothing was written. Give --auto-approve, or --expect DIGEST or a PLANFILE of an approved plan."
        return _blocked(words, "CLI005", "the plan is not approved", detail)


def _unfit(plan: Plan) -> Blocked | None:
    errors = [d for d in plan.diagnostics if d.severity is Severity.ERROR]
    if not plan.complete:
        return Blocked("the plan is incomplete: a gateway could not be read, so it cannot be applied", errors)
    return Blocked(f"{len(errors)} finding(s) stand against the plan", errors) if errors else None


def _unreviewed(changes: Sequence[Change]) -> Blocked:
    words = "secrets were rotated that nobody has looked at"
    names = ", ".join(str(change.address) for change in changes[:SHOWN]) + (", …" if len(changes) > SHOWN else "")
    detail = f"the settings ask for a person (`rotations: ask`): {names}. Say --allow-rotations if they are meant."
    return _blocked(words, "CLI008", words, detail)


def _blocked(words: str, code: str, summary: str, detail: str) -> Blocked:
    return Blocked(words, [Diagnostic(Severity.ERROR, code, summary, detail)])
