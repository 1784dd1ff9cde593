"""Group commit: whatever is waiting goes into one transaction, on a thread of its own.

Many changes finish at once, and each must be durable before its write leaves. One disk flush for
all that wait at that moment costs as much as one for a single change.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.errors import LedgerError, ReconcilerError

T = TypeVar("T")

WRITE = "BEGIN IMMEDIATE"
READ = "BEGIN"

Work = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True, slots=True)
class _Item:
    """One piece of work and whoever waits for it."""

    work: Work[Any]
    begin: str
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class Committer:
    """Owns the connection; every read and write of the ledger passes through its thread."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, work: Work[T]) -> T:
        """Do `work` in a transaction that is on disk when this returns. Raises what `work` raises."""
        return await self._queued(work, WRITE)

    async def look(self, work: Work[T]) -> T:
        """Do `work`, which only reads, on one view of the file, without waiting for a writer."""
        return await self._queued(work, READ)

    async def _queued(self, work: Work[T], begin: str) -> T:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="ledger", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._items.put(_Item(work, begin, loop, done))
        return await asyncio.shield(done)

    async def close(self) -> None:
        """End the thread after all that waits is done."""
        if self._thread is None:
            return
        self._items.put(None)
        await asyncio.to_thread(self._thread.join)
        self._thread = None

    def _serve(self) -> None:
        try:
            connection = self._connect()
        except (ReconcilerError, sqlite3.Error, OSError) as error:
            self._refuse_all(_as_ledger_error(error))
            return
        try:
            while (items := self._waiting()) is not None:
                for begin in (WRITE, READ):
                    _commit(connection, begin, [item for item in items if item.begin == begin])
        finally:
            connection.close()

    def _waiting(self) -> Sequence[_Item] | None:
        first = self._items.get()
        if first is None:
            return None
        items = [first]
        while not self._items.empty():
            following = self._items.get()
            if following is None:
                self._items.put(None)
                break
            items.append(following)
        return items

    def _refuse_all(self, error: Exception) -> None:
        while (item := self._items.get()) is not None:
            _resolve(item, None, error)


def _commit(connection: sqlite3.Connection, begin: str, items: Sequence[_Item]) -> None:
    """One transaction; an item that fails is undone alone, by its savepoint."""
    if not items:
        return
    results: list[tuple[_Item, object, Exception | None]] = []
    try:
        connection.execute(begin)
        results.extend((item, *_attempt(connection, item)) for item in items)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        results = [(item, None, _as_ledger_error(error)) for item in items]
    for item, value, problem in results:
        _resolve(item, value, problem)


def _attempt(connection: sqlite3.Connection, item: _Item) -> tuple[object, Exception | None]:
    connection.execute("SAVEPOINT item")
    try:
        value = item.work(connection)
    except (ReconcilerError, ValueError, KeyError, TypeError) as error:
        connection.execute("ROLLBACK TO item")
        connection.execute("RELEASE item")
        return None, error
    connection.execute("RELEASE item")
    return value, None


def _resolve(item: _Item, value: object, error: Exception | None) -> None:
    def tell() -> None:
        if item.done.done():
            return
        if error is not None:
            item.done.set_exception(error)
        else:
            item.done.set_result(value)

    if not item.loop.is_closed():
        item.loop.call_soon_threadsafe(tell)


def _as_ledger_error(error: Exception) -> Exception:
    if isinstance(error, ReconcilerError):
        return error
    return LedgerError(f"the ledger cannot be written: {error}")
