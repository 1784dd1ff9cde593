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

Before anything is sent to a gateway whose credential has not gone there before:

| approval                                               | then          |
|--------------------------------------------------------|---------------|
| --allow-destination GATEWAY                            | it is sent    |
| PLANFILEs or --expect that hold the gateway's change   | it is sent    |
| PLANFILEs or --expect without it                       | nothing is    |
| --auto-approve                                         | it is sent    |
| yes, on a terminal                                     | it is sent    |
| a terminal, and the first place is on this machine     | it is sent    |
| none                                                   | nothing is    |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.errors import Blocked
from reconciler.model.change import Change
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Plan
from reconciler.planning import Destination, Rotations, approved, approved_destinations, is_allowed, unreviewed

SHOWN = 5


@dataclass(slots=True)
class Approval:
    """What was said for a plan. `ask` shows it and asks once; None where nobody is there to be asked.

    `expected` holds the digests that were approved, of plans and of single changes; None when nothing was. `listed`
    are the changes of the plan files. `ask_for` asks where credentials may go; `allowed` is what was allowed by name.
    """

    ask: Callable[[Plan], bool] | None
    expected: frozenset[str] | None = None
    listed: tuple[Change, ...] = ()
    unasked: bool = False
    rotations: Rotations = Rotations.ALLOW
    ask_for: Callable[[Sequence[Change]], bool] | None = None
    allowed: frozenset[str] = frozenset()
    answers: list[bool] = field(default_factory=list)
    places: list[bool] = field(default_factory=list)

    @property
    def asked(self) -> bool:
        """Whether the plan was shown to a person."""
        return bool(self.answers)

    def admits(self, found: Mapping[str, Destination], changes: Sequence[Change]) -> frozenset[str]:
        """Gateways that may be sent their credentials where those have not gone before."""
        named = frozenset(name for name in found if is_allowed(name, self.allowed))
        left = [one for name, one in found.items() if name not in named]
        if not left:
            return named
        if self.expected is not None:
            return named | approved_destinations(changes, self.expected)
        return frozenset(found) if self.unasked or self._confirmed_places(left) else named

    def _confirmed_places(self, found: Sequence[Destination]) -> bool:
        if self.ask_for is None:
            return False
        away = [one.change for one in found if one.known or not one.local]
        if away:
            self.places.append(self.ask_for(away))
        return not away or self.places[-1]

    def refusal(self, plan: Plan) -> Blocked | None:
        """Why this plan is not carried out; None when it may be."""
        if unfit := _unfit(plan):
            return self._unsent(plan, unfit.diagnostics) or unfit
        if plan.empty:
            return None
        if self.expected is not None and not approved(plan.reviewed, self.expected):
            return self._moved(plan, self.expected)
        rotating = unreviewed(plan.changes, self.listed) if self.rotations is Rotations.ASK else ()
        if rotating:
            return None if self._confirmed(plan) else _unreviewed(rotating)
        told = bool(self.places) and not plan.changes
        if self.expected is not None or self.unasked or told or self._confirmed(plan):
            return None
        return self._unapproved()

    def _unsent(self, plan: Plan, errors: Sequence[Diagnostic]) -> Blocked | None:
        """The same where nothing stands against the plan but that its gateways were not approved."""
        if not plan.complete or any(error.code != "SAFETY011" for error in errors):
            return None
        why = self._unapproved() if self.expected is None else self._moved(plan, self.expected)
        return Blocked(str(why), [*why.diagnostics, *errors])

    def _confirmed(self, plan: Plan) -> bool:
        if self.ask is None:
            return False
        self.answers.append(self.ask(plan))
        return self.answers[-1]

    def _moved(self, plan: Plan, expected: frozenset[str]) -> Blocked:
        new = [str(c.address) for c in plan.reviewed if not approved([c], expected)]
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
        words = "declined" if self.asked or self.places else "nobody approved the plan"
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
