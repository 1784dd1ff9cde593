"""Who may let a plan be carried out: every row of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.cli.approval import Approval
from reconciler.model.address import Address
from reconciler.model.change import Action, Change, FieldChange, Origin
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.planning import Rotations, change_digest, intent_digest

KEY = "/spec/credentials/k/apiKey"
ONE, TWO = Address("prod", "Endpoint", "one"), Address("prod", "Endpoint", "two")
ROTATION = FieldChange(KEY, "(sensitive #1)", "(sensitive #2)", Origin.SECRET, sensitive=True)
EDIT = FieldChange("/spec/model", "a", "b", Origin.CONFIG)


def plan(*changes: Change) -> Plan:
    """A plan that can be applied."""
    return Plan(Mode.APPLY, Basis(), changes, (), (), Summary(), complete=True, digest=intent_digest(changes))


def update(address: Address, *fields: FieldChange) -> Change:
    """One object's update."""
    return Change(address, Action.UPDATE, "", fields)


EDITED, ROTATED = plan(update(ONE, EDIT)), plan(update(ONE, EDIT), update(TWO, ROTATION))


def refused(approval: Approval, of: Plan) -> str | None:
    """The code of the refusal, or its words; None when the plan goes on."""
    found = approval.refusal(of)
    if found is None:
        return None
    return next((finding.code for finding in found.diagnostics), str(found).split(":")[0])


@pytest.mark.parametrize("given", [{"unasked": True}, {"expected": frozenset({EDITED.digest})}])
def test_what_cannot_be_applied_is_refused_whoever_approves(given: dict[str, object]) -> None:
    """No word of a person makes an unread gateway safe to write to."""
    finding = Diagnostic(Severity.ERROR, "SAFETY001", "", "")
    approval = Approval(ask=lambda _: True, **given)  # type: ignore[arg-type]  # one of two fields
    assert refused(approval, replace(EDITED, complete=False)) == "the plan is incomplete"
    assert refused(approval, replace(EDITED, diagnostics=(finding,))) == "SAFETY001"


def test_an_empty_plan_needs_nobody() -> None:
    """A cron that finds nothing to do must not fail for want of an approval."""
    assert refused(Approval(ask=None), plan()) is None


def test_the_four_ways_to_approve() -> None:
    """Exactly these: a digest that fits, a flag, a yes; silence is a no."""
    assert refused(Approval(ask=None, expected=frozenset({EDITED.digest})), EDITED) is None
    assert refused(Approval(ask=None, unasked=True), EDITED) is None
    assert refused(Approval(ask=lambda _: True), EDITED) is None
    assert refused(Approval(ask=lambda _: False), EDITED) == "CLI005"
    assert refused(Approval(ask=None), EDITED) == "CLI005"
    assert (
        refused(Approval(ask=lambda _: True, expected=frozenset({"sha256:other"}), unasked=True), EDITED) == "ENGINE002"
    )


def test_a_rotation_does_not_move_the_digest() -> None:
    """A pull request is planned where secrets cannot be read: its approval must still fit where they can."""
    assert EDITED.digest == ROTATED.digest
    mixed = plan(update(ONE, EDIT, ROTATION))
    assert mixed.digest == EDITED.digest
    assert refused(Approval(ask=None, expected=frozenset({EDITED.digest})), ROTATED) is None


def test_where_rotations_ask_for_a_person_an_approval_of_git_does_not_cover_them() -> None:
    """Neither a digest nor --auto-approve has seen what stands behind a reference."""
    for given in ({"expected": frozenset({EDITED.digest})}, {"unasked": True}):
        approval = Approval(ask=None, rotations=Rotations.ASK, **given)
        assert refused(approval, ROTATED) == "CLI008"
        assert refused(approval, EDITED) is None
    assert refused(Approval(ask=lambda _: True, rotations=Rotations.ASK), ROTATED) is None


def test_a_plan_file_that_lists_the_rotation_covers_it() -> None:
    """Whoever approved that file saw that the key would be sent."""
    seen = Approval(ask=None, expected=frozenset({ROTATED.digest}), listed=ROTATED.changes, rotations=Rotations.ASK)
    assert refused(seen, ROTATED) is None
    unseen = Approval(ask=None, expected=frozenset({EDITED.digest}), listed=EDITED.changes, rotations=Rotations.ASK)
    assert refused(unseen, ROTATED) == "CLI008"


def test_a_person_is_asked_once() -> None:
    """Two questions about one plan train people to say yes."""
    asked: list[Plan] = []

    def ask(shown: Plan) -> bool:
        asked.append(shown)
        return True

    assert refused(Approval(ask=ask, rotations=Rotations.ASK), ROTATED) is None
    assert len(asked) == 1


def test_what_two_pull_requests_approved_may_be_applied_at_once() -> None:
    """A queue keeps one waiting run: the last merge's run has to carry out what the evicted one was to."""
    first, second = update(ONE, EDIT), update(TWO, EDIT)
    both, alone = plan(first, second), frozenset({change_digest(first)})
    assert refused(Approval(ask=None, expected=alone | {change_digest(second)}), both) is None
    assert refused(Approval(ask=None, expected=alone), both) == "ENGINE002"
    assert refused(Approval(ask=None, expected=alone), plan(first)) is None


def test_half_of_an_approved_plan_may_be_applied() -> None:
    """A run that was stopped in the middle leaves a plan that is smaller than the approved one, and no other."""
    whole = frozenset(map(change_digest, (update(ONE, EDIT), update(TWO, EDIT))))
    assert refused(Approval(ask=None, expected=whole), EDITED) is None
    grown = plan(update(ONE, EDIT, FieldChange("/spec/provider", "a", "b", Origin.CONFIG)))
    assert refused(Approval(ask=None, expected=whole), grown) == "ENGINE002"


def test_an_approval_of_nothing_approves_nothing() -> None:
    """An empty file of digests means that no pull request was found, not that anything goes."""
    assert refused(Approval(ask=None, expected=frozenset(), unasked=True), EDITED) == "ENGINE002"
