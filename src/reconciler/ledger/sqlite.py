"""The ledger in a file: SQLite, write-ahead log, one writer's lease per gateway."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from reconciler.errors import LeaseHeld, LedgerError
from reconciler.ledger import codec
from reconciler.ledger import lease as leases
from reconciler.ledger.commit import Committer
from reconciler.ledger.file import not_yet, open_file, refusal
from reconciler.ledger.process import Process, this_process
from reconciler.model.address import Address
from reconciler.model.memory import AuditMark, Intent, Lease, LedgerSnapshot, Settlement
from reconciler.model.ports import Clock
from reconciler.model.run import RunRecord

TERMS = leases.Terms()


def _random_token() -> str:
    return secrets.token_hex(8)


class SqliteLedger:
    """Implements the port Ledger. `process` says in whose name leases are taken, `terms` for how long.

    `committer`, `host` and `new_token` are for a simulation, which brings a disk, a clock and chance of its own.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        terms: leases.Terms = TERMS,
        process: Process | None = None,
        *,
        committer: Committer | None = None,
        host: leases.Host = leases.THIS_HOST,
        new_token: Callable[[], str] = _random_token,
    ) -> None:
        self._clock = clock
        self._path = path
        self._committer = committer or Committer(partial(open_file, path), partial(refusal, path))
        self._host = host
        self._new_token = new_token
        self._terms = terms
        self._process = process or this_process()

    async def load(self) -> LedgerSnapshot:
        """Everything, at one serial. Where nothing was ever written nothing is made, for a disk may be read-only."""
        if not self._committer.closed and not_yet(self._path):
            return LedgerSnapshot(0)
        return await self._committer.look(_load)

    def lease(self, gateway: str, holder: str, wait: float) -> AbstractAsyncContextManager[Lease]:
        """Hold a gateway until the block ends, renewed meanwhile. Raises LeaseHeld after `wait` seconds."""
        return self._held(Lease(gateway, holder, self._new_token()), wait)

    @asynccontextmanager
    async def _held(self, lease: Lease, wait: float) -> AsyncIterator[Lease]:
        try:
            await self._taken(lease, wait)
            with self._host.renewing(self._terms.renew, lambda: self._committer.post(self._extend(lease))):
                yield lease
        finally:
            # One that cannot be given back ends by itself; what went wrong in the block matters more.
            with contextlib.suppress(LedgerError):
                await self._committer.run(partial(leases.release, lease=lease))

    async def _taken(self, lease: Lease, wait: float) -> None:
        ends = self._clock.monotonic() + wait
        attempt = partial(leases.take, lease=lease, mine=self._process, terms=self._terms, host=self._host)
        while (other := await self._committer.run(attempt)) is not None:
            if self._clock.monotonic() >= ends:
                raise LeaseHeld(lease.gateway, *other)
            await self._clock.sleep(self._terms.poll)

    def _extend(self, lease: Lease) -> partial[None]:
        return partial(leases.extend, lease=lease, terms=self._terms, host=self._host)

    async def intend(self, lease: Lease, intents: Sequence[Intent]) -> None:
        """On disk when it returns. Raises StaleLedger when the lease is lost."""
        leases.require_own(lease, (intent.address for intent in intents))
        rows = [(str(intent.address), codec.dump_intent(intent)) for intent in intents]

        def work(db: sqlite3.Connection) -> None:
            leases.require(db, lease, self._host)
            db.executemany("INSERT OR REPLACE INTO intents VALUES (?, ?)", rows)
            _advance(db)

        await self._committer.run(work)

    async def settle(self, lease: Lease, settlements: Sequence[Settlement]) -> None:
        """Entries and intents change together. Raises StaleLedger when the lease is lost."""
        leases.require_own(lease, (settlement.address for settlement in settlements))
        closed = [(str(settlement.address),) for settlement in settlements]
        changed = [settlement for settlement in settlements if not settlement.keep]
        gone = [(str(settlement.address),) for settlement in changed if settlement.entry is None]
        rows = [(str(s.address), codec.dump_entry(s.entry)) for s in changed if s.entry is not None]

        def work(db: sqlite3.Connection) -> None:
            leases.require(db, lease, self._host)
            db.executemany("DELETE FROM intents WHERE address = ?", closed)
            db.executemany("DELETE FROM entries WHERE address = ?", gone)
            db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", rows)
            _advance(db)

        await self._committer.run(work)

    async def begin_run(self, record: RunRecord) -> None:
        """Open a run in the history."""
        mine = self._process
        row = (record.run_id, mine.pid, mine.host, mine.started, codec.dump_run(record))
        insert = "INSERT INTO runs (run_id, pid, host, started, body) VALUES (?, ?, ?, ?, ?)"
        await self._committer.run(lambda db: bool(db.execute(insert, row)))

    async def end_run(self, record: RunRecord) -> None:
        """Close it."""
        row = (codec.dump_run(record), record.run_id)
        await self._committer.run(lambda db: bool(db.execute("UPDATE runs SET body = ? WHERE run_id = ?", row)))

    async def history(self, limit: int) -> Sequence[RunRecord]:
        """The newest runs first; one without an end whose leases are gone is shown as interrupted."""
        return await self._committer.look(lambda db: _history(db, limit, self._host))

    async def anchor(self, name: str, mark: AuditMark, follows: Callable[[AuditMark], bool]) -> bool:
        """Keep a mark of an audit, where none is kept or it follows that one."""

        def work(db: sqlite3.Connection) -> bool:
            db.execute(_ANCHORS)
            kept = _anchored(db, name)
            if kept is not None and not follows(kept):
                return False
            if kept is not None and kept.seq >= mark.seq:
                return True
            return bool(db.execute("INSERT OR REPLACE INTO anchors VALUES (?, ?, ?)", (name, *mark)))

        return await self._committer.run(work)

    async def anchored(self, name: str) -> AuditMark | None:
        """The mark that is kept of an audit."""
        if not self._committer.closed and not_yet(self._path):
            return None
        return await self._committer.look(partial(_anchored, name=name))

    async def unlock(self, gateway: str) -> str | None:
        """Break a lease; returns who had it."""
        return await self._committer.run(partial(leases.unlock, gateway=gateway))

    async def forget(self, address: Address) -> bool:
        """Drop an entry and its intent; False if there is none. Raises LeaseHeld while a run holds the gateway."""
        return await self._committer.run(lambda db: _forget(db, address, self._host))

    async def close(self) -> None:
        """End the writer's thread and give back the file."""
        await self._committer.close()


def open_sqlite(path: Path, clock: Clock) -> SqliteLedger:
    """The ledger in `path`, made when it is not there. Nothing is opened before the first call.

    Every call may raise LedgerCorrupt, LedgerTooNew or LedgerError.
    """
    return SqliteLedger(path, clock)


_ANCHORS = """CREATE TABLE IF NOT EXISTS anchors (
  name TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID"""
"""Made when it is first needed: ledgers of earlier versions have none, and those versions pass it over."""


def _anchored(db: sqlite3.Connection, name: str) -> AuditMark | None:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'anchors'").fetchone():
        return None
    found = db.execute("SELECT seq, hash FROM anchors WHERE name = ?", (name,)).fetchone()
    if found is not None and tuple(map(type, found)) != (int, str):
        raise codec.unreadable(f"what it knows of the audit file {name} is no number and hash")
    return None if found is None else AuditMark(*found)


def _load(db: sqlite3.Connection) -> LedgerSnapshot:
    serial = db.execute("SELECT serial FROM meta").fetchone()
    if serial is None or type(serial[0]) is not int:
        raise codec.unreadable("it has no serial")
    entries = codec.keyed(_rows(db, "SELECT address, body FROM entries"), codec.load_entries)
    intents = codec.keyed(_rows(db, "SELECT address, body FROM intents"), codec.load_intents)
    return LedgerSnapshot(serial[0], entries, intents)


def _rows(db: sqlite3.Connection, query: str) -> Mapping[str, str]:
    """Columns of texts, as a table that was made by hand may hold others."""
    rows = db.execute(query).fetchall()
    if not all(type(key) is str and type(body) is str for key, body in rows):
        raise codec.unreadable("a row does not hold texts")
    return dict(rows)


_RUN_ROW = (str, str, int, str)


def _advance(db: sqlite3.Connection) -> None:
    db.execute("UPDATE meta SET serial = serial + 1")


def _history(db: sqlite3.Connection, limit: int, host: leases.Host) -> Sequence[RunRecord]:
    rows = db.execute("SELECT body, host, pid, started FROM runs ORDER BY number DESC LIMIT ?", (limit,)).fetchall()
    if not all((type(body), type(host), type(pid), type(started)) == _RUN_ROW for body, host, pid, started in rows):
        raise codec.unreadable("a run does not hold the process that made it")
    records = codec.load_runs([body for body, *_ in rows])
    return [_shown(db, record, Process(*row[1:]), host) for record, row in zip(records, rows, strict=True)]


def _shown(db: sqlite3.Connection, record: RunRecord, process: Process, host: leases.Host) -> RunRecord:
    if record.ended is not None or _running(db, record, process, host):
        return record
    return replace(record, status="interrupted")


def _running(db: sqlite3.Connection, record: RunRecord, process: Process, host: leases.Host) -> bool:
    if not record.gateways:
        return host.is_alive(process)
    return any(leases.held_by(db, gateway, process, host) for gateway in record.gateways)


def _forget(db: sqlite3.Connection, address: Address, host: leases.Host) -> bool:
    if (held := leases.standing(db, address.gateway, host)) is not None:
        raise LeaseHeld(address.gateway, *held)
    key = (str(address),)
    found = db.execute("DELETE FROM entries WHERE address = ?", key).rowcount
    found += db.execute("DELETE FROM intents WHERE address = ?", key).rowcount
    if found:
        _advance(db)
    return found > 0
