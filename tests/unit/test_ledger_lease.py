"""Leases: who holds a gateway, for how long, and what happens to the ones that are lost."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import LeaseHeld, StaleLedger
from reconciler.ledger.lease import Host, Terms
from reconciler.ledger.process import Process, alive, this_process
from reconciler.ledger.sqlite import SqliteLedger
from reconciler.model.memory import Settlement
from reconciler.model.run import RunRecord
from reconciler.testing.fakes import FakeClock
from reconciler.testing.ledger_suite import GATEWAY, address, creation, entry

LASTS = 30.0
UNRENEWED = Terms(lasts=LASTS, renew=3600, poll=0.01)
ELSEWHERE = Process("another-host", 1, "1")


def ended_process() -> Process:
    """A process of this host that is certainly gone."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return this_process()._replace(pid=child.pid, started="12345")


async def abandon(ledger: SqliteLedger) -> None:
    """Take the lease and die without giving it back."""
    door = ledger.lease(GATEWAY, "gone", 0)
    await door.__aenter__()
    ABANDONED.append(door)


class Wall:
    """A wall clock that stands still until it is moved."""

    seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


ABANDONED: list[object] = []
"""Keeps abandoned leases from being given back by the garbage collector."""


@pytest.mark.parametrize("reused", [False, True], ids=["gone", "number in use again"])
def test_a_dead_holder_of_this_host_is_taken_over_at_once(tmp_path: Path, *, reused: bool) -> None:
    """After a kill the next run must not wait half a minute for a lease that nobody can renew."""
    dead = this_process()._replace(started="1") if reused else ended_process()

    async def main() -> None:
        old = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), process=dead)
        new = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock())
        await abandon(old)
        async with new.lease(GATEWAY, "new", 0) as lease:
            await new.intend(lease, (creation(1),))
        await old.close()
        await new.close()

    asyncio.run(main())


def test_another_hosts_holder_is_waited_for_until_its_time_is_over(tmp_path: Path) -> None:
    """Of another host nothing is known: its lease must be honoured, but not for ever."""

    async def main() -> None:
        wall = Wall()
        old = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), UNRENEWED, ELSEWHERE, host=Host(wall))
        new = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), UNRENEWED, host=Host(wall))
        await abandon(old)
        with pytest.raises(LeaseHeld, match="by gone"):
            async with new.lease(GATEWAY, "new", 0):
                pass
        wall.seconds += LASTS + 1
        async with new.lease(GATEWAY, "new", 0) as lease:
            await new.intend(lease, (creation(1),))
        await old.close()
        await new.close()

    asyncio.run(main())


def test_a_lease_whose_time_ran_out_writes_nothing_more(tmp_path: Path) -> None:
    """A machine that slept through its lease cannot know what others did meanwhile."""

    async def main() -> None:
        wall = Wall()
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), UNRENEWED, host=Host(wall))
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.intend(lease, (creation(1),))
            wall.seconds += LASTS + 1
            with pytest.raises(StaleLedger, match="time ran out"):
                await ledger.settle(lease, (Settlement(address(1), entry(1)),))
        assert set((await ledger.load()).intents) == {address(1)}
        await ledger.close()

    asyncio.run(main())


def test_a_lease_is_renewed_even_while_the_program_computes(tmp_path: Path) -> None:
    """Planning a large fleet keeps the event loop busy for longer than a lease; that must not cost the run."""

    async def main() -> None:
        wall = Wall()
        often = Terms(lasts=LASTS, renew=0.01, poll=0.01)
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), often, host=Host(wall))
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            for _ in range(3):
                wall.seconds += LASTS * 0.7
                # The point: nobody else gets a turn on this thread.
                while _ends(tmp_path / "ledger.sqlite") < wall.seconds + LASTS:
                    time.sleep(0.005)  # noqa: ASYNC251 - see above
            await ledger.intend(lease, (creation(1),))
        await ledger.close()

    asyncio.run(main())


def _ends(path: Path) -> float:
    """When the lease that stands in the file ends."""
    with contextlib.closing(sqlite3.connect(path, timeout=120)) as db:
        [(ends,)] = db.execute("SELECT expires FROM leases")
    return float(ends)


def test_waiting_looks_at_the_clock_it_was_given(tmp_path: Path) -> None:
    """The wait is a promise in seconds to whoever set --lock-timeout."""

    async def main() -> None:
        clock = FakeClock()
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", clock)
        async with ledger.lease(GATEWAY, "first", 0):
            with pytest.raises(LeaseHeld):
                async with ledger.lease(GATEWAY, "second", 5):
                    pass
        assert 5 <= clock.monotonic() < 5.5
        await ledger.close()

    asyncio.run(main())


def test_an_interrupt_while_taking_the_lease_leaves_none(tmp_path: Path) -> None:
    """Ctrl-C may come between the disk and the run: a lease without a run would lock everyone out."""

    async def main() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock())
        for turns in range(8):
            task = asyncio.create_task(_take(ledger))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await ledger.unlock(GATEWAY) is None
        await ledger.close()

    asyncio.run(main())


async def _take(ledger: SqliteLedger) -> None:
    async with ledger.lease(GATEWAY, "me", 0):
        pass


def test_no_thread_is_left(tmp_path: Path) -> None:
    """A command must end when its work is done."""
    before = threading.enumerate()

    async def main() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock())
        await _take(ledger)
        await ledger.close()

    asyncio.run(main())
    assert [thread for thread in threading.enumerate() if thread not in before] == []


def test_a_run_of_another_host_counts_as_running_while_its_lease_lasts(tmp_path: Path) -> None:
    """A runner that vanished cannot report its end; its lease is the only sign of life."""
    record = RunRecord("run-1", "2026-01-01T00:00:00.000Z", None, "running", (GATEWAY,), "ci@another-host pid 1")

    async def main() -> None:
        wall = Wall()
        theirs = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), UNRENEWED, ELSEWHERE, host=Host(wall))
        ours = SqliteLedger(tmp_path / "ledger.sqlite", FakeClock(), host=Host(wall))
        await abandon(theirs)
        await theirs.begin_run(record)
        assert list(await ours.history(1)) == [record]
        wall.seconds += LASTS + 1
        async with ours.lease(GATEWAY, "me", 0):
            assert list(await ours.history(1)) == [replace(record, status="interrupted")]
        await theirs.close()
        await ours.close()

    asyncio.run(main())


def test_only_what_is_certain_counts_as_dead() -> None:
    """Taking a lease from a living run is far worse than waiting for a dead one."""
    mine = this_process()
    assert alive(mine)
    assert alive(mine._replace(started=""))
    assert alive(ELSEWHERE)
    assert not alive(ended_process())
    assert not alive(mine._replace(started="1"))
