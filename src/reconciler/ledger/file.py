"""Open the ledger's file: make it, recognise it, and say in plain words why it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from reconciler import storage
from reconciler.errors import LedgerCorrupt, LedgerError, LedgerTooNew

APPLICATION_ID = 0x5245434F
VERSION = 1
BUSY_SECONDS = 15.0

_SCHEMA = (
    "CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), serial INTEGER NOT NULL)",
    "INSERT INTO meta VALUES (1, 0)",
    "CREATE TABLE entries (address TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE intents (address TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE leases (
      gateway TEXT PRIMARY KEY, holder TEXT NOT NULL, token TEXT NOT NULL, expires REAL NOT NULL,
      host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE runs (
      number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT UNIQUE NOT NULL,
      pid INTEGER NOT NULL, host TEXT NOT NULL, started TEXT NOT NULL, body TEXT NOT NULL)""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

_COLUMNS = {
    "meta": "id serial",
    "entries": "address body",
    "intents": "address body",
    "leases": "gateway holder token expires host pid started",
    "runs": "number run_id pid host started body",
}

_BESIDE = ("-wal", "-shm", "-journal")
"""What the database writes beside its file, with the permissions of that file."""

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program has kept it locked for long: end that program",
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "the disk refused: look for space, quotas and faults",
    sqlite3.SQLITE_READONLY: "it is read-only: correct the permissions",
    sqlite3.SQLITE_CANTOPEN: "it or its directory cannot be opened: correct path and permissions",
}


def not_yet(path: Path) -> bool:
    """Whether there is no ledger at `path`, in a place where there could be one. Raises LedgerError."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return next(parent for parent in path.parents if parent.exists()).is_dir()
    except OSError as error:
        raise _unusable(path, f"{error.strerror}: correct path and permissions") from error
    return False


def open_file(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to the ledger at `path`, which is made, for this user only, if need be.

    Raises LedgerCorrupt, LedgerTooNew, or LedgerError when the place cannot be used.
    """
    try:
        storage.private_folder(path.parent)
        for name in (path.name, *(path.name + ending for ending in _BESIDE)):
            storage.require_file(path.with_name(name))
        os.close(storage.open_private(path, os.O_RDWR | os.O_CREAT))
    except storage.LinkInTheWay as error:
        raise _unusable(path, str(error)) from error
    except OSError as error:
        raise _unusable(path, f"{error.strerror}: correct path and permissions") from error
    try:
        return _connected(path)
    except sqlite3.Error as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: sqlite3.Error) -> LedgerError:
    """What a failure of the database means for its user."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGE:
        return _damaged(path, str(error))
    return _unusable(path, _ADVICE.get(code, str(error)))


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        if not _recognised(connection, path):
            _make(connection)
            _recognised(connection, path)
        _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _recognised(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether there is a ledger; False for an empty file. Nothing is changed in a file that is not ours."""
    connection.execute("BEGIN")  # one view: another process may be making the ledger at this moment
    try:
        return _is_ledger(connection, path)
    finally:
        connection.rollback()


def _is_ledger(connection: sqlite3.Connection, path: Path) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not tables and application in {0, APPLICATION_ID}:
        return False
    if application != APPLICATION_ID:
        raise _damaged(path, "it is another program's database")
    if version > VERSION:
        raise LedgerTooNew(
            f"the ledger {path} was written by a later version of reconciler: upgrade this one. (LEDGER002)"
        )
    for table, columns in _COLUMNS.items():
        if _columns(connection, table) != columns:
            raise _damaged(path, f"its table {table!r} is missing or has another shape")
    return True


def _columns(connection: sqlite3.Connection, table: str) -> str:
    rows = connection.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))
    return " ".join(name for (name,) in rows)


def _make(connection: sqlite3.Connection) -> None:
    """All of it in one transaction, by whoever comes first."""
    connection.execute("BEGIN IMMEDIATE")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    for statement in () if tables else _SCHEMA:
        connection.execute(statement)
    connection.execute("COMMIT")


def _patiently(attempt: Callable[[], object]) -> None:
    """SQLite does not wait by itself while two processes switch a new file to its write-ahead log."""
    ends = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.01)
        else:
            return


def _unusable(path: Path, why: str) -> LedgerError:
    return LedgerError(f"the ledger {path} cannot be used: {why}. (LEDGER003)")


def _damaged(path: Path, why: str) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"the ledger {path} is no ledger, or damaged: {why}. Put a copy back, or move the file away and take the "
        "live objects over again with `lifecycle: {adopt: true}`. (LEDGER001)"
    )
