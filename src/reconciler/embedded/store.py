"""The gateway's data, in SQLite, so that the next command sees what this one did.

Keys and webhook secrets are never stored: of a key only its mask, a salted hash and how the provider
takes it; of a secret only a salted hash. Each object is kept as the text that a read answers with.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler import storage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL,
  item TEXT NOT NULL, previous TEXT, keys TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_name ON objects (kind, scope, name);
"""

SHORTEST_SHOWN = 12
_ASSIGNED = frozenset({"endpointId", "id", "version", "secret"})


@dataclass(frozen=True, slots=True)
class Stored:
    """One object: its version, the text a read answers with, how the provider takes its keys."""

    version: int
    item: str
    keys: Sequence[Mapping[str, Any]]


class Store:
    """One gateway's objects. `kind` is ``endpoints`` or ``webhooks``; for the first, `scope` is the provider."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where there can be no such file, or it holds something else."""
        storage.private_folder(path.parent)
        os.close(storage.open_private(path, os.O_RDWR | os.O_CREAT))
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=15, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('salt', ?)", (os.urandom(16).hex(),))
            (self._salt,) = self._db.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()
        except (sqlite3.Error, TypeError) as error:
            raise OSError(f"the data of the gateway in the box, {path}, cannot be used: {error}") from error

    def close(self) -> None:
        """Give back the file."""
        self._db.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Read and write as one: another command may serve the same file at this moment."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def reset(self) -> None:
        """Forget all objects."""
        self._db.execute("DELETE FROM objects")

    def get(self, kind: str, key: str) -> Stored | None:
        """One object."""
        row = self._db.execute(
            "SELECT version, item, keys FROM objects WHERE kind = ? AND id = ?", (kind, key)
        ).fetchone()
        return None if row is None else Stored(row[0], row[1], json.loads(row[2]))

    def previous(self, kind: str, key: str) -> str | None:
        """The text before the latest write, None for an object that was written once."""
        row = self._db.execute("SELECT previous FROM objects WHERE kind = ? AND id = ?", (kind, key)).fetchone()
        return None if row is None else row[0]

    def page(self, kind: str, after: str, size: int, column: str = "item") -> Sequence[tuple[str, str]]:
        """Ids and texts behind `after`, in the order of ids."""
        chosen = "item" if column == "item" else "previous"
        return self._db.execute(
            f"SELECT id, {chosen} FROM objects WHERE kind = ? AND id > ? AND {chosen} IS NOT NULL "  # noqa: S608
            "ORDER BY id LIMIT ?",
            (kind, after, size),
        ).fetchall()

    def count(self, kind: str) -> int:
        """How many there are."""
        (found,) = self._db.execute("SELECT count(*) FROM objects WHERE kind = ?", (kind,)).fetchone()
        return int(found)

    def taken(self, kind: str, scope: str, name: str, key: str) -> bool:
        """Whether another object has this name within the scope."""
        row = self._db.execute(
            "SELECT 1 FROM objects WHERE kind = ? AND scope = ? AND name = ? AND id <> ?", (kind, scope, name, key)
        ).fetchone()
        return row is not None

    def put(self, kind: str, key: str, shown: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Stored:
        """Replace an object as a whole and assign it the next version."""
        before = self.get(kind, key)
        version = 1 if before is None else before.version + 1
        identity = "endpointId" if kind == "endpoints" else "id"
        item = json.dumps({identity: key, "version": version, **shown}, ensure_ascii=False, separators=(",", ":"))
        scope = str(shown.get("provider", ""))
        previous = None if before is None else before.item
        self._db.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (kind, key, version, shown["name"], scope, item, previous, json.dumps(keys)),
        )
        return Stored(version, item, keys)

    def touch(self, kind: str, key: str) -> None:
        """Somebody else writes: the version moves, the content stays."""
        stored = self.get(kind, key)
        if stored is not None:
            shown = {name: value for name, value in json.loads(stored.item).items() if name not in _ASSIGNED}
            self.put(kind, key, shown, stored.keys)

    def delete(self, kind: str, key: str) -> bool:
        """Remove an object; False when there is none."""
        return self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, key)).rowcount > 0

    def hashed(self, secret: str) -> str:
        """What is kept of a secret."""
        return hashlib.sha256((self._salt + secret).encode()).hexdigest()[:32]


def new_id() -> str:
    """An id as the gateway assigns them."""
    return "wh-" + uuid.uuid4().hex[:12]


def masked(key: str) -> str:
    """What a read shows of a key: at most its last four characters, and those of a long one only."""
    return "****" + (key[-4:] if len(key) >= SHORTEST_SHOWN else "")


def without_assigned(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body less what the server assigns or never shows."""
    return {name: value for name, value in body.items() if name not in _ASSIGNED}
