"""What ever happened: JSON Lines in a file that is only ever appended to, each line chained to the one before.

Every event is written when it is appended, in one write under a lock: killing the process loses nothing,
and two processes may share a file. It is flushed to the disk at the start and the end of a run, every
hundred events, and on close: a power failure loses less than a hundred lines, and never whole runs.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.errors import Defect, LedgerError
from reconciler.ledger.chain import LINKS, START, Link, chained, examine, follow
from reconciler.model.memory import AuditEvent
from reconciler.model.ports import Clock

FLUSH_EVERY = 100
_TAIL = 16_384
_RESERVED = LINKS | {"time", "event"}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of checking a file: how many lines were read, the first that does not fit (from 1), and why."""

    lines: int
    broken_at: int | None = None
    why: str = ""


class _Known(NamedTuple):
    """How we left the file. Where it still is so, its end need not be read again."""

    inode: int
    size: int
    link: Link


class FileAudit:
    """Implements the port AuditLog."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._known: _Known | None = None
        self._unflushed = 0

    def append(self, event: AuditEvent) -> None:
        """Add one event. Raises LedgerError when it cannot be written or the chain cannot go on."""
        if taken := _RESERVED & event.fields.keys():
            raise Defect(f"an audit event has a field {min(taken)!r}, which the chain itself uses")
        self._unflushed += 1
        flush = self._unflushed >= FLUSH_EVERY or event.event.startswith("run.")
        self._write({"time": self._clock.now(), "event": event.event, **event.fields}, flush=flush)

    def close(self) -> None:
        """Flush to the disk what is not there yet."""
        if not self._unflushed:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR)
            try:
                self._flush(descriptor)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            return  # moved away meanwhile; whoever moved it has the lines
        except OSError as error:
            raise _unusable(self._path, error) from error

    def _write(self, event: Mapping[str, Any], *, flush: bool) -> None:
        """The file is opened each time, so that one that was moved away (rotated) is simply begun anew."""
        try:
            descriptor = _opened(self._path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._extend(descriptor, event)
                if flush:
                    self._flush(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unusable(self._path, error) from error

    def _extend(self, descriptor: int, event: Mapping[str, Any]) -> None:
        """Add a line, and before it one about a torn line that was found. The lock is held."""
        about = os.fstat(descriptor)
        size, link, torn = about.st_size, START, None
        if self._known is not None and self._known[:2] == (about.st_ino, size):
            link = self._known.link
        elif size:
            size, link, torn = self._taken_up(descriptor, size)
        if torn is not None:
            size, link = _put(descriptor, {"time": event["time"], "event": "audit.torn", "kept": torn}, size, link)
        size, link = _put(descriptor, event, size, link)
        self._known = _Known(about.st_ino, size, link)

    def _taken_up(self, descriptor: int, size: int) -> tuple[int, Link, str | None]:
        """Size up to the last whole line, its link, and the name of the file that keeps a torn rest."""
        line, torn = _end(descriptor, size)
        fault, link = examine(line) if line else ("", START)
        if fault:
            raise LedgerError(
                f"the last line of the audit file {self._path} cannot be continued: {fault}. Move the file away and "
                "keep it; a new chain begins. (AUDIT002)"
            )
        if not torn:
            return size, link, None
        kept = _keep_aside(self._path, torn)
        os.ftruncate(descriptor, size - len(torn))
        return size - len(torn), link, kept.name

    def _flush(self, descriptor: int) -> None:
        os.fsync(descriptor)
        self._unflushed = 0


def open_audit(path: Path, clock: Clock) -> FileAudit:
    """The audit file at `path`; nothing is opened before the first event."""
    return FileAudit(path, clock)


def verify_audit(path: Path) -> AuditReport:
    """Check every line against the one before. Raises LedgerError when the file cannot be read."""
    link, number = START, 0
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            for number, line in enumerate(file, 1):
                fault, link = follow(line, link)
                if fault:
                    return AuditReport(number, number, fault)
    except OSError as error:
        raise LedgerError(f"the audit file {path} cannot be read: {error.strerror}. (AUDIT001)") from error
    return AuditReport(number)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, flags, 0o600)


def _put(descriptor: int, event: Mapping[str, Any], size: int, link: Link) -> tuple[int, Link]:
    """Append one line in one write; one that was cut short (a full disk) is taken back."""
    try:
        text, following = chained(event, link)
    except (ValueError, TypeError) as error:
        raise Defect(f"the audit event {event['event']!r} is not JSON ({error})") from error
    line = f"{text}\n".encode()
    written = os.write(descriptor, line)
    if written != len(line):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, "the line did not fit: free some space")
    return size + written, following


def _end(descriptor: int, size: int) -> tuple[bytes, bytes]:
    """The last whole line with its end, empty if there is none, and what stands after it."""
    window = _TAIL
    while True:
        begin = max(0, size - window)
        tail = os.pread(descriptor, size - begin, begin)
        whole = tail[: tail.rfind(b"\n") + 1]
        start = whole.rfind(b"\n", 0, -1) + 1
        if start or not begin:
            return whole[start:], tail[len(whole) :]
        window *= 4


def _keep_aside(path: Path, torn: bytes) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.torn-{number}")).exists():
        number += 1
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, torn)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return aside


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(f"the audit file {path} cannot be written: {error.strerror}. (AUDIT001)")
