"""The ledger's disk: real SQLite in a file, whose transactions take simulated time and can find no room."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from reconciler.errors import LedgerError
from reconciler.ledger.commit import WRITE, Committer, Work, _Item
from reconciler.ledger.file import open_file, refusal

T = TypeVar("T")


class SimulatedCommitter(Committer):
    """The real group commit without its thread. What was not committed when its runner is killed never was.

    `full` says whether the disk has room for another page.
    """

    def __init__(self, path: Path, chance: random.Random, is_full: Callable[[], bool]) -> None:
        super().__init__(partial(open_file, path), partial(refusal, path))
        self._chance = chance
        self._is_full = is_full
        self._pending: list[_Item] = []
        self._busy = False
        self.connection: sqlite3.Connection | None = None

    def post(self, work: Work[object]) -> None:
        """Do `work` soon; nobody learns how it ended."""
        self._enqueue(_Item(work, WRITE, None))

    async def close(self) -> None:
        """Give the file back."""
        self._closed = True
        self.abandon()

    def abandon(self) -> None:
        """What the end of a process does: the file is closed, and an open transaction is undone."""
        self._pending.clear()
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    async def _queued(self, work: Work[T], begin: str) -> T:
        if self._closed:
            raise LedgerError("the ledger is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(_Item(work, begin, done))
        return await done

    def _enqueue(self, item: _Item) -> None:
        self._pending.append(item)
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_later(self._chance.expovariate(500), self._flush)

    def _flush(self) -> None:
        self._busy = False
        items, self._pending = self._pending, []
        try:
            connection = self._opened()
        except LedgerError as error:
            self._tell(items, error)
            return
        for begin in (WRITE, "BEGIN"):
            for end in self._done(connection, begin, [item for item in items if item.begin == begin]):
                end.tell()

    def _opened(self) -> sqlite3.Connection:
        if self.connection is None:
            self.connection = self._connect()
            self.connection.execute("PRAGMA synchronous = OFF")  # a kill of the process loses nothing of the file
        (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.connection.execute(f"PRAGMA max_page_count = {pages if self._is_full() else 1_000_000}")
        return self.connection

    def _tell(self, items: list[_Item], error: Exception) -> None:
        for item in items:
            if item.done is not None and not item.done.done():
                item.done.set_exception(error)


def renewing_by(loop: asyncio.AbstractEventLoop) -> Callable[[float, Callable[[], None]], AbstractContextManager[None]]:
    """Renewals of a lease by the simulated clock."""

    @contextmanager
    def renewing(every: float, renew: Callable[[], None]) -> Iterator[None]:
        timer: asyncio.TimerHandle

        def again() -> None:
            nonlocal timer
            renew()
            timer = loop.call_later(every, again)

        timer = loop.call_later(every, again)
        try:
            yield
        finally:
            timer.cancel()

    return renewing
