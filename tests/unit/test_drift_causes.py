"""Why something drifted, cell by cell, and through a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.desired import Desired
from reconciler.model.drift import DriftCause
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.plan import Mode, Plan, Tally
from reconciler.model.resource import Gateway, Lifecycle, Limits, Resource
from reconciler.model.secret import Fingerprint, SecretRef
from reconciler.planning import (
    PlanOptions,
    World,
    drift_causes,
    field_cause,
    make_plan,
    planned_causes,
    planned_field_cause,
    unapplied,
)
from reconciler.render import html, junit, markdown, terminal
from reconciler.render import json as documents
from reconciler.render.subject import Subject

ONE = Address("prod", "Endpoint", "one")
KEY = "/spec/credentials/k/apiKey"
SPEC = {"model": "m", "credentials": {"k": {"priority": 1}}}
REF = SecretRef("env", ("KEY",))
ME, EDIT, SECRET, GONE = DriftCause.UNAPPLIED, DriftCause.EDITED, DriftCause.SECRET, DriftCause.DELETED
TURNED = DriftCause.ROTATED


def field(origin: Origin, *, sensitive: bool = False) -> FieldChange:
    return FieldChange("/spec/model", 1, 2, origin, sensitive=sensitive)


KEYED = field(Origin.DRIFT, sensitive=True)


def change(action: Action, *fields: Origin | FieldChange) -> Change:
    made = tuple(one if isinstance(one, FieldChange) else field(one) for one in fields)
    return Change(ONE, action, "why", made)


@pytest.mark.parametrize(
    ("given", "in_drift", "planned"),
    [
        (field(Origin.DRIFT), EDIT, EDIT),
        (field(Origin.BOTH), EDIT, ME),
        (KEYED, SECRET, SECRET),
        (field(Origin.BOTH, sensitive=True), SECRET, TURNED),
        (field(Origin.SERVER), DriftCause.DEFAULT, ME),
    ],
)
def test_a_field_has_one_cause(given: FieldChange, in_drift: DriftCause, planned: DriftCause) -> None:
    """Whoever reads the report in the morning asks of each field first whose doing it is."""
    assert (field_cause(given), planned_field_cause(given, ME)) == (in_drift, planned)


@pytest.mark.parametrize("origin", [Origin.CONFIG, Origin.TAKEOVER, Origin.RELEASE, Origin.SECRET])
@pytest.mark.parametrize("sensitive", [True, False])
def test_what_we_changed_waits_for_an_apply(origin: Origin, *, sensitive: bool) -> None:
    """A rotation of ours is no replacement by a stranger, and no merge either, however much they look alike."""
    expected = TURNED if sensitive and origin is Origin.SECRET else ME
    assert planned_field_cause(field(origin, sensitive=sensitive), ME) is expected


@pytest.mark.parametrize(
    ("drifted", "expected"),
    [
        (change(Action.DELETE), (GONE,)),
        (change(Action.NOOP), (DriftCause.FAILING,)),
        (change(Action.UPDATE, Origin.DRIFT), (EDIT,)),
        (change(Action.UPDATE, KEYED), (SECRET,)),
        (change(Action.UPDATE, KEYED, Origin.DRIFT, Origin.DRIFT), (EDIT, SECRET)),
    ],
)
def test_a_drifted_object_has_the_causes_of_its_fields(drifted: Change, expected: tuple[DriftCause, ...]) -> None:
    """A deleted object and one that fails have no field to blame, and must still say why they are listed."""
    assert drift_causes(drifted) == expected


@pytest.mark.parametrize(
    ("planned", "drift", "expected"),
    [
        (change(Action.CREATE, Origin.CONFIG), None, (ME,)),
        (change(Action.CREATE, Origin.DRIFT, Origin.SECRET), change(Action.DELETE), (GONE,)),
        (change(Action.DELETE), None, (ME,)),
        (change(Action.FORGET), change(Action.DELETE), (ME,)),
        (change(Action.UPDATE, Origin.CONFIG), None, (ME,)),
        (change(Action.UPDATE, Origin.DRIFT), change(Action.UPDATE, Origin.DRIFT), (EDIT,)),
        (change(Action.UPDATE, Origin.BOTH), change(Action.UPDATE, Origin.DRIFT), (ME,)),
        (change(Action.UPDATE, Origin.DRIFT, Origin.RELEASE), change(Action.UPDATE, Origin.DRIFT), (EDIT, ME)),
        (change(Action.UPDATE, Origin.SECRET), None, (ME,)),
        (change(Action.UPDATE, KEYED), change(Action.UPDATE, KEYED), (SECRET,)),
        (change(Action.UPDATE, KEYED, Origin.CONFIG), change(Action.UPDATE, KEYED), (SECRET, ME)),
    ],
)
def test_a_planned_change_tells_ours_from_theirs(
    planned: Change, drift: Change | None, expected: tuple[DriftCause, ...]
) -> None:
    """A rotation of ours and a key replaced by a colleague look alike in a plan; only the drift tells them apart."""
    assert planned_causes(planned, drift, ME) == expected


def plan(
    spec: dict[str, Any], applied: dict[str, Any], seen: dict[str, Any] | None, mode: Mode = Mode.DRIFT, **more: Any
) -> Plan:
    """One endpoint with one key: what is wanted, what was applied, what is there."""
    resource = Resource(ONE, spec, secrets={KEY: REF}, lifecycle=Lifecycle(ignore=more.get("ignore", ())))
    print_ = Fingerprint("key", "a")
    entry = Entry(ONE, "one", applied, {KEY: print_}, {KEY: "env:KEY"}, {KEY: "aaaa"})
    hint = more.get("hint", "aaaa")
    objects = () if seen is None else (Live(ONE, "one", seen, hints={KEY: hint}, revision="1"),)
    strangers = tuple(Live(Address("prod", "Webhook", f"w{n}"), f"w{n}", {}) for n in range(more.get("strangers", 0)))
    gateway = Gateway("prod", "fake", "https://gw.example.com", limits=Limits())
    able = Capabilities({"Endpoint": KindCapability(), "Webhook": KindCapability()})
    world = World(
        Desired({"prod": gateway}, {ONE: resource}),
        {"prod": Observed("prod", (*objects, *strangers))},
        LedgerSnapshot(1, {ONE: entry}),
        {"prod": able},
        lambda _gateway, _ref: print_,
    )
    return replace(make_plan(world, PlanOptions(mode=mode)), uncommitted=frozenset())


def test_a_server_default_is_shown_and_never_counted() -> None:
    """A field that the server fills in every night would otherwise open an issue every night."""
    made = plan(SPEC, SPEC, SPEC | {"region": "eu"})
    [given] = made.defaults
    assert [(f.path, f.before, f.after, f.origin) for f in given.fields] == [
        ("/spec/region", "eu", ABSENT, Origin.SERVER)
    ]
    assert (made.drift, made.changes, made.summary.drifted) == ((), (), 0)
    document = documents.drift_document(made, 0)
    assert document["defaults"][0]["fields"][0]["cause"] == "server default"
    assert document["summary"]["drifted"] == 0
    text = "".join("".join(text for text, _ in line) for line in terminal.drift_lines(made, lambda _: None))
    assert "server default" in text
    assert text.endswith("No drift.")


def test_a_server_default_is_in_the_reports_for_people() -> None:
    """Whoever wonders where a value comes from looks there first, and no report may take it for a failure."""
    subject = Subject("drift", 0, plan(SPEC, SPEC, SPEC | {"region": "eu"}))
    for text in (markdown.text(subject), html.text(subject), junit.text(subject)):
        assert "region" in text
        assert "server default" in text.lower()
        assert "<failure" not in text


@pytest.mark.parametrize(
    ("spec", "applied", "expected"),
    [(SPEC, SPEC, True), (SPEC | {"region": "us"}, SPEC, False), (SPEC, SPEC | {"region": "us"}, False)],
)
def test_what_anybody_of_ours_ever_said_is_no_server_default(
    spec: dict[str, Any], applied: dict[str, Any], *, expected: bool
) -> None:
    """A field that we once applied and somebody changed is drift, however silent the manifest is today."""
    assert bool(plan(spec, applied, SPEC | {"region": "eu"}).defaults) is expected


def test_server_defaults_are_looked_for_by_drift_alone() -> None:
    """A plan is approved by what it writes; what nobody will touch has no place in it."""
    assert plan(SPEC, SPEC, SPEC | {"region": "eu"}, Mode.APPLY).defaults == ()


def test_an_object_may_have_drifted_and_wait_for_an_apply() -> None:
    """Both are true, and whoever sees one only would apply the other without knowing."""
    made = plan(SPEC | {"model": "new"}, SPEC, {"model": "m", "credentials": {"k": {"priority": 2}}})
    document = documents.drift_document(made, 2)
    [drifted], [waiting] = document["drift"], document["pending"]
    assert drifted["causes"] == ["out-of-band edit"]
    assert waiting["causes"] == ["out-of-band edit", "merged but not applied"]
    assert {f["path"]: f["cause"] for f in waiting["fields"]} == {
        "/spec/credentials/k/priority": "out-of-band edit",
        "/spec/model": "merged but not applied",
    }


def test_a_replaced_secret_waits_for_nobody_of_ours() -> None:
    """It is put back by the next apply, but it was never merged."""
    made = plan(SPEC, SPEC, SPEC, hint="zzzz")
    assert [drift_causes(c) for c in made.drift] == [(SECRET,)]
    assert unapplied(made) == ()


def test_what_is_told_to_be_ignored_is_no_drift() -> None:
    """A field that others may change was excused in the manifest: the cron must not report it every night."""
    seen = SPEC | {"model": "theirs"}
    assert plan(SPEC, SPEC, seen).drift
    assert plan(SPEC, SPEC, seen, ignore=("/spec/model",)).drift == ()


def test_what_no_change_stands_for_is_counted_by_gateway_and_kind() -> None:
    """A graph of unmanaged webhooks is no use if endpoints are in the same line."""
    assert plan(SPEC, SPEC, SPEC, strangers=3).tallies == {
        ("prod", "Endpoint"): Tally(unchanged=1),
        ("prod", "Webhook"): Tally(unmanaged=3),
    }
