"""Laws of planning, for any specs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.change import ABSENT, Action, Change
from reconciler.model.desired import Desired
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.resource import Gateway, Resource
from reconciler.planning import PlanOptions, World, entry_for, intent_digest, make_plan, observed_digest
from reconciler.planning.diff import differing
from reconciler.planning.graph import in_order, ordered
from reconciler.planning.pointer import leaves, lookup
from reconciler.planning.threeway import origin_of

KEYS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=5)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5), st.floats(-2, 2))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(SCALARS, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
SPECS = st.dictionaries(KEYS, VALUES, max_size=4)
SIDES = st.one_of(st.just(ABSENT), st.integers(0, 3))
NAMES = st.lists(st.sampled_from([f"ep-{n}" for n in range(8)]), unique=True, max_size=8)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON values are: 1 and true differ only in type, which `==` does not tell."""
    return bool(one == other)


@given(SPECS, SPECS)
def test_a_diff_names_every_leaf_that_differs_and_no_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    """A place that is missed is drift that nobody sees; one too many is a plan that is never empty."""
    found = set(differing(before, after))
    paths = {*leaves(before), *leaves(after)} - {()}
    for keys in paths:
        differs = not same(lookup(before, keys), lookup(after, keys))
        covered = any(keys[: len(f)] == f or f[: len(keys)] == keys for f in found)
        assert covered == differs or (not differs and lookup(before, keys) is ABSENT)
    assert bool(found) == (before != after)


@given(SIDES, SIDES, SIDES)
def test_the_field_table_is_total(desired: Any, applied: Any, live: Any) -> None:
    """Every combination has one verdict, and a field that is in step or never ours has none."""
    origin = origin_of(desired, applied, live)
    if desired == live:
        assert origin is None
    elif desired is not ABSENT:
        assert origin is not None
    else:
        assert (origin is not None) == (applied is not ABSENT and live is not ABSENT)


def world(desired: dict[str, Any], applied: dict[str, Any], live: dict[str, Any]) -> World:
    """One gateway with endpoints by name."""

    def at(name: str) -> Address:
        return Address("g", "Endpoint", name)

    return World(
        Desired({"g": Gateway("g", "p", "https://x")}, {at(n): Resource(at(n), spec) for n, spec in desired.items()}),
        {"g": Observed("g", tuple(Live(at(n), n, spec) for n, spec in live.items()))},
        LedgerSnapshot(0, {at(n): Entry(at(n), n, spec) for n, spec in applied.items()}),
        {"g": Capabilities({"Endpoint": KindCapability()})},
        lambda _gateway, _ref: None,
    )


FLEETS = st.dictionaries(st.sampled_from([f"ep-{n}" for n in range(6)]), SPECS, max_size=6)


@given(FLEETS)
def test_a_world_in_step_gives_an_empty_plan(fleet: dict[str, Any]) -> None:
    """Apply, then plan, is empty: the law that everything else serves."""
    plan = make_plan(world(fleet, fleet, fleet), PlanOptions())
    assert plan.changes == ()
    assert plan.drift == ()
    assert plan.summary.unchanged == len(fleet)


@given(FLEETS, FLEETS, FLEETS)
def test_a_plan_that_is_carried_out_leaves_nothing(
    desired: dict[str, Any], applied: dict[str, Any], live: dict[str, Any]
) -> None:
    """What a plan would do, done by hand to a model of the gateway, must satisfy the next plan."""
    before = world(desired, applied, live)
    plan = make_plan(before, PlanOptions())
    entries = dict(before.ledger.entries)
    objects = {o.address: o for o in before.observed["g"].objects}
    for change in plan.changes:
        if change.action in {Action.DELETE, Action.FORGET}:
            entries.pop(change.address)
            objects.pop(change.address, None)
            continue
        resource = before.desired.resources[change.address]
        kept = dict(objects[change.address].spec) if change.address in objects else {}
        released = {f.path for f in change.fields if f.after is ABSENT}
        spec = {**{k: v for k, v in kept.items() if f"/spec/{k}" not in released}, **resource.spec}
        objects[change.address] = Live(change.address, change.address.name, spec)
        entries[change.address] = entry_for(resource, objects[change.address], {})
    after = replace(before, observed={"g": Observed("g", tuple(objects.values()))}, ledger=LedgerSnapshot(1, entries))
    again = make_plan(after, PlanOptions())
    left = [c for c in again.changes if any(f.after is not ABSENT for f in c.fields) or not c.fields]
    assert left == []


@given(FLEETS, FLEETS, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_order(desired: dict[str, Any], live: dict[str, Any], random: Any) -> None:
    """Whoever moves documents between files must not need a new approval."""
    plan = make_plan(world(desired, {}, live), PlanOptions())
    shuffled = list(plan.reviewed)
    random.shuffle(shuffled)
    names = list(desired)
    random.shuffle(names)
    again = make_plan(world({n: desired[n] for n in names}, {}, live), PlanOptions())
    assert intent_digest(shuffled) == plan.digest == again.digest


@given(SPECS, st.text(max_size=3))
def test_an_observed_digest_tells_content_and_not_revisions(spec: dict[str, Any], revision: str) -> None:
    """A version that moved without a difference must not stop an approved change."""
    address = Address("g", "Endpoint", "a")
    assert observed_digest(Live(address, "a", spec, revision=revision)) == observed_digest(Live(address, "a", spec))


@given(NAMES, st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_order_respects_dependencies(names: list[str], pairs: list[tuple[int, int]]) -> None:
    """A change that runs before what it depends on fails on a fresh tenant, and only there."""
    addresses = [Address("g", "Endpoint", name) for name in names]
    edges: dict[Address, list[Address]] = {a: [] for a in addresses}
    for a, b in pairs:
        if max(a, b) < len(addresses) and a > b:
            edges[addresses[a]].append(addresses[b])
    done, cyclic = ordered(edges)
    assert cyclic == ()
    assert sorted(done) == sorted(addresses)
    for address, needs in edges.items():
        assert all(done.index(need) < done.index(address) for need in needs)


def test_removals_go_in_reverse_and_last() -> None:
    """What is depended upon goes only after everything that depended on it."""
    first, second = Address("g", "Endpoint", "a"), Address("g", "Webhook", "b")
    entries = {first: Entry(first, "a", {}), second: Entry(second, "b", {}, depends_on=(first,))}
    made = Change(Address("g", "Endpoint", "z"), Action.CREATE, "")
    changes = [Change(first, Action.DELETE, ""), Change(second, Action.DELETE, ""), made]
    assert [c.address for c in in_order(changes, entries)] == [made.address, second, first]
    assert in_order(changes, entries)[2].depends_on == (second,)
