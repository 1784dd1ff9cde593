"""What ever happened: JSON Lines, only appended to, each line chained to the one before by its hash.

A line is ``{"seq", "time", "event", …, "prev", "hash"}``. `hash` is the SHA-256, in hex, of `prev` and
the line's other members as canonical JSON; the first `prev` is 64 zeros. Changing, dropping or
reordering a line breaks the chain from there on; cutting off the end is only seen by whoever kept
the last hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.errors import LedgerError
from reconciler.model.memory import AuditEvent
from reconciler.model.ports import Clock

START = "0" * 64
FLUSH_EVERY = 50
_TAIL = 65_536


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of checking a file: how many lines, the first that does not fit (from 1), and why."""

    lines: int
    broken_at: int | None = None
    why: str = ""


class FileAudit:
    """Implements the port AuditLog. Events are gathered and written in groups, at the latest on close."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._waiting: list[dict[str, Any]] = []

    def append(self, event: AuditEvent) -> None:
        """Add one event; a start or an end is on disk when this returns, the others soon."""
        self._waiting.append({"time": self._clock.now(), "event": event.event, **event.fields})
        if len(self._waiting) >= FLUSH_EVERY or event.event.startswith("run."):
            self.flush()

    def flush(self) -> None:
        """Write what waits. Another process may append in between: the chain is taken up under a lock."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                seq, prev = _take_up(file.fileno(), self._path)
                text = _chained(waiting, seq, prev)
                os.write(file.fileno(), text)
                os.fsync(file.fileno())
        except OSError as error:
            raise LedgerError(f"the audit file {self._path} cannot be written: {error}") from error

    def close(self) -> None:
        """Write what waits."""
        self.flush()


def open_audit(path: Path, clock: Clock) -> FileAudit:
    """The audit file at `path`; nothing is opened before the first event."""
    return FileAudit(path, clock)


def _chained(events: list[dict[str, Any]], seq: int, prev: str) -> bytes:
    lines = []
    for event in events:
        seq += 1
        line: dict[str, Any] = {"seq": seq, **event, "prev": prev}
        line["hash"] = prev = _hash(line)
        lines.append(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode()


def _hash(line: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in line.items() if key not in {"hash", "prev"}}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256((str(line["prev"]) + text).encode()).hexdigest()


def _take_up(descriptor: int, path: Path) -> tuple[int, str]:
    """Sequence number and hash of the last whole line. A torn line is kept aside, never lost in silence."""
    size = os.fstat(descriptor).st_size
    if not size:
        return 0, START
    window = _TAIL
    while True:
        begin = max(0, size - window)
        tail = os.pread(descriptor, size - begin, begin)
        whole, newline, torn = tail.rpartition(b"\n")
        if not newline and begin:
            window *= 4
            continue
        line = whole.rpartition(b"\n")
        if not line[1] and begin:
            window *= 4
            continue
        break
    if torn:
        _keep_aside(path, torn)
        os.ftruncate(descriptor, size - len(torn))
    return _last(line[2], path) if newline else (0, START)


def _keep_aside(path: Path, torn: bytes) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.torn-{number}")).exists():
        number += 1
    aside.write_bytes(torn)


def _last(line: bytes, path: Path) -> tuple[int, str]:
    try:
        read = json.loads(line)
        return int(read["seq"]), str(read["hash"])
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(
            f"the last line of the audit file {path} cannot be read, so the chain cannot go on: move the file "
            "away, keep it, and a new chain begins"
        ) from error


def verify_audit(path: Path) -> AuditReport:
    """Check every line against the one before. Raises LedgerError when there is no such file."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"the audit file {path} cannot be read: {error}") from error
    prev, count = START, 0
    for line in text.split(b"\n"):
        if not line:
            continue
        count += 1
        why = _fault(line, count, prev)
        if why:
            return AuditReport(count, count, why)
        prev = json.loads(line)["hash"]
    return AuditReport(count)


def _fault(line: bytes, number: int, prev: str) -> str:
    try:
        read = json.loads(line)
    except ValueError:
        return "the line is no JSON"
    if not isinstance(read, dict) or not {"seq", "prev", "hash"} <= set(read):
        return "the line lacks seq, prev or hash"
    if read["seq"] != number:
        return f"line {number} has the number {read['seq']}: lines are missing or out of order"
    if read["prev"] != prev:
        return "the line does not follow the one before it"
    return "" if _hash(read) == read["hash"] else "the line was changed after it was written"
