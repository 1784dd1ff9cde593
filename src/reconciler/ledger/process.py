"""Is a process of this host still there? A lease of a dead one need not be waited out."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process, told apart from a later one with the same number by when it started.

    `host` names the host and, where there are several, the space of process numbers on it: two containers
    may share a name and a ledger, but not a process number.
    """

    host: str
    pid: int
    started: str


def this_process() -> Process:
    """The one that runs this code."""
    return Process(_host(), os.getpid(), _started(os.getpid()))


def alive(process: Process) -> bool:
    """False only when it is certain: of another host nothing is known but the lease's end."""
    if process.host != _host():
        return True
    try:
        os.kill(process.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not process.started or _started(process.pid) == process.started


def _host() -> str:
    try:
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    """Start time in clock ticks since boot, where the system tells it; empty text for one that has ended."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = line.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
