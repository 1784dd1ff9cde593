"""One change from its write to its verification, what is put back, and what the ledger catches up with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from engine_bench import (
    KEY_PATH,
    REJECTED,
    UNKNOWN,
    Engine,
    at,
    edited,
    endpoint,
    keyed,
    lost_before,
    meanwhile,
    refused,
)

from reconciler.engine import ApplyOptions, OnFailure, Verification
from reconciler.errors import Conflict, Forbidden, Rejected, ServerFault
from reconciler.model.resource import Lifecycle, Manage, Resource, Rollout
from reconciler.model.run import Check, Outcome, Run, RunStatus, Status

BACK = ApplyOptions(on_failure=OnFailure.ROLLBACK)
UNVERIFIED = ApplyOptions(verification=Verification.NONE)


def only(run: Run) -> Outcome:
    """The one outcome of a run."""
    (outcome,) = run.outcomes
    return outcome


def test_a_creation_that_is_rejected_is_removed() -> None:
    """An endpoint that never worked is worth nothing to anybody."""
    desk = Engine()
    desk.gateway.answers = [(REJECTED,)]
    run = asyncio.run(desk.apply(endpoint(), apply=BACK))
    assert (only(run).status, run.status, run.exit_code) == (Status.ROLLED_BACK, RunStatus.UNHEALTHY, 4)
    assert desk.gateway.objects == {}
    assert asyncio.run(desk.entry()) is None


async def restored(desk: Engine, *answers: Sequence[Check], key: str = "K") -> Outcome:
    """An endpoint with key K is in place; then its limit and perhaps its key change, and these are the answers."""
    await desk.apply(keyed())
    desk.gateway.answers = list(answers)
    return only(await desk.apply(keyed(key=key, rpm=2, rollout=Rollout.IN_PLACE), apply=BACK))


def test_an_update_that_is_rejected_is_written_back_with_its_secret() -> None:
    """What worked before works again, key and all."""
    desk = Engine()
    outcome = asyncio.run(restored(desk, (REJECTED,)))
    assert outcome.status is Status.ROLLED_BACK
    assert not outcome.healthy
    live, entry = desk.gateway.objects["ep"], asyncio.run(desk.entry())
    assert entry is not None
    assert live.spec["rateLimits"] == entry.spec["rateLimits"] == {"requestsPerMinute": 1}
    assert desk.gateway.sent[-1][KEY_PATH].reveal() == "sk-first-1111"
    assert asyncio.run(desk.intents()) == {}


def test_an_update_whose_earlier_secret_is_gone_stays_and_says_so() -> None:
    """The earlier key cannot be sent any more; a document without it would be worse than the new one."""
    desk = Engine()

    async def lost() -> Outcome:
        await desk.apply(keyed())
        desk.vault.lose("K")
        desk.gateway.answers = [(REJECTED,)]
        return only(await desk.apply(keyed(key="L", rpm=2, rollout=Rollout.IN_PLACE), apply=BACK))

    outcome = asyncio.run(lost())
    assert (outcome.status, outcome.healthy) == (Status.APPLIED, False)
    assert "not rolled back" in (outcome.error or "")
    assert desk.gateway.objects["ep"].spec["rateLimits"] == {"requestsPerMinute": 2}


def test_an_earlier_secret_is_found_though_the_manifest_names_another() -> None:
    """A change of the reference is the most usual way to a bad key, and must be as easy to take back."""
    desk = Engine()
    outcome = asyncio.run(restored(desk, (REJECTED,), key="L"))
    assert outcome.status is Status.ROLLED_BACK
    assert desk.gateway.sent[-1][KEY_PATH].reveal() == "sk-first-1111"


def test_an_earlier_reference_that_leads_elsewhere_now_is_gone_as_well() -> None:
    """The name is the same, the value is not: sending it would be a third document that nobody approved."""
    desk = Engine()

    async def rotated() -> Outcome:
        await desk.apply(keyed())
        desk.vault.rotate("K", "sk-third-3333")
        desk.gateway.answers = [(REJECTED,)]
        return only(await desk.apply(keyed(rollout=Rollout.IN_PLACE), apply=BACK))

    outcome = asyncio.run(rotated())
    assert "not rolled back" in (outcome.error or "")
    assert desk.gateway.objects["ep"].hints == {KEY_PATH: "3333"}


@pytest.mark.parametrize("answers", [(UNKNOWN,), (REJECTED, UNKNOWN)])
def test_a_doubt_restores_nothing(answers: tuple[Check, ...]) -> None:
    """A provider that is busy must not undo a night's work."""
    desk = Engine()
    outcome = asyncio.run(restored(desk, answers))
    assert (outcome.status, outcome.healthy) == (Status.APPLIED, False)
    assert desk.gateway.objects["ep"].spec["rateLimits"] == {"requestsPerMinute": 2}


def test_a_halt_leaves_what_was_written() -> None:
    """The usual behaviour: a person looks before anything else is written."""
    desk = Engine()
    desk.gateway.answers = [(REJECTED,)]
    run = asyncio.run(desk.apply(endpoint(), endpoint("behind", after=("ep",))))
    first, second = sorted(run.outcomes, key=lambda outcome: outcome.status is Status.BLOCKED)
    assert (first.status, first.healthy, second.status) == (Status.APPLIED, False, Status.BLOCKED)
    assert "ep" in desk.gateway.objects
    assert "behind" not in desk.gateway.objects
    assert run.status is RunStatus.UNHEALTHY


@pytest.mark.parametrize("error", [Forbidden("403"), Conflict("412"), ServerFault("500")])
def test_a_roll_back_that_fails_says_both(error: Exception) -> None:
    """Why it was to be undone, and why it was not."""
    desk = Engine()
    desk.gateway.answers = [(REJECTED,)]
    desk.gateway.events = {"delete": [refused(error)] * 3}
    outcome = only(asyncio.run(desk.apply(endpoint(), apply=BACK)))
    assert (outcome.status, outcome.healthy) == (Status.APPLIED, False)
    assert "the provider refuses the key" in (outcome.error or "")
    assert f"rolling back failed: {error}" in (outcome.error or "")
    assert asyncio.run(desk.entry()) is not None
    assert asyncio.run(desk.intents()) == {}


def test_a_roll_back_does_not_overwrite_somebody_elses_repair() -> None:
    """A colleague mended it while it was being verified: theirs is the newest word."""
    desk = Engine()

    async def mended() -> Outcome:
        await desk.apply(endpoint())
        desk.gateway.answers = [(REJECTED,)]
        desk.gateway.events = {"verify": [meanwhile(edited("ep", {"model": "mended"}))]}
        return only(await desk.apply(endpoint(rpm=2), apply=BACK))

    outcome = asyncio.run(mended())
    assert "rolling back failed" in (outcome.error or "")
    assert desk.gateway.objects["ep"].spec == {"model": "mended"}


def test_without_verification_nobody_is_asked() -> None:
    """An apply that was told not to look neither looks nor restores, and claims no success of validation."""
    desk = Engine()
    desk.gateway.answers = [(REJECTED,)]
    outcome = only(asyncio.run(desk.apply(keyed(), apply=replace(BACK, verification=Verification.NONE))))
    assert (outcome.status, outcome.healthy, outcome.verifications) == (Status.APPLIED, True, 0)
    assert "verify" not in desk.gateway.calls
    assert desk.audit.named("endpoint.configured")[0]["validationSuccess"] is False


@pytest.mark.parametrize(
    ("change", "proven"),
    [({"model": "m2"}, True), ({"rpm": 2}, False), ({"model": "m2", "rollout": Rollout.IN_PLACE}, False)],
)
def test_a_risky_change_is_proven_beside_the_live_endpoint(change: dict[str, object], *, proven: bool) -> None:
    """Models, providers and keys may not work; a limit cannot fail that way and needs no candidate."""
    desk = Engine()

    async def changed() -> Outcome:
        await desk.apply(endpoint())
        return only(await desk.apply(endpoint(**change)))  # type: ignore[arg-type]  # fields by name

    outcome = asyncio.run(changed())
    assert outcome.status is Status.APPLIED
    assert ("preflight" in desk.gateway.calls) is proven
    assert [check.name for check in outcome.checks] == ["candidate answer"] * proven + ["answer"]
    assert set(desk.gateway.objects) == {"ep"}


@pytest.mark.parametrize("answer", [REJECTED, UNKNOWN])
def test_a_candidate_that_does_not_prove_itself_leaves_the_live_object_untouched(answer: Check) -> None:
    """This is what candidates are for."""
    desk = Engine()

    async def changed() -> Outcome:
        await desk.apply(endpoint())
        desk.gateway.answers = [(answer,)]
        return only(await desk.apply(endpoint(model="m2")))

    outcome = asyncio.run(changed())
    assert (outcome.status, outcome.healthy) == (Status.FAILED, False)
    assert outcome.error is not None
    assert "untouched" in outcome.error
    assert {live.spec["model"] for live in desk.gateway.objects.values()} == {"m1"}
    assert "update" not in desk.gateway.calls
    assert asyncio.run(desk.intents()) == {}


def test_a_tenant_without_room_for_a_candidate_is_changed_in_place() -> None:
    """A limit of the tenant must not make changes impossible; the audit says that nothing was proven."""
    desk = Engine()

    async def changed() -> Outcome:
        await desk.apply(endpoint())
        desk.gateway.events = {"preflight": [refused(Conflict("the endpoint limit is reached"))]}
        return only(await desk.apply(endpoint(model="m2")))

    outcome = asyncio.run(changed())
    assert (outcome.status, desk.gateway.objects["ep"].spec["model"]) == (Status.APPLIED, "m2")
    assert desk.audit.named("preflight.skipped")
    assert desk.progress.named("preflight_skipped")


def test_an_object_that_lives_already_can_be_adopted_without_a_write() -> None:
    """Taking over what is as wanted is a matter of the ledger alone."""
    desk = Engine()
    desk.gateway.put(at("ep"), endpoint().spec)
    outcome = only(asyncio.run(desk.apply(replace(endpoint(), lifecycle=Lifecycle(adopt=True)))))
    assert (outcome.status, outcome.attempts) == (Status.APPLIED, 0)
    assert asyncio.run(desk.entry()) is not None
    assert not {"create", "update", "delete", "verify"} & set(desk.gateway.calls)


def test_what_is_gone_from_both_sides_is_forgotten() -> None:
    """The ledger must not remember what neither manifests nor gateway know."""
    desk = Engine()

    async def forgotten() -> Outcome:
        await desk.apply(endpoint())
        desk.gateway.objects.clear()
        return only(await desk.apply())

    outcome = asyncio.run(forgotten())
    assert (outcome.action.value, outcome.status) == ("forget", Status.APPLIED)
    assert asyncio.run(desk.entry()) is None


def test_where_nothing_can_be_updated_an_object_is_replaced() -> None:
    """A platform without an update call: deleted and made again, and both writes are counted."""
    desk = Engine()
    desk.gateway.kind = replace(desk.gateway.kind, update=False)

    async def replaced() -> Outcome:
        await desk.apply(endpoint())
        return only(await desk.apply(endpoint(model="m2")))

    outcome = asyncio.run(replaced())
    assert (outcome.action.value, outcome.status, outcome.attempts) == ("replace", Status.APPLIED, 2)
    assert desk.gateway.objects["ep"].spec["model"] == "m2"
    assert (entry := asyncio.run(desk.entry())) is not None
    assert entry.spec["model"] == "m2"


@pytest.mark.parametrize(
    ("events", "status", "run"),
    [
        ({"create": [refused(Rejected("400"))]}, Status.FAILED, RunStatus.FAILED),
        ({"create": [lost_before] * 3}, Status.UNKNOWN, RunStatus.FAILED),
    ],
)
def test_refusals_end_in_the_outcome(events: dict[str, list[object]], status: Status, run: RunStatus) -> None:
    """One endpoint that is refused does not end a run over forty others."""
    desk = Engine()
    desk.gateway.events = events  # type: ignore[assignment]  # events by the name of their call
    report = asyncio.run(desk.apply(endpoint(), endpoint("other")))
    by_name = {outcome.address.name: outcome for outcome in report.outcomes}
    assert (by_name["ep"].status, by_name["other"].status, report.status) == (status, Status.APPLIED, run)


def test_the_ledger_catches_up_with_what_somebody_else_did() -> None:
    """A colleague makes the same change by hand as the manifests: there is nothing to write but the ledger."""
    desk = Engine()

    async def caught_up() -> Run:
        await desk.apply(endpoint())
        desk.gateway.put(at("ep"), endpoint(model="m2").spec)
        desk.gateway.calls.clear()
        return await desk.apply(endpoint(model="m2"))

    run = asyncio.run(caught_up())
    assert (run.status, run.outcomes) == (RunStatus.OK, ())
    assert (entry := asyncio.run(desk.entry())) is not None
    assert entry.spec["model"] == "m2"
    assert "update" not in desk.gateway.calls


def test_the_ledger_catches_up_with_what_no_gateway_knows() -> None:
    """Protection outlives the manifest that stated it, so it must be written down although nothing is sent."""
    desk = Engine()

    async def protected() -> Run:
        await desk.apply(endpoint())
        return await desk.apply(replace(endpoint(), lifecycle=Lifecycle(protect=True)))

    assert asyncio.run(protected()).status is RunStatus.OK
    assert (entry := asyncio.run(desk.entry())) is not None
    assert entry.protect


def test_a_second_run_has_nothing_to_do() -> None:
    """A revision that moved without a difference is no news: a cron must not write the ledger every hour."""
    desk = Engine()

    async def twice() -> Run:
        await desk.apply(keyed())
        live = desk.gateway.objects["ep"]
        desk.gateway.put(at("ep"), live.spec, hint=live.hints[KEY_PATH])
        return await desk.apply(keyed())

    assert asyncio.run(twice()).status is RunStatus.NOTHING


def test_what_never_left_counts_no_attempt() -> None:
    """The audit must not say that an endpoint was configured, and failed, when nothing was sent."""
    desk = Engine()

    async def edited_meanwhile() -> Run:
        await desk.apply(endpoint())
        desk.gateway.events = {"read": [meanwhile(edited("ep", {"model": "m9"}))]}
        desk.audit.events.clear()
        return await desk.apply(endpoint(rpm=2))

    outcome = only(asyncio.run(edited_meanwhile()))
    assert (outcome.status, outcome.attempts) == (Status.FAILED, 0)
    assert not desk.audit.named("endpoint.configured")


def test_a_replacement_is_rolled_back_by_a_replacement() -> None:
    """A platform that cannot update what is there cannot be asked to update it back."""
    desk = Engine()
    desk.gateway.kind = replace(desk.gateway.kind, update=False)

    async def rejected() -> Run:
        await desk.apply(endpoint())
        desk.gateway.answers = [(REJECTED,)]
        desk.gateway.events = {"update": [refused(Rejected("no such call"))]}
        return await desk.apply(endpoint(model="m2"), apply=BACK)

    assert only(asyncio.run(rejected())).status is Status.ROLLED_BACK
    assert desk.gateway.objects["ep"].spec["model"] == "m1"


def test_the_ledger_never_claims_a_secret_that_was_not_sent() -> None:
    """Catching up on an object that is only ever created would make a rotation look done."""
    desk = Engine()

    async def rotated() -> bool:
        only_created = Lifecycle(manage=Manage.CREATE_ONLY)
        await desk.apply(replace(keyed(), lifecycle=only_created))
        await desk.apply(replace(keyed(key="L"), lifecycle=only_created))
        return (await desk.plan(keyed(key="L"))).plan.empty

    assert not asyncio.run(rotated())


def test_catching_up_never_moves_to_a_strangers_object() -> None:
    """Two webhooks of one name: remembered under the other's id, ours would be left and theirs removed."""
    desk = Engine()
    hook = Resource(at("hook", "Webhook"), {"name": "hook", "url": "u"})

    async def doubled() -> tuple[str, str]:
        await desk.apply(hook)
        ours = (await desk.ledger.load()).entries[hook.address].remote_id
        desk.gateway.put(hook.address, hook.spec)
        await desk.apply(hook)
        return ours, (await desk.ledger.load()).entries[hook.address].remote_id

    before, after = asyncio.run(doubled())
    assert before == after


def test_a_removal_waits_for_the_update_that_releases_it() -> None:
    """Removed at the same time, an endpoint would be gone while another still falls back to it."""
    desk = Engine()

    async def released() -> Run:
        await desk.apply(endpoint("spare"), endpoint("ep", after=["spare"]))
        desk.gateway.events = {"update": [refused(Rejected("no"))]}
        return await desk.apply(endpoint("ep", rpm=2))

    outcomes = {o.address.name: o.status for o in asyncio.run(released()).outcomes}
    assert outcomes == {"ep": Status.FAILED, "spare": Status.BLOCKED}
    assert "spare" in desk.gateway.objects
