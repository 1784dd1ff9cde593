"""Gates within a run: when they are asked, how often, and what becomes of a change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from engine_bench import ALLOWED, READY, REJECTED, UNKNOWN, Engine, endpoint
from probe_bench import ENDPOINT, Model, inquiry, reply

from reconciler import engine
from reconciler.engine import ApplyOptions, OnFailure
from reconciler.errors import GatewayError, Throttled
from reconciler.inference.checker import Line, ProbeChecker, Scope
from reconciler.inference.client import Reply
from reconciler.inference.inquiry import Desk, Inquiry
from reconciler.inference.purse import Purse
from reconciler.model.resource import Readiness, Resource
from reconciler.model.run import Outcome, Status, Verdict

BAD = inquiry(name="bad", min_tokens=1000)
FINE = inquiry(name="fine")
PATIENT = Readiness(deadline_seconds=60.0)


@dataclass
class Gated:
    """An engine whose endpoints have these probes."""

    inquiries: Sequence[Inquiry]
    scope: Scope = Scope.GATES
    model: Model = field(default_factory=Model)
    desk: Engine = field(default_factory=Engine)

    def assembly(self, *wanted: Resource) -> engine.Assembly:
        self.desk.wanted = wanted
        made = self.desk.assembly
        lines = {"prod": Line(self.model, asyncio.Semaphore(4))}
        asks = Desk(Purse(), self.desk.audit, self.desk.clock)
        return replace(made, checkers=(ProbeChecker(self.inquiries, lines, asks, self.scope),))

    async def apply(self, wanted: Resource, on_failure: OnFailure = OnFailure.ROLLBACK) -> engine.Planned | Outcome:
        assembly = self.assembly(wanted)
        planned = await engine.plan(assembly, ALLOWED)
        run = await engine.apply(assembly, planned, ALLOWED, ApplyOptions(on_failure))
        return run.outcomes[0]


def applied(gated: Gated, *wanted: Resource, on_failure: OnFailure = OnFailure.ROLLBACK) -> Outcome:
    """The last outcome of these applies."""

    async def main() -> Outcome:
        outcome: object = None
        for each in wanted:
            outcome = await gated.apply(each, on_failure)
        assert isinstance(outcome, Outcome)
        return outcome

    return asyncio.run(main())


def test_a_gate_that_is_ready_lets_the_change_stand() -> None:
    """The usual case asks the model once."""
    gated = Gated([FINE])
    outcome = applied(gated, endpoint())
    assert (outcome.status, outcome.healthy, len(gated.model.questions)) == (Status.APPLIED, True, 1)


def test_a_rejected_gate_puts_the_endpoint_back() -> None:
    """The point of a gate: what does not answer as it should does not stay live."""
    gated = Gated([FINE])
    applied(gated, endpoint(model="m1"))
    gated.inquiries = [BAD]
    outcome = applied(gated, endpoint(model="m2"))
    assert (outcome.status, outcome.healthy) == (Status.ROLLED_BACK, False)
    assert gated.desk.gateway.objects["ep"].spec["model"] == "m1"


def test_a_rejected_gate_is_asked_once_however_long_the_deadline() -> None:
    """A fact does not change by asking again, and each question costs."""
    gated = Gated([BAD])
    outcome = applied(gated, endpoint(), on_failure=OnFailure.HALT)
    assert (outcome.status, outcome.healthy) == (Status.APPLIED, False)
    patient = Gated([BAD])
    applied(patient, replace(endpoint(), readiness=PATIENT))
    assert (len(gated.model.questions), len(patient.model.questions)) == (1, 1)


@pytest.mark.parametrize(("deadline", "asked"), [(60.0, 3), (0.0, 1), (0.2, 2)])
def test_a_doubt_is_asked_again_a_bounded_number_of_times(deadline: float, asked: int) -> None:
    """Within the readiness deadline, and never more often than somebody would pay for."""
    gated = Gated([FINE], model=Model([Throttled("x")]))
    outcome = applied(gated, replace(endpoint(), readiness=Readiness(deadline_seconds=deadline)))
    assert len(gated.model.questions) == asked
    assert (outcome.status, outcome.healthy) == (Status.APPLIED, False)  # in doubt, and not put back


def test_only_what_is_in_doubt_is_asked_again() -> None:
    """Each gate is put exactly once, unless it had no answer."""
    answers: list[Reply | GatewayError] = [reply(), Throttled("x"), reply()]
    gated = Gated([inquiry(name="one"), inquiry(name="two")], model=Model(answers))
    outcome = applied(gated, replace(endpoint(), readiness=PATIENT))
    assert (outcome.healthy, len(gated.model.questions)) == (True, 3)


def test_a_rejection_stands_beside_another_gates_doubt() -> None:
    """One fact is enough to put an endpoint back."""
    gated = Gated([BAD, FINE], model=Model([reply(), Throttled("x")]))
    assert applied(gated, endpoint()).status is Status.ROLLED_BACK


@pytest.mark.parametrize("own", [REJECTED, UNKNOWN])
def test_gates_wait_for_the_platforms_own_validation(own: object) -> None:
    """What the platform itself finds wanting needs no question that costs."""
    gated = Gated([FINE])
    gated.desk.gateway.answers = [(own,)]  # type: ignore[list-item]  # parametrize knows no types
    applied(gated, endpoint())
    assert gated.model.questions == []


def test_the_platform_is_not_asked_again_for_a_gate() -> None:
    """Its validation is done when the gates begin."""
    gated = Gated([FINE], model=Model([Throttled("x"), reply()]))
    applied(gated, replace(endpoint(), readiness=PATIENT))
    assert gated.desk.gateway.calls.count("verify") == 1
    assert READY in gated.desk.gateway.answers[0]


def test_a_probe_without_a_gate_is_told_and_decides_nothing() -> None:
    """A team tries a probe for a while before it lets it stop an apply."""
    gated = Gated([inquiry(name="bad", min_tokens=1000, gate=False)])
    outcome = applied(gated, endpoint())
    assert (outcome.status, outcome.healthy, outcome.error) == (Status.APPLIED, True, None)
    assert Verdict.REJECTED in {check.verdict for check in outcome.checks if check.advisory}


def test_a_probe_without_a_gate_is_not_asked_behind_one_that_is_rejected() -> None:
    """What is put back anyway is not worth another question."""
    gated = Gated([BAD, inquiry(name="told", gate=False)])
    applied(gated, endpoint())
    assert len(gated.model.questions) == 1


def test_verify_lets_every_probe_decide() -> None:
    """Whoever asks whether it works wants to know all that is known."""
    gated = Gated([inquiry(name="bad", min_tokens=1000, gate=False)])
    applied(gated, endpoint())
    gated.scope = Scope.ALL
    (outcome,), _ = asyncio.run(engine.verify(gated.assembly(endpoint()), [ENDPOINT]))
    assert (outcome.healthy, outcome.status) == (False, Status.UNCHANGED)


def test_what_no_probe_looks_at_is_not_asked() -> None:
    """Other endpoints cost nothing."""
    gated = Gated([FINE])
    outcome = applied(gated, endpoint("other"))
    assert (gated.model.questions, outcome.verifications) == ([], 1)


def test_an_endpoint_written_twice_is_probed_twice() -> None:
    """What was decided of an earlier version says nothing of this one."""
    gated = Gated([FINE])
    assembly = gated.assembly(endpoint(rpm=1))
    checker = assembly.checkers[0]
    live = gated.desk.gateway.put(ENDPOINT, {"model": "m1"})
    again = replace(live, revision="another")

    async def main() -> None:
        for each in (live, live, again):
            await checker.check(endpoint(), each)

    asyncio.run(main())
    assert len(gated.model.questions) == 2
