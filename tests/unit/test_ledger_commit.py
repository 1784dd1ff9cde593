"""Group commit: one flush for all that wait, and an answer of its own for each."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import LedgerError
from reconciler.ledger.commit import Committer

SCHEMA = (
    "PRAGMA foreign_keys = ON",
    "CREATE TABLE IF NOT EXISTS things (number INTEGER PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS parts (thing INTEGER REFERENCES things DEFERRABLE INITIALLY DEFERRED)",
)


class Bench:
    """A committer over a small database, and the statements that ended its transactions."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ends: list[str] = []
        self.committer = Committer(self._connect, lambda error: LedgerError(f"the database said {error}"))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None)
        for statement in SCHEMA:
            connection.execute(statement)
        connection.set_trace_callback(self._trace)
        return connection

    def _trace(self, statement: str) -> None:
        if statement in {"COMMIT", "ROLLBACK"}:
            self.ends.append(statement)

    async def together(self, *works: Callable[[sqlite3.Connection], object]) -> list[object]:
        """Do all of them in one transaction, by keeping the thread busy until all are queued."""
        go = threading.Event()
        first = asyncio.create_task(self.committer.look(lambda _: go.wait(5)))
        await asyncio.sleep(0)
        rest = asyncio.gather(*map(self.committer.run, works), return_exceptions=True)
        await asyncio.sleep(0)
        go.set()
        await first
        return list(await rest)

    async def numbers(self) -> list[int]:
        """What is in the table."""
        rows = await self.committer.look(lambda db: db.execute("SELECT number FROM things ORDER BY 1").fetchall())
        return [number for (number,) in rows]


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    """Work that adds a row and answers with its number."""

    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO things VALUES (?)", (number,))
        return number

    return work


def orphan(db: sqlite3.Connection) -> None:
    """Work that succeeds, and lets the commit fail."""
    db.execute("INSERT INTO parts VALUES (999)")


def absurd(_: sqlite3.Connection) -> float:
    """Work with a fault of ours in it."""
    return 1 / 0


def half_done(db: sqlite3.Connection) -> None:
    """Work that fails after its first write."""
    db.execute("INSERT INTO things VALUES (50)")
    raise LedgerError("made up")


def given_up(db: sqlite3.Connection) -> None:
    """Work during which the database rolls everything back, as it does when the disk is full."""
    db.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


def test_all_that_wait_share_one_flush(tmp_path: Path) -> None:
    """Sixty-four changes that finish at once must not wait for sixty-four flushes of the disk."""

    async def main() -> None:
        bench = Bench(tmp_path / "db")
        assert await bench.together(*map(insert, range(64))) == list(range(64))
        # Two: the one that kept the thread busy, and one for all the others.
        assert bench.ends == ["COMMIT", "COMMIT"]
        assert await bench.numbers() == list(range(64))
        await bench.committer.close()

    asyncio.run(main())


@pytest.mark.parametrize("bad", [insert(1), absurd, half_done], ids=["refused by the database", "absurd", "half done"])
def test_one_failure_is_undone_alone(bad: Callable[[sqlite3.Connection], object], tmp_path: Path) -> None:
    """Changes share a transaction by accident of timing; that must not make them share a fate."""

    async def main() -> None:
        bench = Bench(tmp_path / "db")
        ends = await bench.together(insert(1), bad, insert(2))
        assert (ends[0], ends[2]) == (1, 2)
        assert isinstance(ends[1], LedgerError | ZeroDivisionError)
        assert await bench.numbers() == [1, 2]
        await bench.committer.close()

    asyncio.run(main())


@pytest.mark.parametrize(("bad", "why"), [(orphan, "FOREIGN KEY"), (given_up, "disk is full")])
def test_nobody_is_told_of_a_success_that_did_not_reach_the_disk(
    bad: Callable[[sqlite3.Connection], object], why: str, tmp_path: Path
) -> None:
    """An acknowledged intent that is not on disk is the one fault that makes duplicates."""

    async def main() -> None:
        bench = Bench(tmp_path / "db")
        ends = await bench.together(insert(1), bad, insert(2))
        assert [type(end) for end in ends] == [LedgerError] * 3
        assert all(why in str(end) for end in ends)
        assert await bench.numbers() == []
        assert await bench.committer.run(insert(3)) == 3
        assert await bench.numbers() == [3]
        await bench.committer.close()

    asyncio.run(main())


def test_work_is_done_even_if_the_one_who_asked_has_left(tmp_path: Path) -> None:
    """A settlement in flight at Ctrl-C is true and must be kept, and must not cost its neighbours their answer."""

    async def main() -> None:
        bench, go = Bench(tmp_path / "db"), threading.Event()
        tasks = [asyncio.create_task(bench.committer.look(lambda _: int(go.wait(5))))]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(bench.committer.run(insert(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        go.set()
        async with asyncio.timeout(120):
            assert await tasks[2] == 2
        assert await bench.numbers() == [1, 2]
        assert tasks[1].cancelled()
        await bench.committer.close()

    asyncio.run(main())


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    """What was asked for before the end still gets its answer."""

    async def main() -> None:
        bench = Bench(tmp_path / "db")
        waiting = [asyncio.create_task(bench.committer.run(insert(n))) for n in range(10)]
        await asyncio.sleep(0)
        await bench.committer.close()
        assert await asyncio.gather(*waiting) == list(range(10))

    asyncio.run(main())


def test_an_answer_to_a_loop_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    """A command that was interrupted twice leaves its loop at once; the thread must outlive that."""
    bench, go = Bench(tmp_path / "db"), threading.Event()

    def slow(db: sqlite3.Connection) -> int:
        go.wait(5)
        return insert(1)(db)

    async def leave() -> None:
        task = asyncio.create_task(bench.committer.run(slow))
        await asyncio.sleep(0)
        task.cancel()

    async def go_on() -> None:
        async with asyncio.timeout(120):
            assert await bench.numbers() == [1]
        await bench.committer.close()

    asyncio.run(leave())
    go.set()
    asyncio.run(go_on())
