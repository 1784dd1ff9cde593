"""Changes in the order of their dependencies, as many at once as a gateway allows, and none after a stop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.executor import execute
from reconciler.errors import StaleLedger
from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.run import Outcome, Status


def change(name: str, *after: str, gateway: str = "prod") -> Change:
    """A change that waits for those named, each ``gateway/name`` or a name on the same gateway."""
    waits = tuple(
        Address(name.split("/")[0] if "/" in name else gateway, "Endpoint", name.split("/")[-1]) for name in after
    )
    return Change(Address(gateway, "Endpoint", name), Action.UPDATE, "", depends_on=waits)


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
