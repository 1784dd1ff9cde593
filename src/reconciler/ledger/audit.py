"""What ever happened: JSON Lines in a file that is only ever appended to, each line chained to the one before.

Every event is written when it is appended, in one write under a lock: killing the process loses nothing,
and two processes may share a file. It is flushed to the disk at the start and the end of a run, every
hundred events, and on close: a power failure loses less than a hundred lines, and never whole runs.

A file that has grown to `most` bytes is moved aside under the number of its last line, ``audit.000000000412.jsonl``,
and the chain goes on in a new one: the file in use is the last part, whatever a kill leaves of the moving.

| what is there when a line is to be written       | it follows                                               |
|---------------------------------------------------|----------------------------------------------------------|
| a file with lines                                 | its last line                                            |
| an empty file or none, parts aside                | the last line of the newest part, where that has the     |
|                                                   | number of its name; else the last that we or ledger know |
| neither                                           | the last line that we or the ledger know                 |

The ledger keeps a mark: number and hash of the last line, as of the beginning and the end of each run. Lines are
written and flushed first, then marked, so that a crash in between leaves a file that is ahead of its mark: no fault.

| the file                                   | found by the mark                                    |
|--------------------------------------------|------------------------------------------------------|
| holds the marked line, perhaps more        | sound                                                |
| ends before it, is empty, or gone          | lines are missing                                    |
| has another line of that number            | replaced, or hashed anew                             |
| lacks lines written after the last mark    | nothing: of a run that was killed its end may be cut |
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from reconciler import storage
from reconciler.errors import Defect, LedgerError
from reconciler.ledger.chain import LINKS, START, Link, chained, examine, follow
from reconciler.model.memory import AuditEvent, AuditMark
from reconciler.model.ports import Clock

FLUSH_EVERY = 100
LARGEST = 64 * 1024 * 1024
"""Bytes after which a file is moved aside, where nothing else is said."""

_TAIL = 16_384
_DIGITS = 12
_NAMED = re.compile(rf"\.([0-9]{{{_DIGITS}}})\.[^.]+\Z")
_RESERVED = LINKS | {"time", "event"}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of checking files: how many lines were read, the first that does not fit (from 1), and why.

    `file` is the one that `broken_at` is in. `mark` is what the ledger keeps, None where it keeps none; `since` counts
    the lines behind it.
    """

    lines: int
    broken_at: int | None = None
    why: str = ""
    file: Path | None = None
    mark: AuditMark | None = None
    since: int = 0


class _Known(NamedTuple):
    """How we left the file. Where it still is so, its end need not be read again."""

    inode: int
    size: int
    link: Link


class FileAudit:
    """Implements the port AuditLog."""

    def __init__(self, path: Path, clock: Clock, name: str = "audit", most: int = LARGEST) -> None:
        self.name = name
        self._path = path
        self._most = most
        self._start = START
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

    @property
    def is_empty(self) -> bool:
        """Whether there is no line yet in the file in use."""
        try:
            return not self._path.stat().st_size
        except OSError:
            return True

    def begin_after(self, mark: AuditMark | None) -> None:
        """Where the file has no line yet, the first one follows `mark`: earlier lines are elsewhere, or lost."""
        self._start = START if mark is None else mark

    def mark(self) -> AuditMark | None:
        """The last line of ours, which is then on the disk. Raises LedgerError when it cannot be brought there."""
        known = self._known  # before: what is appended meanwhile may not be on the disk yet
        self.close()
        return None if known is None else known.link

    def holds(self, mark: AuditMark) -> bool:
        """Whether that line is there, or what is there begins right after it; read from the end, where it mostly is."""
        links = (link for path in reversed((*parts_of(self._path), self._path)) for link in _links_in(path))
        return next((link == mark for link in links if link.seq <= mark.seq), False)

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
        """The file is opened each time, so that one that was moved away is simply begun anew."""
        try:
            while not self._written(event, flush=flush):
                pass
        except OSError as error:
            raise _unusable(self._path, error) from error

    def _written(self, event: Mapping[str, Any], *, flush: bool) -> bool:
        """False where the file was moved aside, by us or by another process while we waited for the lock."""
        descriptor = _opened(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not self._is_in_use(descriptor) or self._moved_aside(descriptor):
                return False
            self._extend(descriptor, event)
            if flush:
                self._flush(descriptor)
            return True
        finally:
            os.close(descriptor)

    def _is_in_use(self, descriptor: int) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False

    def _moved_aside(self, descriptor: int) -> bool:
        """Move a file that is full, whole and on the disk; one with a torn end is mended by the next line first."""
        size = os.fstat(descriptor).st_size
        if size < self._most:
            return False
        _, link, torn = self._taken_up(descriptor, size)
        aside = _part(self._path, link.seq)
        if torn is not None or os.path.lexists(aside):
            return False
        self._flush(descriptor)
        self._path.rename(aside)
        _flush_folder(self._path.parent)
        return True

    def _extend(self, descriptor: int, event: Mapping[str, Any]) -> None:
        """Add a line, and before it one about a torn line that was found. The lock is held."""
        about = os.fstat(descriptor)
        size, link, torn = about.st_size, self._start, None
        if self._known is not None and self._known[:2] == (about.st_ino, size):
            link = self._known.link
        elif size:
            size, link, torn = self._taken_up(descriptor, size)
        else:
            link = self._followed()
        if torn is not None:
            size, link = _put(descriptor, {"time": event["time"], "event": "audit.torn", "kept": torn}, size, link)
        size, link = _put(descriptor, event, size, link)
        self._known = _Known(about.st_ino, size, link)

    def _followed(self) -> Link:
        """What the first line of a file follows. A part that was cut short has another number than its name."""
        known = [self._start] if self._known is None else [self._start, self._known.link]
        newest = next(reversed(parts_of(self._path)), None)
        last = None if newest is None else next(iter(_links_in(newest)), None)
        if newest is not None and last is not None and newest == _part(self._path, last.seq):
            known.append(last)
        return max(known, key=lambda link: link.seq)

    def _taken_up(self, descriptor: int, size: int) -> tuple[int, Link, str | None]:
        """Size up to the last whole line, its link, and the name of the file that keeps a torn rest."""
        line, torn = _end(descriptor, size)
        fault, link = examine(line) if line else ("", self._start)
        if fault:
            raise LedgerError(
                f"the last line of the audit file {self._path} cannot be continued: {fault}. Move the file away and "
                "keep it; the next one goes on from the last line that the ledger knows. (AUDIT002)"
            )
        if not torn:
            return size, link, None
        kept = _keep_aside(self._path, torn)
        os.ftruncate(descriptor, size - len(torn))
        return size - len(torn), link, kept.name

    def _flush(self, descriptor: int) -> None:
        flushed = self._unflushed
        os.fsync(descriptor)
        self._unflushed -= flushed


def open_audit(path: Path, clock: Clock, name: str = "audit", most: int = LARGEST) -> FileAudit:
    """The audit file at `path`, which the ledger knows by `name`; nothing is opened before the first event.

    One that has `most` bytes is moved aside, and the chain goes on in a new one.
    """
    return FileAudit(path, clock, name, most)


def parts_of(path: Path) -> Sequence[Path]:
    """The parts of an audit that were moved aside, the oldest first."""
    shape = re.compile(rf"{re.escape(path.stem)}\.([0-9]{{{_DIGITS}}}){re.escape(path.suffix)}")
    try:
        names = sorted(name for name in os.listdir(path.parent) if shape.fullmatch(name))  # noqa: PTH208 - names only
    except OSError:
        return ()
    return tuple(path.with_name(name) for name in names)


def _part(path: Path, last: int) -> Path:
    """Where a file is moved to whose last line has a number."""
    return path.with_name(f"{path.stem}.{last:0{_DIGITS}}{path.suffix}")


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify_audit(paths: Sequence[Path], mark: AuditMark | None = None, first: int = 1) -> AuditReport:
    """Check every line against the one before, from file to file, and all of them against what the ledger keeps.

    `first` is the number that the first line has to have: those before it are elsewhere. Raises LedgerError when a file
    cannot be read.
    """
    check = _Check(mark, None if first > 1 else START, first)
    for path in paths:
        if mark is not None and not path.exists():
            return check.broken(path, 1, f"it is gone, and the ledger knows of {_lines(mark.seq)}")
        if (found := _verified(path, check)) is not None:
            return found
        if (named := _NAMED.search(path.name)) and (check.link or START).seq != int(named[1]):
            why = f"its name says that line {int(named[1])} is its last, and that is {(check.link or START).seq}"
            return check.broken(path, check.number + 1, why)
    last, path = check.link or START, paths[-1]
    if mark is not None and last.seq < mark.seq:
        why = f"lines are missing at its end: the last is {last.seq}, and the ledger knows of {_lines(mark.seq)}"
        return check.broken(path, check.number + 1, why)
    since = 0 if mark is None else last.seq - mark.seq
    return AuditReport(check.lines, mark=mark, since=since)


@dataclass(slots=True)
class _Check:
    """How far a check has come. `link` is None before a first line that may follow any other."""

    mark: AuditMark | None
    link: Link | None
    first: int
    lines: int = 0
    number: int = 0

    def fault(self, line: bytes) -> str:
        """What is wrong with the next line; empty for nothing."""
        fault, link = examine(line) if self.link is None else follow(line, self.link)
        if not fault and self.link is None and link.seq != self.first:
            fault = f"its number is {link.seq}, and {self.first} was said to be the first"
        if fault and self.link == START and link.seq > 1:
            fault = f"{_lines(link.seq - 1)} before it are missing: name the files that hold them, or say --since"
        if not fault and self.mark is not None and link.seq == self.mark.seq and link != self.mark:
            fault = "it is not the line that the ledger knows: the file was replaced, or hashed anew"
        self.link = link
        return fault

    def broken(self, path: Path, at: int, why: str) -> AuditReport:
        """The report of a fault."""
        return AuditReport(self.lines, at, why, path, self.mark)


def _verified(path: Path, check: _Check) -> AuditReport | None:
    """One file after those before it; a report where it ends the check."""
    check.number = 0
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            for check.number, line in enumerate(file, 1):
                check.lines += 1
                if fault := check.fault(line):
                    return check.broken(path, check.number, fault)
    except OSError as error:
        raise LedgerError(f"the audit file {path} cannot be read: {error.strerror}. (AUDIT001)") from error
    return None


def _links_in(path: Path) -> Iterator[Link]:
    """The same of a file by its path; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            yield from _links(file)
    except OSError:
        return


def _links(file: BinaryIO) -> Iterator[Link]:
    """The link that each line makes, the last one first, and at last the one that the first line follows."""
    read: Mapping[str, Any] | None = None
    for line in _backwards(file):
        try:
            read = json.loads(line)
            yield Link(read["seq"], read["hash"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    if read is not None:
        yield Link(read["seq"] - 1, read["prev"])


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, the last one first."""
    end, rest = file.seek(0, os.SEEK_END), b""
    while end:
        begin = max(0, end - _TAIL)
        file.seek(begin)
        rest, *lines = (file.read(end - begin) + rest).split(b"\n")
        yield from reversed(lines)
        end = begin
    yield rest


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    try:
        return storage.open_private(path, flags)
    except FileNotFoundError:
        storage.private_folder(path.parent)
        return storage.open_private(path, flags)


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
    descriptor = storage.open_private(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(descriptor, torn)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return aside


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(f"the audit file {path} cannot be written: {error.strerror or error}. (AUDIT001)")
