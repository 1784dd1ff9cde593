"""Folders for temporary files that outlive no run by more than the next one.

A process that is killed removes nothing, so each folder is marked by a locked file for as long as its process lives:
the lock ends with the process, whatever ends it. The next run removes what nobody holds.

| a folder of ours in the system's place for such | is            |
|-------------------------------------------------|---------------|
| its mark is locked                              | in use: left  |
| its mark is not locked                          | removed       |
| no mark yet, younger than an hour               | being made: left |
| no mark, older                                  | removed       |
| another user's, or a link                       | left          |
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PREFIX = "reconciler-ledger-"
MARK = "in-use"
_UNMARKED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder of this process alone, and the descriptor whose lock says so."""

    folder: Path
    lock: int

    def remove(self) -> None:
        """Remove it, and let the lock go after it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            os.close(self.lock)


def make_scratch() -> Scratch:
    """A new folder, for this user alone; folders of processes that have died are removed first. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        lock = _marked(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _sweep(folder)
    return Scratch(folder, lock)


def _marked(folder: Path) -> int:
    """The mark appears under its name once it is locked, so that an unlocked one means a dead process."""
    early = folder / f"{MARK}.new"
    lock = os.open(early, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        early.rename(folder / MARK)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _sweep(mine: Path) -> None:
    """What cannot be looked at or removed stays: it harms no run."""
    with suppress(OSError):
        now = mine.stat().st_mtime
        for folder in mine.parent.glob(f"{PREFIX}*"):
            with suppress(OSError):
                if folder != mine and _is_dead(folder, now):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path, now: float) -> bool:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    try:
        mark = os.open(folder / MARK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return now - found.st_mtime > _UNMARKED_SECONDS
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(mark)
    return True
