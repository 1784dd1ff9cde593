"""Real processes on one ledger: racing, and killed at any moment."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.ledger import open_ledger
from reconciler.testing.fakes import FakeClock
from reconciler.testing.ledger_suite import GATEWAY, address, creation, entry

BEGIN = """
import asyncio, sys
from pathlib import Path
from reconciler.engine.clock import SystemClock
from reconciler.errors import LeaseHeld
from reconciler.ledger import open_ledger
from reconciler.model.memory import Settlement
from reconciler.testing.ledger_suite import GATEWAY, address, creation, entry

def say(*words):
    print(*words, flush=True)

async def main():
    ledger = open_ledger(Path(sys.argv[1]), SystemClock())
"""

RACE = (
    BEGIN
    + """
    say("ready")
    sys.stdin.readline()
    try:
        async with ledger.lease(GATEWAY, "racer", 0) as lease:
            await ledger.intend(lease, [creation(1)])
            say("won")
            await asyncio.to_thread(sys.stdin.readline)
    except LeaseHeld:
        say("lost")
    await ledger.close()

asyncio.run(main())
"""
)

BIRTH = (
    BEGIN
    + """
    await ledger.close()
    for number in range(60):
        ledger = open_ledger(Path(sys.argv[1]) / str(number), SystemClock())
        assert (await ledger.load()).serial == 0
        await ledger.close()

asyncio.run(main())
"""
)

WORK = (
    BEGIN
    + """
    numbers = iter(range(100000))

    async def work(lease):
        for n in numbers:
            await ledger.intend(lease, [creation(n)])
            say("intended", n)
            await ledger.settle(lease, [Settlement(address(n), entry(n))])
            say("settled", n)

    async with ledger.lease(GATEWAY, "worker", 0) as lease:
        await asyncio.gather(*(work(lease) for _ in range(8)))

asyncio.run(main())
"""
)


def start(code: str, path: Path) -> subprocess.Popen[str]:
    """A Python of its own with the ledger at `path`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, path], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_of_racing_processes_exactly_one_wins(tmp_path: Path) -> None:
    """Jobs that start in the same second, on a ledger that does not exist yet, must not both write."""
    racers = [start(RACE, tmp_path / "new" / "ledger.sqlite") for _ in range(4)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ends = [racer.stdout.readline() for racer in racers if racer.stdout is not None]
    for racer in racers:
        racer.communicate("enough\n", timeout=300)
    assert sorted(ends) == ["lost\n"] * 3 + ["won\n"]
    assert [racer.returncode for racer in racers] == [0] * 4


def test_a_ledger_is_born_once(tmp_path: Path) -> None:
    """Whoever opens a ledger while another process is making it must find it whole, or wait."""
    makers = [start(BIRTH, tmp_path) for _ in range(4)]
    for maker in makers:
        maker.communicate(timeout=300)
    assert [maker.returncode for maker in makers] == [0] * 4


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A write that left without its intent on disk would be made twice, or never be found again."""
    path = tmp_path / "ledger.sqlite"
    chance = random.Random()  # noqa: S311 - any moment will do
    for _ in range(8):
        lines = _killed(path, chance.randrange(1, 600))
        intended = {int(line.split()[1]) for line in lines if line.startswith("intended")}
        settled = {int(line.split()[1]) for line in lines if line.startswith("settled")}
        asyncio.run(_inspect(path, intended, settled))


def _killed(path: Path, after: int) -> list[str]:
    """Run the worker, kill it after so many acknowledgements, and return all the whole ones it gave."""
    worker = start(WORK, path)
    assert worker.stdout is not None
    lines = [worker.stdout.readline() for _ in range(after)]
    worker.kill()
    rest, _ = worker.communicate(timeout=300)
    return [line for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]


async def _inspect(path: Path, intended: set[int], settled: set[int]) -> None:
    """Everything acknowledged is there, each object once; then tidy up, under a lease that is taken over at once."""
    ledger = open_ledger(path, FakeClock())
    async with ledger.lease(GATEWAY, "next run", 0):
        snapshot = await ledger.load()
        assert {address(n) for n in settled} <= set(snapshot.entries)
        assert {address(n) for n in intended - settled} <= set(snapshot.entries) | set(snapshot.intents)
        assert not set(snapshot.entries) & set(snapshot.intents)
        assert all(seen == entry(int(a.name[3:])) for a, seen in snapshot.entries.items())
        assert all(seen == creation(int(a.name[3:])) for a, seen in snapshot.intents.items())
        assert snapshot.serial >= len(intended) + len(settled)
    for seen in [*snapshot.entries, *snapshot.intents]:
        await ledger.forget(seen)
    await ledger.close()
