"""The guarded write: what each ending of an attempt does to the gateway, the ledger and the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from engine_bench import (
    KEY_PATH,
    Engine,
    Event,
    MemoryGateway,
    at,
    endpoint,
    keyed,
    lost_after,
    lost_before,
    meanwhile,
    refused,
)

from reconciler.engine import write
from reconciler.engine.write import Job, Written
from reconciler.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    OutcomeUnknown,
    Rejected,
    SecretError,
    ServerFault,
    StaleLedger,
    Unreachable,
)
from reconciler.model.change import Action
from reconciler.model.memory import Entry
from reconciler.model.resource import Resource

Act = Callable[[Job], Awaitable[Written]]
OLD, NEW = endpoint(), endpoint(model="m2")
CASES: dict[Action, tuple[Act, tuple[Resource, ...], tuple[Resource, ...]]] = {
    Action.CREATE: (write.create, (), (NEW,)),
    Action.UPDATE: (write.update, (OLD,), (NEW,)),
    Action.DELETE: (write.delete, (OLD,), ()),
}
EVERY = pytest.mark.parametrize("action", list(CASES))
CHANGING = pytest.mark.parametrize("action", [Action.UPDATE, Action.DELETE])
REFUSALS = pytest.mark.parametrize(
    "error", [Rejected("400"), Forbidden("403"), Unreachable("no route"), ServerFault("500"), GatewayError("other")]
)


class Ended:
    """How one write ended: its result or its error, and what ledger and gateway hold after it."""

    def __init__(self, desk: Engine) -> None:
        self.desk = desk
        self.written: Written | None = None
        self.error: GatewayError | None = None
        self.entry: Entry | None = None
        self.open = False

    @property
    def attempts(self) -> int:
        """How many requests to change the object reached the gateway."""
        return sum(call in {"create", "update", "delete"} for call in self.desk.gateway.calls)

    @property
    def model(self) -> str | None:
        """The model that is live now."""
        live = self.desk.gateway.objects.get("ep")
        return None if live is None else live.spec["model"]

    @property
    def kept(self) -> str | None:
        """The model that the ledger holds now."""
        return None if self.entry is None else self.entry.spec["model"]


def carried_out(action: Action, *events: Event, reads: tuple[Event, ...] = (), desk: Engine | None = None) -> Ended:
    """One write of the case's change, to whose calls these events happen."""
    act, before, wanted = CASES[action]
    return asyncio.run(
        _carried_out(desk or Engine(), act, before, wanted, {action.value: list(events), "read": list(reads)})
    )


async def _carried_out(
    desk: Engine, act: Act, before: tuple[Resource, ...], wanted: tuple[Resource, ...], events: dict[str, list[Event]]
) -> Ended:
    ended = Ended(desk)
    await desk.apply(*before)
    change = Action.CREATE if not before else Action.UPDATE if wanted else Action.DELETE
    async with desk.job(change, *wanted) as job:
        desk.gateway.events = events
        try:
            ended.written = await act(job)
        except GatewayError as error:
            ended.error = error
    desk.gateway.events = {}
    ended.entry, ended.open = await desk.entry(), bool(await desk.intents())
    return ended


def edit(model: str = "m1", **fields: Any) -> Callable[[MemoryGateway], None]:
    """Somebody else stores this under our address."""

    def by_somebody(gateway: MemoryGateway) -> None:
        gateway.put(at("ep"), {**OLD.spec, "model": model, **fields}, "ep")

    return by_somebody


def gone(gateway: MemoryGateway) -> None:
    """Somebody else removes the object."""
    del gateway.objects["ep"]


AFTER = {Action.CREATE: "m2", Action.UPDATE: "m2", Action.DELETE: None}
BEFORE = {Action.CREATE: None, Action.UPDATE: "m1", Action.DELETE: "m1"}


@EVERY
def test_an_answer_is_settled(action: Action) -> None:
    """The intent stands before the write leaves and is gone after it: no moment in between is forgotten."""
    ended = carried_out(action)
    assert ended.error is None
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (AFTER[action], AFTER[action], False, 1)
    assert ended.desk.ledger.log == [("intend", at("ep")), ("settle", at("ep"))]
    assert ended.written is not None
    assert ended.written.attempts == 1


@EVERY
def test_a_lost_answer_of_a_write_that_landed_is_read_back(action: Action) -> None:
    """Sending again would count the tenant's quota twice, or make a second webhook."""
    ended = carried_out(action, lost_after)
    assert ended.error is None
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (AFTER[action], AFTER[action], False, 1)
    assert ended.written is not None
    assert ended.written.attempts == 1


@EVERY
def test_a_write_that_never_arrived_is_sent_again(action: Action) -> None:
    """A dropped connection is the commonest fault there is, and no reason to fail a run."""
    ended = carried_out(action, lost_before)
    assert ended.error is None
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (AFTER[action], AFTER[action], False, 2)
    assert ended.written is not None
    assert ended.written.attempts == 2


@EVERY
def test_a_write_that_lands_last_is_still_found(action: Action) -> None:
    """The look after the last attempt decides, not the attempt."""
    ended = carried_out(action, lost_before, lost_before, lost_after)
    assert ended.error is None
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (AFTER[action], AFTER[action], False, 3)


@EVERY
def test_a_write_that_never_arrives_is_given_up_in_doubt(action: Action) -> None:
    """After three lost answers nobody knows: the intent stays and the next run looks."""
    ended = carried_out(action, *[lost_before] * 5)
    assert isinstance(ended.error, OutcomeUnknown)
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (BEFORE[action], BEFORE[action], True, 3)


@EVERY
def test_a_doubt_that_cannot_be_read_back_keeps_the_intent(action: Action) -> None:
    """The gateway went away in the middle: neither settled nor withdrawn may be claimed."""
    first: tuple[Event, ...] = () if action is Action.CREATE else (meanwhile(lambda _gateway: None),)
    ended = carried_out(action, lost_after, reads=(*first, refused(Unreachable("no route"))))
    assert isinstance(ended.error, OutcomeUnknown)
    assert "cannot be read back" in str(ended.error)
    assert (ended.model, ended.kept, ended.open) == (AFTER[action], BEFORE[action], True)


@EVERY
@REFUSALS
def test_a_refusal_withdraws_the_intent(action: Action, error: GatewayError) -> None:
    """It certainly did not happen: the ledger is as it was, and the error is shown as it came."""
    ended = carried_out(action, refused(error))
    assert ended.error is error
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (BEFORE[action], BEFORE[action], False, 1)


@CHANGING
@REFUSALS
def test_an_object_that_cannot_be_read_is_not_written(action: Action, error: GatewayError) -> None:
    """A write is made from what is there at this moment, or not at all."""
    ended = carried_out(action, reads=(refused(error),))
    assert ended.error is error
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (BEFORE[action], BEFORE[action], False, 0)


@CHANGING
def test_a_conflict_over_the_same_change_is_tried_again(action: Action) -> None:
    """Somebody touched the object without changing it: what was approved still is what will be done."""
    ended = carried_out(action, meanwhile(edit()))
    assert ended.error is None
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (AFTER[action], AFTER[action], False, 2)


def test_a_conflict_over_another_change_is_for_a_person() -> None:
    """What was approved was m1 to m2; overwriting m9 was never approved."""
    ended = carried_out(Action.UPDATE, meanwhile(edit("m9")))
    assert isinstance(ended.error, Conflict)
    assert "/spec/model" in str(ended.error)
    assert (ended.model, ended.kept, ended.open, ended.attempts) == ("m9", "m1", False, 1)


def test_an_edit_between_plan_and_write_is_not_overwritten() -> None:
    """The same before the first attempt, where the guard of the gateway cannot see it."""
    ended = carried_out(Action.UPDATE, reads=(meanwhile(edit("m9")),))
    assert isinstance(ended.error, Conflict)
    assert (ended.model, ended.attempts, ended.open) == ("m9", 0, False)


def test_a_conflict_with_the_very_same_edit_needs_no_write() -> None:
    """A colleague did what we were about to do; that is recorded, and counts as unchanged."""
    ended = carried_out(Action.UPDATE, reads=(meanwhile(edit("m2")),))
    assert (ended.error, ended.model, ended.kept, ended.open, ended.attempts) == (None, "m2", "m2", False, 0)
    assert ended.written is not None
    assert ended.written.attempts == 0


def test_an_edit_of_what_nobody_manages_is_kept_and_written_over_nothing() -> None:
    """A field that the manifests do not speak of does not change what was approved."""
    ended = carried_out(Action.UPDATE, meanwhile(edit(note="by a colleague")))
    assert (ended.error, ended.model, ended.attempts) == (None, "m2", 2)


@CHANGING
def test_conflicts_without_end_are_given_up_without_doubt(action: Action) -> None:
    """Nothing was written, and the ledger says so."""
    ended = carried_out(action, *[meanwhile(edit())] * 5)
    assert isinstance(ended.error, Conflict)
    assert (ended.model, ended.kept, ended.open, ended.attempts) == ("m1", "m1", False, 3)


def test_what_is_gone_cannot_be_updated() -> None:
    """Making it anew was not what was approved."""
    ended = carried_out(Action.UPDATE, reads=(meanwhile(gone),))
    assert isinstance(ended.error, Conflict)
    assert (ended.model, ended.kept, ended.open, ended.attempts) == (None, "m1", False, 0)


def test_what_is_gone_counts_as_deleted() -> None:
    """The wish was that it be gone."""
    ended = carried_out(Action.DELETE, reads=(meanwhile(gone),))
    assert (ended.error, ended.model, ended.kept, ended.open, ended.attempts) == (None, None, None, False, 0)


def test_a_name_that_is_taken_meanwhile_is_not_ours() -> None:
    """An object that appeared since the plan is somebody's: the plan must ask for its adoption."""
    ended = carried_out(Action.CREATE, meanwhile(edit("m2")))
    assert isinstance(ended.error, Conflict)
    assert (ended.model, ended.kept, ended.open, ended.attempts) == ("m2", None, False, 1)


def test_a_lost_creation_beside_a_strangers_is_not_taken_for_ours() -> None:
    """The answer was lost, and what stands there is not what we sent."""
    ended = carried_out(Action.CREATE, meanwhile(edit("m9"), lost_before))
    assert isinstance(ended.error, Conflict)
    assert (ended.model, ended.kept, ended.open, ended.attempts) == ("m9", None, False, 1)


def test_a_conflict_with_our_own_lost_creation_is_success() -> None:
    """The first attempt landed late, after the look: the second one meets it."""

    def late(gateway: MemoryGateway, carry_out: Callable[[], Any]) -> Any:
        edit("m2")(gateway)
        return carry_out()

    ended = carried_out(Action.CREATE, lost_before, late)
    assert (ended.error, ended.model, ended.kept, ended.open, ended.attempts) == (None, "m2", "m2", False, 2)


def test_a_lost_lease_ends_the_write_before_it_leaves() -> None:
    """Another run may be writing by now: without a durable intent nothing is sent."""
    desk = Engine()

    async def fenced() -> None:
        async with desk.job(Action.CREATE, NEW) as job:
            await desk.ledger.unlock("prod")
            with pytest.raises(StaleLedger):
                await write.create(job)

    asyncio.run(fenced())
    assert desk.gateway.calls == []


def test_an_entry_remembers_what_was_sent() -> None:
    """Fingerprints tell a rotation, references where it came from, hints whether somebody replaced it."""
    desk = Engine()

    async def kept() -> Entry | None:
        async with desk.job(Action.CREATE, keyed()) as job:
            await write.create(job)
            intent = job.intent()
            assert intent.after is not None
            assert "sk-first-1111" not in repr((intent, desk.audit.events, desk.progress.told))
        return await desk.entry()

    entry = asyncio.run(kept())
    assert entry is not None
    assert (entry.refs, entry.hints) == ({KEY_PATH: "env:K"}, {KEY_PATH: "1111"})
    assert entry.fingerprints == {KEY_PATH: desk.vault.fingerprint("prod", keyed().secrets[KEY_PATH])}
    assert desk.gateway.sent[0][KEY_PATH].reveal() == "sk-first-1111"


@pytest.mark.parametrize("lost", [lost_after, lost_before])
def test_a_rotation_whose_answer_is_lost_ends_with_the_new_key(lost: Event) -> None:
    """Two documents with different keys look alike: only the revision tells whether ours arrived."""
    desk = Engine()

    async def rotated() -> Entry | None:
        await desk.apply(keyed())
        async with desk.job(Action.UPDATE, keyed(key="L")) as job:
            desk.gateway.events = {"update": [lost]}
            await write.update(job)
        return await desk.entry()

    entry = asyncio.run(rotated())
    assert entry is not None
    assert (desk.gateway.objects["ep"].hints, entry.refs) == ({KEY_PATH: "2222"}, {KEY_PATH: "env:L"})


def test_without_revisions_a_lost_rotation_is_sent_again() -> None:
    """Where nothing tells whether the key arrived, once more is harmless and once too few is not."""
    desk = Engine()

    def unmarked(_gateway: MemoryGateway, carry_out: Callable[[], Any]) -> Any:
        live = carry_out()
        return replace(live, revision=None, hints={})

    async def rotated() -> int:
        await desk.apply(keyed())
        async with desk.job(Action.UPDATE, keyed(key="L")) as job:
            desk.gateway.events = {"update": [lost_after], "read": [meanwhile(lambda _g: None), unmarked]}
            return (await write.update(job)).attempts

    assert asyncio.run(rotated()) == 2


def test_a_creation_that_may_still_arrive_stays_open() -> None:
    """Refused the second time, it was lost the first: withdrawn, it would land later as somebody else's object."""
    desk = Engine()
    late: list[Callable[[], Any]] = []

    def delayed(_gateway: MemoryGateway, carry_out: Callable[[], Any]) -> Any:
        late.append(carry_out)
        raise OutcomeUnknown("the answer was lost", gateway="prod")

    async def interrupted() -> tuple[int, bool]:
        desk.gateway.events = {"create": [delayed, refused(Unreachable("no route"))]}
        await desk.apply(endpoint())
        still_open = len(await desk.intents())
        late[0]()
        return still_open, (await desk.plan(endpoint())).plan.blocked

    assert asyncio.run(interrupted()) == (1, False)


def test_a_secret_that_is_gone_in_the_middle_leaves_no_intent() -> None:
    """Nothing was sent, so nothing may stay open."""
    desk = Engine()

    async def forgotten() -> object:
        async with desk.job(Action.CREATE, keyed()) as job:
            desk.vault.forget()
            with pytest.raises(SecretError):
                await write.create(job)
        return await desk.intents()

    assert asyncio.run(forgotten()) == {}
