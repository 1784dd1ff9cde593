"""Group commit: whatever is waiting goes into one transaction, on a thread of its own.

Many changes finish at once, and each must be durable before its write leaves. One disk flush for
all that wait at that moment costs as much as one for a single change.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from reconciler.errors import LedgerError, ReconcilerError

T = TypeVar("T")

WRITE = "BEGIN IMMEDIATE"
READ = "BEGIN"

Work: TypeAlias = Callable[[sqlite3.Connection], T]
Loop: TypeAlias = asyncio.AbstractEventLoop


@dataclass(frozen=True, slots=True)
class _Item:
    """One piece of work, and whoever waits for it."""

    work: Work[Any]
    begin: str
    done: asyncio.Future[Any] | None


@dataclass(frozen=True, slots=True)
class _End:
    """How one item ended."""

    item: _Item
    value: Any = None
    error: Exception | None = None

    def tell(self) -> None:
        """On the waiting side's own thread."""
        done = self.item.done
        if done is None or done.done():
            return
        if self.error is None:
            done.set_result(self.value)
        else:
            done.set_exception(self.error)


class Committer:
    """Owns the connection; every read and write of the ledger passes through its thread.

    `connect` opens the file on that thread, at the first call; `refusal` turns a failure of the database
    into one of ours.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], refusal: Callable[[sqlite3.Error], LedgerError]
    ) -> None:
        self._connect = connect
        self._refusal = refusal
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether further calls are refused."""
        return self._closed

    async def run(self, work: Work[T]) -> T:
        """Do `work` in a transaction that is on disk when this returns. Raises what `work` raises.

        Work that was asked for is done even if the one who asked is cancelled meanwhile.
        """
        return await self._queued(work, WRITE)

    async def look(self, work: Work[T]) -> T:
        """Do `work`, which only reads, on one view of the file, without waiting for another process."""
        return await self._queued(work, READ)

    def post(self, work: Work[object]) -> None:
        """Do `work` soon; nobody learns how it ended. May be called from any thread."""
        self._items.put(_Item(work, WRITE, None))

    async def _queued(self, work: Work[T], begin: str) -> T:
        if self._closed:
            raise LedgerError("the ledger is closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="ledger", daemon=True)
            self._thread.start()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._items.put(_Item(work, begin, done))
        return await done

    async def close(self) -> None:
        """End the thread after all that waits is done. Further calls are refused."""
        self._closed = True
        if self._thread is None:
            return
        self._items.put(None)
        await asyncio.to_thread(self._thread.join)
        self._thread = None

    def _serve(self) -> None:
        try:
            connection = self._connect()
        except ReconcilerError as error:
            self._refuse_all(error)
            return
        with closing(connection):
            while self._round(connection):
                pass

    def _round(self, connection: sqlite3.Connection) -> bool:
        """Do what waits; False at the end. A frame of its own, so that no result is kept until the next round."""
        items = self._waiting()
        if items is None:
            return False
        for begin in (WRITE, READ):
            _tell(self._done(connection, begin, [item for item in items if item.begin == begin]))
        return True

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
            _tell([_End(item, error=error)])

    def _done(self, connection: sqlite3.Connection, begin: str, items: Sequence[_Item]) -> Sequence[_End]:
        """One transaction; if it fails as a whole, nothing of it happened and all are told so."""
        if not items:
            return ()
        try:
            connection.execute(begin)
            ends = [self._attempt(connection, item) for item in items]
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whoever waits must get an answer
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [_End(item, error=self._ours(error)) for item in items]
        return ends

    def _attempt(self, connection: sqlite3.Connection, item: _Item) -> _End:
        """An item that fails is undone alone, by its savepoint, unless the database gave up on all of them."""
        connection.execute("SAVEPOINT item")
        try:
            value = item.work(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO item")
            connection.execute("RELEASE item")
            return _End(item, error=self._ours(error))
        connection.execute("RELEASE item")
        return _End(item, value)

    def _ours(self, error: Exception) -> Exception:
        return self._refusal(error) if isinstance(error, sqlite3.Error) else error


def _tell(ends: Sequence[_End]) -> None:
    """Wake each waiting loop once. One that is closed waits for nothing any more."""
    by_loop: defaultdict[Loop, list[_End]] = defaultdict(list)
    for end in ends:
        if end.item.done is not None:
            by_loop[end.item.done.get_loop()].append(end)
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_tell_each, theirs)


def _tell_each(ends: Sequence[_End]) -> None:
    for end in ends:
        end.tell()
