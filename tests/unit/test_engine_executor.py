"""Changes in the order of their dependencies, as many at once as a gateway allows, and none after a stop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.executor import execute
from reconciler.errors import StaleLedger
from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.run import Outcome, Status


def change(
    name: str, *after: str, gateway: str = "prod", action: Action = Action.UPDATE, kind: str = "Endpoint"
) -> Change:
    """A change that waits for those named, each ``gateway/name`` or a name on the same gateway."""
    waits = tuple(
        Address(name.split("/")[0] if "/" in name else gateway, "Endpoint", name.split("/")[-1]) for name in after
    )
    return Change(Address(gateway, kind, name), action, "", depends_on=waits)


class Work:
    """Performs changes: tells who began and ended in which order, and how many were under way at once."""

    def __init__(self, ends: Mapping[str, Status | Exception] | None = None, *, unhealthy: str = "") -> None:
        self.ends = ends or {}
        self.unhealthy = unhealthy
        self.told: list[str] = []
        self.busy: dict[str, int] = {}
        self.most: dict[str, int] = {}

    async def __call__(self, change: Change) -> Outcome:
        gateway, _, name = change.address
        self.told.append(f"+{name}")
        self.busy[gateway] = self.busy.get(gateway, 0) + 1
        self.most[gateway] = max(self.most.get(gateway, 0), self.busy[gateway])
        for _ in range(3):
            await asyncio.sleep(0)
        end = self.ends.get(name, Status.APPLIED)
        if isinstance(end, Exception):
            self.told.append(f"!{name}")
            raise end
        for _ in range(3):
            await asyncio.sleep(0)
        self.busy[gateway] -= 1
        self.told.append(f"-{name}")
        return Outcome(change.address, change.action, end, healthy=name != self.unhealthy)


def run(
    changes: Sequence[Change], work: Work, concurrency: int = 8, stop: asyncio.Event | None = None
) -> dict[str, Outcome]:
    """Outcomes by name."""
    limits = {c.address.gateway: concurrency for c in changes}
    outcomes = asyncio.run(asyncio.wait_for(execute(changes, work, limits, stop or asyncio.Event()), 120))
    assert [o.address for o in outcomes] == [c.address for c in changes]
    return {o.address.name: o for o in outcomes}


def test_a_change_begins_once_what_it_waits_for_has_ended() -> None:
    """An endpoint that falls back to another must not be written before that other stands."""
    work = Work()
    run([change("c", "b"), change("b", "a"), change("a"), change("d", "a", "b")], work)
    for first, second in ("ab", "bc", "ad", "bd"):
        assert work.told.index(f"-{first}") < work.told.index(f"+{second}")


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=12),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_every_change_ends_once_in_an_order_that_its_dependencies_allow(
    graph: list[list[int]], concurrency: int, random: object
) -> None:
    """Whatever the graph, the listing and the width: nothing is lost, repeated or begun too soon."""
    changes = [change(f"n{i}", *(f"n{j}" for j in after if j < i)) for i, after in enumerate(graph)]
    random.shuffle(changes)  # type: ignore[attr-defined]  # hypothesis gives a Random
    work = Work()
    outcomes = run(changes, work, concurrency)
    assert sorted(work.told) == sorted(f"{sign}{name}" for sign in "+-" for name in outcomes)
    for c in changes:
        for awaited in c.depends_on:
            assert work.told.index(f"-{awaited.name}") < work.told.index(f"+{c.address.name}")
    assert work.most["prod"] <= concurrency


@pytest.mark.parametrize("end", [Status.FAILED, Status.UNKNOWN, Status.ROLLED_BACK])
def test_what_fails_blocks_those_behind_it_by_name(end: Status) -> None:
    """Who waits for whom is the first thing that is asked of a run that went halfway."""
    changes = [change("a"), change("b", "a"), change("c", "b"), change("free"), change("later", "free")]
    work = Work({"a": end})
    outcomes = run(changes, work)
    shown = end.value.replace("_", " ")
    assert outcomes["b"].status is outcomes["c"].status is Status.BLOCKED
    assert outcomes["b"].error == f"waits for prod/Endpoint/a, which is {shown}"
    assert outcomes["c"].error == "waits for prod/Endpoint/b, which is blocked and not healthy"
    assert outcomes["free"].status is outcomes["later"].status is Status.APPLIED
    assert "+b" not in work.told
    assert "+c" not in work.told


def test_health_unblocks_and_not_the_write() -> None:
    """A written endpoint that does not answer is nothing to fall back to."""
    outcomes = run([change("a"), change("b", "a")], Work(unhealthy="a"))
    assert (outcomes["a"].status, outcomes["b"].status) == (Status.APPLIED, Status.BLOCKED)
    assert outcomes["b"].error == "waits for prod/Endpoint/a, which is applied and not healthy"


def test_what_was_in_place_already_unblocks() -> None:
    """A colleague who made the same change has made what was waited for."""
    outcomes = run([change("a"), change("b", "a")], Work({"a": Status.UNCHANGED}))
    assert outcomes["b"].status is Status.APPLIED


def test_dependencies_that_do_not_change_or_point_back_are_none() -> None:
    """Only what is changed in this run can be waited for."""
    assert run([change("a", "elsewhere", "a")], Work())["a"].status is Status.APPLIED


def test_each_gateway_has_its_own_width_and_uses_it() -> None:
    """A tenant's limit must hold, and it should not slow down another tenant, nor be left unused."""
    changes = [change(f"{g}{i}", gateway=g) for g in ("one", "two") for i in range(9)]
    work = Work()
    asyncio.run(execute(changes, work, {"one": 2, "two": 5}, asyncio.Event()))
    assert work.most == {"one": 2, "two": 5}


def test_dependencies_reach_across_gateways() -> None:
    """A worker of the second gateway has to hear of what ended on the first."""
    work = Work()
    outcomes = run([change("b", "one/a", gateway="two"), change("a", gateway="one")], work, 1)
    assert work.told == ["+a", "-a", "+b", "-b"]
    assert outcomes["b"].status is Status.APPLIED


def test_a_stop_skips_what_has_not_begun_and_waits_for_the_rest() -> None:
    """A write that is cut off leaves its outcome unknown; one that is not begun costs nothing."""
    stop = asyncio.Event()

    class Stopping(Work):
        async def __call__(self, change: Change) -> Outcome:
            stop.set()
            return await super().__call__(change)

    work = Stopping()
    outcomes = run([change("a"), change("b"), change("c", "a"), change("d")], work, 2, stop)
    ended = [name for name, outcome in outcomes.items() if outcome.status is Status.APPLIED]
    assert {f"-{name}" for name in ended} <= set(work.told)
    assert outcomes["c"].status is outcomes["d"].status is Status.SKIPPED
    assert "stopped" in (outcomes["d"].error or "")


def test_a_stop_before_the_beginning_begins_nothing() -> None:
    """An interruption while the plan was approved."""
    stop, work = asyncio.Event(), Work()
    stop.set()
    assert {o.status for o in run([change("a"), change("b")], work, 1, stop).values()} == {Status.SKIPPED}
    assert work.told == []


def test_an_error_of_the_run_lets_writes_in_flight_finish() -> None:
    """A lost lease must end the run, yet not in the middle of somebody's write."""
    work = Work({"a": StaleLedger("the lease was lost")})
    changes = [change("a"), change("b"), change("c"), change("d", "b")]
    with pytest.raises(StaleLedger):
        run(changes, work, 2)
    assert "-b" in work.told
    assert "+c" not in work.told
    assert "+d" not in work.told


def test_no_changes_end_at_once() -> None:
    """A run that only completes the ledger has none."""
    assert run([], Work()) == {}


def test_a_circle_ends_as_blocked() -> None:
    """Waiting for each other for ever, two changes would hold the lease until somebody killed the run."""
    work = Work()
    changes = (change("a", "b"), change("b", "a"), change("c", "a"), change("d"))
    outcomes = asyncio.run(asyncio.wait_for(execute(changes, work, {"prod": 2}, asyncio.Event()), 120))
    assert [o.status for o in outcomes] == [Status.BLOCKED, Status.BLOCKED, Status.BLOCKED, Status.APPLIED]


def test_a_long_chain_is_blocked_to_its_end() -> None:
    """A fleet in which each endpoint falls back to the next is deeper than any call stack."""
    names = [f"n{n:05}" for n in range(3000)]
    changes = [change(names[0]), *(change(name, before) for before, name in itertools.pairwise(names))]
    work = Work({names[0]: Status.FAILED})
    outcomes = asyncio.run(asyncio.wait_for(execute(changes, work, {"prod": 2}, asyncio.Event()), 120))
    assert {o.status for o in outcomes[1:]} == {Status.BLOCKED}


def removing(name: str, *after: str, **where: str) -> Change:
    """A deletion."""
    return change(name, *after, action=Action.DELETE, **where)


def made(name: str, *after: str) -> Change:
    """A creation."""
    return change(name, *after, action=Action.CREATE)


def remade(name: str, *after: str) -> Change:
    """A deletion and creation of one object."""
    return change(name, *after, action=Action.REPLACE)


@pytest.mark.parametrize("end", [Status.FAILED, Status.ROLLED_BACK, Status.UNKNOWN])
@pytest.mark.parametrize("make", [made, remade])
def test_deletions_are_skipped_when_what_replaces_them_did_not_come(end: Status, make: Callable[..., Change]) -> None:
    """An endpoint that goes although its successor failed leaves a bot without any."""
    work = Work({"new": end})
    outcomes = run([removing("old"), make("new"), made("other")], work)
    assert outcomes["old"].status is Status.SKIPPED
    assert (outcomes["old"].error or "").startswith("skipped: prod/Endpoint/new was not ")
    assert "+old" not in work.told
    assert outcomes["other"].status is Status.APPLIED


def test_deletions_are_skipped_when_what_replaces_them_does_not_work() -> None:
    """A successor that is written and does not answer is none."""
    outcomes = run([made("new"), removing("old")], Work(unhealthy="new"))
    assert str(outcomes["old"].error).startswith("skipped: prod/Endpoint/new was created and is not proved to work")


def test_deletions_are_skipped_when_what_replaces_them_was_never_begun() -> None:
    """A creation that waits for something that failed is as good as failed itself."""
    outcomes = run([change("a"), made("new", "a"), removing("old")], Work({"a": Status.FAILED}))
    assert str(outcomes["old"].error).startswith("skipped: prod/Endpoint/new was not created (blocked)")


def test_deletions_wait_for_their_own_kind_on_their_own_gateway_alone() -> None:
    """A failed endpoint on one tenant is no reason to keep a webhook, or anything on another."""
    changes = [
        made("new"),
        removing("hook", kind="Webhook"),
        removing("far", gateway="dev"),
        removing("old"),
    ]
    outcomes = run(changes, Work({"new": Status.FAILED}))
    assert [outcomes[name].status for name in ("hook", "far", "old")] == [
        Status.APPLIED,
        Status.APPLIED,
        Status.SKIPPED,
    ]


def test_replacements_go_one_at_a_time_and_end_at_the_first_that_fails() -> None:
    """Each is away for a moment: together they would leave nothing, and after a failure one more would be missing."""
    work = Work({"b": Status.FAILED})
    outcomes = run([remade("a"), remade("b"), remade("c"), made("new")], work)
    assert work.told.index("-new") < work.told.index("+a")
    assert work.told.index("-a") < work.told.index("+b")
    assert str(outcomes["c"].error).startswith("skipped: prod/Endpoint/b was not replaced")


def test_a_creation_may_wait_for_a_replacement() -> None:
    """A replacement waits for creations, but not for those that wait for it: nothing would ever begin."""
    outcomes = run([remade("a"), made("new", "a"), made("more", "new"), removing("old")], Work())
    assert {outcome.status for outcome in outcomes.values()} == {Status.APPLIED}


_ACTIONS = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE)


@given(
    st.lists(
        st.tuples(st.sampled_from(_ACTIONS), st.sampled_from(list(Status)), st.lists(st.integers(0, 9), max_size=3)),
        min_size=1,
        max_size=10,
    ),
    st.integers(1, 4),
)
def test_nothing_goes_while_something_that_should_have_come_is_missing(
    drawn: list[tuple[Action, Status, list[int]]], concurrency: int
) -> None:
    """Whatever fails, in whatever order: a deletion is only ever performed beside all that was to be made."""
    writes = [n for n, (action, *_) in enumerate(drawn) if action is not Action.DELETE]
    changes = [
        change(f"n{n}", *(f"n{m}" for m in after if m < n and m in writes and n in writes), action=action)
        for n, (action, _, after) in enumerate(drawn)
    ]
    work = Work({f"n{n}": status for n, (_, status, _) in enumerate(drawn)}, unhealthy="n3")
    outcomes = run(changes, work, concurrency)
    standing = {Status.APPLIED, Status.UNCHANGED}
    makers = [c.address.name for c in changes if c.action in {Action.CREATE, Action.REPLACE}]
    for c in changes:
        begun = f"+{c.address.name}" in work.told
        if c.action is Action.DELETE and begun:
            assert all(outcomes[name].status in standing and outcomes[name].healthy for name in makers)
            assert all(work.told.index(f"-{name}") < work.told.index(f"+{c.address.name}") for name in makers)
    replaced = [c.address.name for c in changes if c.action is Action.REPLACE and f"+{c.address.name}" in work.told]
    lost = [name for name in replaced if outcomes[name].status not in standing]
    assert len(lost) <= 1
