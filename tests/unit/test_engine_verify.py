"""Asking until it is ready: for how long, how often, and what a doubt becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from engine_bench import READY, REJECTED, UNKNOWN, Engine, endpoint
from hypothesis import given
from hypothesis import strategies as st

from reconciler import engine
from reconciler.engine.verify import LONGEST_PAUSE, Verification, Waiting, until_ready
from reconciler.errors import GatewayError, ServerFault, Throttled, Unreachable
from reconciler.model.live import Live
from reconciler.model.resource import Readiness, Resource
from reconciler.model.run import Check, Status, Verdict
from reconciler.planning import PlanOptions
from reconciler.testing.fakes import FakeClock

Answers = Sequence[Sequence[Check] | GatewayError]


def asked(answers: Answers, deadline: float, clock: FakeClock | None = None, cost: float = 0.0) -> Verification:
    """What comes of these answers, of which the last is repeated; each takes `cost` seconds."""
    time, left = clock or FakeClock(), list(answers)

    async def ask() -> Sequence[Check]:
        time.advance(cost)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    return asyncio.run(until_ready(ask, deadline, Waiting(time)))


def test_ready_at_once_is_asked_once() -> None:
    """The usual case costs one call and no pause."""
    clock = FakeClock()
    found = asked([(READY, READY)], 60, clock)
    assert (found.verdict, found.attempts, clock.slept) == (Verdict.READY, 1, [])


def test_a_rejection_is_final_at_once() -> None:
    """A revoked key stays revoked: asking for a minute costs a minute, for each of five hundred endpoints."""
    clock = FakeClock()
    found = asked([(READY, REJECTED)], 60, clock)
    assert (found.verdict, found.attempts, clock.slept) == (Verdict.REJECTED, 1, [])


def test_pauses_grow_up_to_a_limit() -> None:
    """A provider that starts up is asked soon; one that takes minutes is not flooded."""
    clock = FakeClock()
    found = asked([*[(UNKNOWN,)] * 9, (READY,)], 600, clock)
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE])
    assert (found.verdict, found.attempts, found.checks) == (Verdict.READY, 10, (READY,))


@pytest.mark.parametrize("check", [UNKNOWN, replace(REJECTED, settling=True)])
def test_the_deadline_ends_the_asking(check: Check) -> None:
    """What is still being taken up may heal as well as a doubt, but not for ever, and no pause overruns a deadline."""
    clock = FakeClock()
    found = asked([(check,)], 2.0, clock)
    assert (found.verdict, found.attempts) == (check.verdict, 5)
    assert clock.monotonic() <= 2.0


def test_the_time_of_the_answers_counts() -> None:
    """A gateway that answers slowly would otherwise hold a run for a multiple of its deadline."""
    assert asked([(UNKNOWN,)], 2.0, cost=1.0).attempts == 2


def test_a_deadline_of_nothing_asks_once() -> None:
    """Zero means: look, do not wait."""
    assert asked([(REJECTED,)], 0.0).attempts == 1


@pytest.mark.parametrize("error", [Throttled("429"), ServerFault("503"), Unreachable("no route")])
def test_an_error_of_the_call_is_a_doubt(error: GatewayError) -> None:
    """A gateway that is busy has not said that the endpoint is bad: nothing may be rolled back for it."""
    found = asked([error], 0.0)
    assert found.verdict is Verdict.UNKNOWN
    assert found.checks[0].message == str(error)


def test_an_error_may_pass() -> None:
    """One 503 is no reason to give up on an endpoint that answers a moment later."""
    assert asked([ServerFault("503"), (READY,)], 5.0).verdict is Verdict.READY


@given(st.lists(st.sampled_from([READY, REJECTED, UNKNOWN]), max_size=4))
def test_a_doubt_is_never_turned_into_a_rejection(checks: list[Check]) -> None:
    """A rejection restores what was before: it needs every check to be certain, and one to be bad."""
    verdict = Verification(tuple(checks)).verdict
    assert (verdict is Verdict.REJECTED) == (REJECTED in checks and UNKNOWN not in checks)
    assert (verdict is Verdict.READY) == all(check is READY for check in checks)


class Gate:
    """A checker that finds what it was given, and notes what it looked at."""

    def __init__(self, check: Check) -> None:
        self.check_found, self.seen = check, list[str]()

    async def check(self, resource: Resource, live: Live) -> Sequence[Check]:
        self.seen.append(f"{resource.address} as {live.remote_id}")
        return (self.check_found,)


@pytest.mark.parametrize("verify", [True, False])
def test_a_checker_is_a_gate_beside_the_platform(*, verify: bool) -> None:
    """A team's own probe decides as well, also on a platform that cannot be asked."""
    desk = Engine()
    desk.gateway.kind = replace(desk.gateway.kind, verify=verify)
    gate = Gate(replace(REJECTED, name="probe"))

    async def found() -> Status:
        planned = await desk.plan(endpoint())
        assembly = replace(desk.assembly, checkers=(gate,))
        run = await engine.apply(assembly, planned, PlanOptions(), engine.ApplyOptions())
        assert [check.name for check in run.outcomes[0].checks] == (["answer", "probe"] if verify else ["probe"])
        assert not run.outcomes[0].healthy
        return run.outcomes[0].status

    assert asyncio.run(found()) is Status.APPLIED
    assert gate.seen == ["prod/Endpoint/ep as ep"]


def test_where_nobody_can_be_asked_nothing_is_claimed() -> None:
    """Zero verifications in the audit say so honestly."""
    desk = Engine()
    desk.gateway.kind = replace(desk.gateway.kind, verify=False)
    run = asyncio.run(desk.apply(endpoint()))
    assert (run.outcomes[0].verifications, run.outcomes[0].checks) == (0, ())
    assert desk.audit.named("endpoint.configured")[0]["validationSuccess"] is False


def test_an_endpoint_is_given_its_own_deadline() -> None:
    """Readiness stands in the manifest, because models differ in how long they take to start."""
    desk = Engine()
    desk.gateway.answers = [(UNKNOWN,)]
    run = asyncio.run(desk.apply(replace(endpoint(), readiness=Readiness(deadline_seconds=0.35))))
    assert run.outcomes[0].verifications == 3
    assert run.outcomes[0].error == "answer unknown: no answer in time"


class Leaping(FakeClock):
    """A machine whose time of day is put back by an hour whenever somebody looks."""

    def now(self) -> str:
        self._beginning -= timedelta(hours=1)
        return super().now()


def test_a_clock_that_is_set_does_not_change_how_long_something_took() -> None:
    """Machines have their time put right in the middle of runs; a latency of minus an hour helps nobody."""
    desk = Engine(clock=Leaping())
    desk.gateway.answers = [(UNKNOWN,)]
    asyncio.run(desk.apply(replace(endpoint(), readiness=Readiness(deadline_seconds=0.35))))
    (line,) = desk.audit.named("endpoint.configured")
    assert line["latencyMs"] == round(1000 * sum(desk.clock.slept)) > 0
