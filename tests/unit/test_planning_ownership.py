"""Whose is what: entries follow the objects that resources mean, on every platform."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import platforms
from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.desired import Desired
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.resource import Gateway, Lifecycle, Resource
from reconciler.planning import PlanOptions, make_plan, owned, world_of
from reconciler.planning.ignored import blended
from reconciler.planning.ownership import located, with_first_id

NAMES = ("a", "b", "c")


def abilities(platform: str) -> Any:
    """What a platform can do, by gateway."""
    return {"prod": platforms.of_gateway(Gateway("prod", platform, "https://x.example.com")).capabilities}


def at(name: str, kind: str = "Endpoint") -> Address:
    """An address on the one gateway."""
    return Address("prod", kind, name)


def entry(address: Address, remote_id: str, *, stated: bool = False, **spec: Any) -> Entry:
    """An object as it was applied."""
    return Entry(address, remote_id, spec, id_stated=stated)


def plan(platform: str, resources: list[Resource], entries: list[Entry], live: list[Live]) -> Any:
    """The plan of a whole small fleet."""
    gateway = Gateway("prod", platform, "https://x.example.com")
    known = platforms.of_gateway(gateway)
    able = {"prod": known.capabilities}
    ledger = LedgerSnapshot(1, {each.address: each for each in entries})
    normal = {r.address: known.normalize(with_first_id(r, known.capabilities.kinds[r.address.kind])) for r in resources}
    found = located(normal, ledger.entries, able, known.normalize)
    desired = Desired({"prod": gateway}, found)
    world = world_of(desired, {"prod": Observed("prod", tuple(live))}, ledger, able, lambda _g, _r: None)
    return make_plan(world, PlanOptions(allow=frozenset({"empty", "last-endpoint", "mass-change"})))


SPEC = {"provider": "openai", "model": "gpt-4o", "credentials": {"k": {"priority": 1}}}


def normal(platform: str, resource: Resource) -> Resource:
    """With the platform's defaults."""
    return platforms.of_gateway(Gateway("prod", platform, "https://x.example.com")).normalize(resource)


@pytest.mark.parametrize(
    ("platform", "kind", "spec", "remote_id"),
    [
        ("cxone", "Endpoint", SPEC, "old"),
        ("litellm", "Endpoint", SPEC, "old"),
        ("mlflow", "Endpoint", SPEC, "old"),
        ("cognigy-rest", "Endpoint", SPEC, "5f"),
        ("smg", "Endpoint", {**SPEC, "apiBase": "https://y.example.com"}, "w-1"),
        ("cxone", "Webhook", {"name": "old", "url": "https://h.example.com", "events": ["endpoint.created"]}, "7"),
        ("mlflow", "Webhook", {"name": "old", "url": "https://h.example.com", "events": ["prompt.created"]}, "7"),
        ("litellm", "Webhook", {"name": "old", "url": "https://h.example.com", "events": ["budget.crossed"]}, "old"),
    ],
)
def test_a_rename_is_a_move_and_nothing_else_on_every_platform(
    platform: str, kind: str, spec: dict[str, Any], remote_id: str
) -> None:
    """Ids, names and defaults differ between platforms: none of them may see more of a rename than the ledger."""
    earlier = normal(platform, Resource(at("old", kind), spec))
    known = [Entry(earlier.address, remote_id, earlier.spec)]
    live = [Live(at("old", kind), remote_id, earlier.spec)]
    moved = Resource(at("new", kind), spec, moved_from="old")
    made = plan(platform, [moved], known, live)
    assert [(c.action, c.moved_from) for c in made.changes] == [(Action.MOVE, at("old", kind))], made.diagnostics
    after = [replace(known[0], address=at("new", kind))]
    assert plan(platform, [moved], after, live).changes == ()


def test_a_rename_on_cognigy_keeps_the_name_that_is_the_id() -> None:
    """There the display name is the id: with a default of its own, a rename would become another provider."""
    moved = with_first_id(Resource(at("new"), SPEC, moved_from="old"), abilities("cognigy")["prod"].kinds["Endpoint"])
    assert (normal("cognigy", moved).remote_id, normal("cognigy", moved).spec["displayName"]) == ("old", "old")


def test_two_entries_of_one_object_become_one() -> None:
    """A ledger of earlier days may know one object twice; the one that nobody declares is dropped, not deleted."""
    able = abilities("cxone")
    resource = Resource(at("a"), {}, remote_id="X", stated_id="X")
    found = owned({at("a"): resource}, {at("a"): entry(at("a"), "X"), at("b"): entry(at("b"), "X")}, able, {})
    assert (set(found.entries), dict(found.doubles)) == ({at("a")}, {at("b"): at("a")})
    live = [Live(at("X"), "X", SPEC)]
    made = plan("cxone", [replace(resource, spec=SPEC)], [entry(at("a"), "X"), entry(at("b"), "X")], live)
    assert Action.DELETE not in {c.action for c in made.changes}
    assert [c.address for c in made.changes if c.action is Action.FORGET] == [at("b")]


def test_an_id_that_another_resource_already_means_is_refused() -> None:
    """The manifests alone do not tell: the second one means the object by what the ledger knows."""
    first = Resource(at("a"), SPEC, lifecycle=Lifecycle(adopt=True), remote_id="5f", stated_id="5f")
    second = Resource(at("b"), SPEC)
    made = plan("cognigy-rest", [first, second], [entry(at("b"), "5f")], [Live(at("b"), "5f", SPEC)])
    assert {d.code for d in made.diagnostics} >= {"PLAN030"}
    assert made.changes == ()


def test_a_move_from_another_object_is_refused() -> None:
    """Where movedFrom and the id disagree, the earlier object would be left undeclared, and be deleted."""
    moved = Resource(at("new"), SPEC, remote_id="X", stated_id="X", moved_from="old")
    made = plan("cxone", [moved], [entry(at("old"), "old")], [Live(at("old"), "old", SPEC), Live(at("X"), "X", SPEC)])
    assert {d.code for d in made.diagnostics} >= {"PLAN031"}
    assert made.changes == ()


def test_somebody_elses_object_under_an_old_name_is_not_deleted() -> None:
    """Ours is gone, and another one bears its name: that one was never ours."""
    hook: dict[str, Any] = {"name": "old", "url": "https://h.example.com", "events": []}
    made = plan("cxone", [], [entry(at("old", "Webhook"), "1", **hook)], [Live(at("old", "Webhook"), "2", hook)])
    assert [c.action for c in made.changes] == [Action.FORGET]


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Resource], list[Entry], list[Live]]:
    """Small fleets in which names, ids, moves and entries are mixed up in any way."""
    declared = draw(st.lists(st.sampled_from(NAMES), unique=True))
    ids = st.none() | st.sampled_from(NAMES)
    resources = []
    for name in declared:
        stated = draw(ids)
        resources.append(
            Resource(
                at(name),
                {**SPEC, "displayName": name},
                lifecycle=Lifecycle(adopt=draw(st.booleans())),
                remote_id=stated,
                stated_id=stated,
                moved_from=draw(ids),
            )
        )
    entries = [
        entry(at(name), draw(st.sampled_from(NAMES)), stated=draw(st.booleans()), **SPEC)
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]
    live = [
        Live(at(name), name, {**SPEC, "displayName": name})
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]
    return resources, entries, live


def _of_two() -> tuple[list[Resource], list[Entry], list[Live]]:
    """Two documents that mean one object, of which the ledger knows by a third name."""
    one = Resource(at("a"), {**SPEC, "displayName": "a"}, remote_id="b", stated_id="b")
    other = Resource(at("b"), {**SPEC, "displayName": "b"})
    entries = [entry(at("a"), "a", stated=False, **SPEC), entry(at("c"), "b", stated=False, **SPEC)]
    return [one, other], entries, [Live(at(name), name, {**SPEC, "displayName": name}) for name in ("a", "b")]


@given(fleets())
@example(_of_two())
def test_nothing_that_a_manifest_claims_is_ever_deleted(fleet: tuple[list[Resource], list[Entry], list[Live]]) -> None:
    """Whatever the ledger believes: a deletion meets only what no declared resource means."""
    resources, entries, live = fleet
    made = plan("cxone", resources, entries, live)
    claimed = {r.stated_id for r in resources if r.stated_id is not None}
    deleted = [c.remote_id for c in made.changes if c.action is Action.DELETE]
    assert not claimed & set(deleted)
    written = [c.remote_id for c in made.changes if c.action.writes and c.remote_id is not None]
    assert len(written) == len(set(written)), "one object is written once"
    assert len({c.address for c in made.changes}) == len(made.changes)


@pytest.mark.parametrize(
    ("mine", "theirs", "shown", "found"),
    [
        ({"m": 1, "l": {"x": 1, "y": 2}}, {"m": 2, "l": {"x": 9, "y": 8}}, (), {"m": 1, "l": {"x": 9, "y": 2}}),
        ({"l": {"x": 1}}, {"l": {"x": 9}}, ("/spec/l/x",), {"l": {"x": 1}}),
        ({"l": {"x": 1}}, {}, (), {}),
        ({}, {"l": {"x": 9}}, (), {"l": {"x": 9}}),
        ({"credentials": {"a": {"p": 1}}}, {"credentials": {"a": {"p": 1}, "b": {"p": 2}}}, (), None),
        ({"credentials": {"b": {"p": 1}}}, {"credentials": {"b": {"p": 2}}}, (), {"credentials": {"b": {"p": 2}}}),
    ],
)
def test_what_is_ignored_is_taken_from_the_other_side(
    mine: dict[str, Any], theirs: dict[str, Any], shown: tuple[str, ...], found: dict[str, Any] | None
) -> None:
    """Only what is ignored and not shown; a credential that only the other side has brings no key along."""
    ignore = ("/spec/l/x", "/spec/credentials/b")
    assert blended(mine, theirs, ignore, shown) == (mine if found is None else found)
