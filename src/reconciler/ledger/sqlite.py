"""The ledger in a file: SQLite, write-ahead log, one writer's lease per gateway."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from reconciler.errors import LeaseHeld, LedgerCorrupt, LedgerError, LedgerTooNew, StaleLedger
from reconciler.ledger import codec
from reconciler.ledger.commit import Committer
from reconciler.ledger.process import Process, alive, this_process
from reconciler.model.address import Address
from reconciler.model.memory import Intent, Lease, LedgerSnapshot, Settlement
from reconciler.model.ports import Clock
from reconciler.model.run import RunRecord

APPLICATION_ID = 0x5245434F
VERSION = 1
LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
POLL_SECONDS = 0.2

_SCHEMA = """
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), serial INTEGER NOT NULL);
INSERT INTO meta VALUES (1, 0);
CREATE TABLE entries (address TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE intents (address TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE leases (
  gateway TEXT PRIMARY KEY, holder TEXT NOT NULL, token TEXT NOT NULL, expires REAL NOT NULL,
  host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT UNIQUE NOT NULL,
  pid INTEGER NOT NULL, host TEXT NOT NULL, started TEXT NOT NULL, body TEXT NOT NULL);
"""


class SqliteLedger:
    """Implements the port Ledger. Lease times are wall-clock, for they are shared between processes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._committer = Committer(lambda: _open(path))
        self._process = this_process()

    async def load(self) -> LedgerSnapshot:
        """Everything, at one serial."""
        return await self._committer.look(_load)

    def lease(self, gateway: str, holder: str, wait: float) -> AbstractAsyncContextManager[Lease]:
        """Hold a gateway until the block ends, renewed meanwhile."""
        return self._held(gateway, holder, wait)

    @asynccontextmanager
    async def _held(self, gateway: str, holder: str, wait: float) -> AsyncIterator[Lease]:
        lease = Lease(gateway, holder, secrets.token_hex(8))
        ends = self._clock.monotonic() + wait
        while (other := await self._committer.run(lambda db: _take(db, lease, self._process))) is not None:
            if self._clock.monotonic() >= ends:
                raise LeaseHeld(gateway, *other)
            await self._clock.sleep(POLL_SECONDS)
        renewal = asyncio.create_task(self._renew(lease))
        try:
            yield lease
        finally:
            renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewal
            await self._committer.run(lambda db: _release(db, lease))

    async def _renew(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StaleLedger):
                await self._committer.run(lambda db: _extend(db, lease))

    async def intend(self, lease: Lease, intents: Sequence[Intent]) -> None:
        """Durable when it returns."""
        rows = [(str(intent.address), codec.dump_intent(intent)) for intent in intents]

        def work(db: sqlite3.Connection) -> None:
            _require_lease(db, lease)
            db.executemany("INSERT OR REPLACE INTO intents VALUES (?, ?)", rows)
            _advance(db)

        await self._committer.run(work)

    async def settle(self, lease: Lease, settlements: Sequence[Settlement]) -> None:
        """Entries and intents change together."""
        closed = [(str(settlement.address),) for settlement in settlements]
        changed = [settlement for settlement in settlements if not settlement.keep]
        gone = [(str(settlement.address),) for settlement in changed if settlement.entry is None]
        rows = [(str(s.address), codec.dump_entry(s.entry)) for s in changed if s.entry is not None]

        def work(db: sqlite3.Connection) -> None:
            _require_lease(db, lease)
            db.executemany("DELETE FROM intents WHERE address = ?", closed)
            db.executemany("DELETE FROM entries WHERE address = ?", gone)
            db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", rows)
            _advance(db)

        await self._committer.run(work)

    async def begin_run(self, record: RunRecord) -> None:
        """Open a run in the history."""
        mine = self._process
        row = (record.run_id, mine.pid, mine.host, mine.started, codec.dump_run(record))
        await self._committer.run(
            lambda db: db.execute("INSERT INTO runs (run_id, pid, host, started, body) VALUES (?, ?, ?, ?, ?)", row)
        )

    async def end_run(self, record: RunRecord) -> None:
        """Close it."""
        row = (codec.dump_run(record), record.run_id)
        await self._committer.run(lambda db: db.execute("UPDATE runs SET body = ? WHERE run_id = ?", row))

    async def history(self, limit: int) -> Sequence[RunRecord]:
        """The newest runs first; one whose process is gone without an end is shown as interrupted."""
        return await self._committer.look(lambda db: _history(db, limit))

    async def unlock(self, gateway: str) -> str | None:
        """Break a lease; returns who had it."""
        return await self._committer.run(lambda db: _unlock(db, gateway))

    async def forget(self, address: Address) -> bool:
        """Drop an entry and its intent."""
        return await self._committer.run(lambda db: _forget(db, address))

    async def close(self) -> None:
        """End the writer's thread and give back the file."""
        await self._committer.close()


def open_ledger(path: Path, clock: Clock) -> SqliteLedger:
    """The ledger in `path`, made when it is not there. Nothing is opened before the first call.

    Every call may raise LedgerCorrupt, LedgerTooNew or LedgerError.
    """
    return SqliteLedger(path, clock)


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)
        connection = sqlite3.connect(path, isolation_level=None, timeout=15, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(
            f"the ledger {path} cannot be opened: {error}. Check the path and its permissions."
        ) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _require_ours(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise LedgerCorrupt(_damaged(path, str(error))) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
        return
    connection.execute("COMMIT")
    if application != APPLICATION_ID:
        raise LedgerCorrupt(_damaged(path, "it is another program's database"))
    if version > VERSION:
        raise LedgerTooNew(f"the ledger {path} was written by a later version of reconciler: upgrade this one")


def _damaged(path: Path, why: str) -> str:
    return (
        f"the ledger {path} is no ledger, or damaged: {why}. Put a copy back, or move the file away and take the "
        "live objects over again with `lifecycle: {adopt: true}`."
    )


def _load(db: sqlite3.Connection) -> LedgerSnapshot:
    (serial,) = db.execute("SELECT serial FROM meta").fetchone()
    try:
        entries = [codec.load_entry(body) for (body,) in db.execute("SELECT body FROM entries")]
        intents = [codec.load_intent(body) for (body,) in db.execute("SELECT body FROM intents")]
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerCorrupt(f"an entry of the ledger cannot be read ({type(error).__name__}: {error})") from error
    return LedgerSnapshot(serial, {e.address: e for e in entries}, {i.address: i for i in intents})


def _advance(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET serial = serial + 1")


def _take(db: sqlite3.Connection, lease: Lease, mine: Process) -> tuple[str, float] | None:
    """Take the lease, or say who holds it and for how much longer. A dead holder of this host holds nothing."""
    row = db.execute(
        "SELECT holder, expires, host, pid, started FROM leases WHERE gateway = ?", (lease.gateway,)
    ).fetchone()
    now = time.time()
    if row is not None and row[1] > now and alive(Process(*row[2:])):
        return row[0], row[1] - now
    db.execute(
        "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)",
        (lease.gateway, lease.holder, lease.token, now + LEASE_SECONDS, mine.host, mine.pid, mine.started),
    )
    return None


def _extend(db: sqlite3.Connection, lease: Lease) -> None:
    _require_lease(db, lease)
    db.execute("UPDATE leases SET expires = ? WHERE gateway = ?", (time.time() + LEASE_SECONDS, lease.gateway))


def _require_lease(db: sqlite3.Connection, lease: Lease) -> None:
    row = db.execute("SELECT token, holder FROM leases WHERE gateway = ?", (lease.gateway,)).fetchone()
    if row is None or row[0] != lease.token:
        taken = "nobody" if row is None else row[1]
        raise StaleLedger(f"the lease of gateway {lease.gateway!r} was lost to {taken}: nothing more is written")


def _release(db: sqlite3.Connection, lease: Lease) -> None:
    db.execute("DELETE FROM leases WHERE gateway = ? AND token = ?", (lease.gateway, lease.token))


def _history(db: sqlite3.Connection, limit: int) -> Sequence[RunRecord]:
    rows = db.execute("SELECT body, host, pid, started FROM runs ORDER BY number DESC LIMIT ?", (limit,))
    return [_shown(codec.load_run(body), Process(*process)) for body, *process in rows]


def _shown(record: RunRecord, process: Process) -> RunRecord:
    if record.ended is not None or alive(process):
        return record
    return RunRecord(record.run_id, record.started, None, "interrupted", record.gateways, record.holder)


def _unlock(db: sqlite3.Connection, gateway: str) -> str | None:
    row = db.execute("SELECT holder FROM leases WHERE gateway = ?", (gateway,)).fetchone()
    db.execute("DELETE FROM leases WHERE gateway = ?", (gateway,))
    return None if row is None else str(row[0])


def _forget(db: sqlite3.Connection, address: Address) -> bool:
    found = db.execute("DELETE FROM entries WHERE address = ?", (str(address),)).rowcount
    found += db.execute("DELETE FROM intents WHERE address = ?", (str(address),)).rowcount
    _advance(db)
    return found > 0
