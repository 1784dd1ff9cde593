"""What every Ledger promises, as tests: give a factory, run `check`.

A factory makes one more door to the same, at first empty, ledger each time it is called: in the tests of
an implementation that is a second connection, as of another process. An implementation that lives in one
object returns that object again.

    @pytest.mark.parametrize("check", ledger_suite.CHECKS, ids=lambda check: check.__name__)
    def test_contract(check, tmp_path):
        asyncio.run(check(lambda: open_ledger(tmp_path / "ledger.sqlite", SystemClock())))
"""

# ruff: noqa: S101, PLR2004
# These are tests: they assert, and their literals are the point.

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeAlias

from reconciler.errors import Defect, LeaseHeld, ReconcilerError, StaleLedger
from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.memory import AuditMark, Entry, Intent, Lease, Settlement
from reconciler.model.ports import Ledger
from reconciler.model.run import RunRecord
from reconciler.model.secret import Fingerprint

Factory: TypeAlias = Callable[[], Ledger]
Check: TypeAlias = Callable[[Factory], Awaitable[None]]

GATEWAY = "prod"


def address(number: int, gateway: str = GATEWAY) -> Address:
    """The address of the `number`th object of the suite."""
    return Address(gateway, "Endpoint", f"ep-{number:04}")


def entry(number: int, model: str = "gpt-4-turbo") -> Entry:
    """An entry with something in each field, and a text that JSON allows and UTF-8 does not."""
    return Entry(
        address(number),
        f"remote-{number}",
        {"displayName": "größer \ud800", "model": model, "credentials": {"key-1": {"priority": 1}}, "fallbacks": []},
        {"/spec/credentials/key-1/apiKey": Fingerprint("k1", "ab" * 32)},
        {"/spec/credentials/key-1/apiKey": "env:KEY"},
        {"/spec/credentials/key-1/apiKey": "wxyz"},
        "7",
        protect=True,
        depends_on=(address(number + 1),),
    )


def creation(number: int) -> Intent:
    """The intent to create the `number`th object."""
    return Intent("run-1", address(number), Action.CREATE, entry(number), scratch=f"candidate-{number}")


@asynccontextmanager
async def _opened(factory: Factory) -> AsyncIterator[Ledger]:
    ledger = factory()
    try:
        yield ledger
    finally:
        await ledger.close()


async def _refused(kind: type[ReconcilerError], attempt: Awaitable[object]) -> ReconcilerError:
    try:
        await attempt
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected, and nothing was raised")


async def _take(ledger: Ledger, gateway: str = GATEWAY, wait: float = 0.0) -> Lease:
    async with ledger.lease(gateway, "someone else", wait) as lease:
        return lease


async def an_empty_ledger_knows_nothing(factory: Factory) -> None:
    """A first run must begin without an entry, an intent, or a past."""
    async with _opened(factory) as ledger:
        snapshot = await ledger.load()
        assert (snapshot.serial, snapshot.entries, snapshot.intents) == (0, {}, {})
        assert list(await ledger.history(10)) == []


async def what_was_settled_comes_back_equal(factory: Factory) -> None:
    """Diffs compare specs with ``==``: what comes back must equal, field by field, what went in."""
    async with _opened(factory) as ledger:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.intend(lease, (creation(1),))
            assert (await ledger.load()).intents == {address(1): creation(1)}
            await ledger.settle(lease, (Settlement(address(1), entry(1)),))
        snapshot = await ledger.load()
        assert snapshot.entries == {address(1): entry(1)}
        assert snapshot.intents == {}


async def settling_replaces_removes_or_keeps(factory: Factory) -> None:
    """The three ends of a write: it landed, the object is gone, it never happened."""
    async with _opened(factory) as ledger, ledger.lease(GATEWAY, "me", 0) as lease:
        await ledger.settle(lease, [Settlement(address(n), entry(n)) for n in (1, 2, 3)])
        await ledger.intend(lease, [creation(n) for n in (1, 2, 3)])
        ends = (
            Settlement(address(1), entry(1, "gpt-4o")),
            Settlement(address(2), None),
            Settlement(address(3), None, keep=True),
        )
        await ledger.settle(lease, ends)
        snapshot = await ledger.load()
        assert snapshot.entries == {address(1): entry(1, "gpt-4o"), address(3): entry(3)}
        assert snapshot.intents == {}


async def each_write_moves_the_serial_by_one(factory: Factory) -> None:
    """A plan names the serial it was made from; an unseen write, or a phantom one, would fool the check."""
    async with _opened(factory) as ledger:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.intend(lease, [creation(1), creation(2)])
            assert (await ledger.load()).serial == 1
            await ledger.settle(lease, [Settlement(address(1), entry(1)), Settlement(address(2), None)])
            assert (await ledger.load()).serial == 2
            await asyncio.gather(*(ledger.intend(lease, (creation(n),)) for n in range(10)))
            assert (await ledger.load()).serial == 12
        assert await ledger.forget(address(1))
        assert not await ledger.forget(address(99))
        assert (await ledger.load()).serial == 13


async def a_lease_is_exclusive_and_returned(factory: Factory) -> None:
    """Two runs on one gateway would overwrite each other; a run that ended must not be in the way."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        async with ledger.lease(GATEWAY, "alice@host pid 1", 0):
            refused = await _refused(LeaseHeld, _take(other))
            assert isinstance(refused, LeaseHeld)
            assert (refused.gateway, refused.holder) == (GATEWAY, "alice@host pid 1")
            assert 0 < refused.expires_in <= 60
            await _take(other, "another-gateway")
        await _take(other)


async def a_lease_is_returned_after_a_failure(factory: Factory) -> None:
    """A run that fails or is interrupted must not lock its gateway."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        await _refused(Defect, _failing(ledger))
        await _take(other)
        held = asyncio.Event()
        task = asyncio.create_task(_holding(ledger, held))
        await held.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        await _take(other)


async def _failing(ledger: Ledger) -> None:
    async with ledger.lease(GATEWAY, "me", 0):
        raise Defect("made up")


async def _holding(ledger: Ledger, held: asyncio.Event) -> None:
    async with ledger.lease(GATEWAY, "me", 0):
        held.set()
        await asyncio.Event().wait()


async def whoever_waits_gets_the_lease(factory: Factory) -> None:
    """Two merges in a row start two jobs: the second waits for its turn."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        async with ledger.lease(GATEWAY, "first", 0):
            second = asyncio.create_task(_take(other, wait=3600))
            await asyncio.sleep(0.01)
            assert not second.done()
        assert (await asyncio.wait_for(second, 5)).gateway == GATEWAY


async def a_broken_lease_writes_nothing_more(factory: Factory) -> None:
    """A run that was unlocked from outside, perhaps while it was frozen, must not write over its successor."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        async with ledger.lease(GATEWAY, "old", 0) as old:
            await ledger.intend(old, (creation(1),))
            assert await other.unlock(GATEWAY) == "old"
            async with other.lease(GATEWAY, "new", 0) as new:
                await _refused(StaleLedger, ledger.intend(old, (creation(2),)))
                await _refused(StaleLedger, ledger.settle(old, (Settlement(address(1), entry(1)),)))
                await other.settle(new, (Settlement(address(1), None, keep=True),))
        snapshot = await other.load()
        assert (snapshot.serial, snapshot.entries, snapshot.intents) == (2, {}, {})
        assert await other.unlock(GATEWAY) is None


async def an_old_holder_does_not_end_a_new_lease(factory: Factory) -> None:
    """The clean-up of a run that lost its lease must leave its successor's alone."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        old = ledger.lease(GATEWAY, "old", 0)
        await old.__aenter__()
        await other.unlock(GATEWAY)
        async with other.lease(GATEWAY, "new", 0) as new:
            await old.__aexit__(None, None, None)
            await other.intend(new, (creation(1),))


async def one_refusal_fails_nobody_else(factory: Factory) -> None:
    """Writes share transactions; a stale one among them must not take the others with it."""
    async with _opened(factory) as ledger, ledger.lease(GATEWAY, "me", 0) as lease:
        stale = replace(lease, token="not-mine")  # noqa: S106 - made up
        leases = [stale if n % 3 == 0 else lease for n in range(30)]
        ends = await asyncio.gather(
            *(ledger.intend(leases[n], (creation(n),)) for n in range(30)), return_exceptions=True
        )
        assert [isinstance(end, StaleLedger) for end in ends] == [n % 3 == 0 for n in range(30)]
        snapshot = await ledger.load()
        assert set(snapshot.intents) == {address(n) for n in range(30) if n % 3}
        assert snapshot.serial == 20


async def a_lease_covers_its_own_gateway_only(factory: Factory) -> None:
    """An address of another gateway under this lease would dodge the exclusion."""
    async with _opened(factory) as ledger, ledger.lease(GATEWAY, "me", 0) as lease:
        foreign = replace(creation(1), address=address(1, "dev"))
        await _refused(Defect, ledger.intend(lease, (foreign,)))
        await _refused(Defect, ledger.settle(lease, (Settlement(foreign.address, None),)))
        assert (await ledger.load()).serial == 0


async def writes_to_one_address_keep_their_order(factory: Factory) -> None:
    """The last settlement asked for is the one that stands, however many are under way."""
    async with _opened(factory) as ledger, ledger.lease(GATEWAY, "me", 0) as lease:
        chance = random.Random(7)  # noqa: S311 - any order will do
        asked = [(chance.randrange(5), f"model-{n}") for n in range(200)]
        await asyncio.gather(*(ledger.settle(lease, (Settlement(address(n), entry(n, m)),)) for n, m in asked))
        assert (await ledger.load()).entries == {address(n): entry(n, model) for n, model in asked}


async def a_reader_sees_whole_writes(factory: Factory) -> None:
    """A plan made while another run writes must see an entry or its intent, never neither or both half."""
    async with _opened(factory) as ledger, _opened(factory) as reader, ledger.lease(GATEWAY, "me", 0) as lease:
        await ledger.intend(lease, [creation(n) for n in range(50)])

        async def settle_all() -> None:
            for n in range(50):
                await ledger.settle(lease, (Settlement(address(n), entry(n)),))

        writing = asyncio.create_task(settle_all())
        while not writing.done():
            seen = await reader.load()
            assert len(seen.entries) + len(seen.intents) == 50
            assert seen.serial == 1 + len(seen.entries)
            await asyncio.sleep(0)
        await writing


async def another_door_sees_what_was_written(factory: Factory) -> None:
    """The next run is another process: what was acknowledged must be there for it."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.intend(lease, (creation(1),))
            assert (await other.load()).intents == {address(1): creation(1)}
        assert await other.forget(address(1))
        assert (await ledger.load()).intents == {}


async def forgetting_waits_for_the_run(factory: Factory) -> None:
    """An entry that vanishes under a run would be written back, or missed, by it."""
    async with _opened(factory) as ledger, _opened(factory) as other:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.settle(lease, (Settlement(address(1), entry(1)),))
            await ledger.intend(lease, (creation(1),))
            await _refused(LeaseHeld, other.forget(address(1)))
        assert await other.forget(address(1))
        snapshot = await other.load()
        assert (snapshot.entries, snapshot.intents) == ({}, {})


async def history_shows_the_newest_first(factory: Factory) -> None:
    """Whoever looks wants the last run, and as many as asked for."""
    async with _opened(factory) as ledger, ledger.lease(GATEWAY, "me", 0):
        opened = [_record(n) for n in range(5)]
        for record in opened:
            await ledger.begin_run(record)
        ended = [_ended(record) for record in opened[:4]]
        for record in ended:
            await ledger.end_run(record)
        assert list(await ledger.history(3)) == [opened[4], ended[3], ended[2]]
        assert len(await ledger.history(100)) == 5


async def a_run_that_never_ended_was_interrupted(factory: Factory) -> None:
    """A killed run cannot say so itself: once its lease is gone, history must not call it running."""
    async with _opened(factory) as ledger:
        async with ledger.lease(GATEWAY, "me", 0):
            await ledger.begin_run(_record(1))
            assert [record.status for record in await ledger.history(1)] == ["running"]
        assert list(await ledger.history(1)) == [replace(_record(1), status="interrupted")]


async def the_last_line_of_an_audit_is_kept(factory: Factory) -> None:
    """Whoever cuts the end off an audit does not reach into the ledger, which knows where it ended."""
    first, second = AuditMark(3, "a" * 64), AuditMark(7, "b" * 64)
    async with _opened(factory) as ledger, _opened(factory) as other:
        assert await ledger.anchored("audit") is None
        serial = (await ledger.load()).serial
        assert await ledger.anchor("audit", first, lambda _: False)
        assert await other.anchored("audit") == first
        assert await other.anchored("another") is None
        assert await other.anchor("audit", second, lambda kept: kept == first)
        assert await ledger.anchored("audit") == second
        assert await ledger.anchor("audit", first, lambda kept: kept == second)
        assert await ledger.anchored("audit") == second
        assert (await ledger.load()).serial == serial


async def an_audit_that_does_not_follow_moves_no_mark(factory: Factory) -> None:
    """A file that was replaced would otherwise be taken for the true one after the next run."""
    kept, forged = AuditMark(7, "b" * 64), AuditMark(8, "c" * 64)
    async with _opened(factory) as ledger:
        await ledger.anchor("audit", kept, lambda _: True)
        assert not await ledger.anchor("audit", forged, lambda _: False)
        assert await ledger.anchored("audit") == kept
        assert await ledger.anchor("another", forged, lambda _: False)


def _record(number: int) -> RunRecord:
    return RunRecord(f"run-{number}", f"2026-01-01T00:00:0{number}.000Z", None, "running", (GATEWAY,), "me@host pid 1")


def _ended(record: RunRecord) -> RunRecord:
    outcomes = ({"address": str(address(1)), "action": "create", "status": "applied"},)
    return replace(record, ended="2026-01-01T00:01:00.000Z", status="ok", counts={"applied": 1}, outcomes=outcomes)


CHECKS: Sequence[Check] = (
    an_empty_ledger_knows_nothing,
    what_was_settled_comes_back_equal,
    settling_replaces_removes_or_keeps,
    each_write_moves_the_serial_by_one,
    a_lease_is_exclusive_and_returned,
    a_lease_is_returned_after_a_failure,
    whoever_waits_gets_the_lease,
    a_broken_lease_writes_nothing_more,
    an_old_holder_does_not_end_a_new_lease,
    one_refusal_fails_nobody_else,
    a_lease_covers_its_own_gateway_only,
    writes_to_one_address_keep_their_order,
    a_reader_sees_whole_writes,
    another_door_sees_what_was_written,
    forgetting_waits_for_the_run,
    history_shows_the_newest_first,
    a_run_that_never_ended_was_interrupted,
    the_last_line_of_an_audit_is_kept,
    an_audit_that_does_not_follow_moves_no_mark,
)
