"""Processes that tests started, found by a mark in their environment; and, as a program, their end when the tests die.

It imports nothing but the standard library: one of it runs beside every process that runs tests.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "TESTS_THAT_STARTED_THIS"
PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process that bears a mark."""

    number: int
    command: str
    test: str

    def __str__(self) -> str:
        return f"{self.command} ({self.number}), started in {self.test or 'no test'}"

    def kill(self) -> None:
        """End it, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)


def marked(mark: str) -> Sequence[Process]:
    """All living processes whose mark begins like this, but for this one."""
    found = (_seen(folder, f"{MARK}={mark}") for folder in PROC.glob("[0-9]*") if int(folder.name) != os.getpid())
    return [process for process in found if process is not None]


def _seen(folder: Path, wanted: str) -> Process | None:
    """None for what bears another mark or none, has ended meanwhile, or is dead and waits to be noticed."""
    try:
        environ = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
        command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
        state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None
    if state in {"Z", "X"} or not any(pair.startswith(wanted) for pair in environ):
        return None
    test = next((pair.partition("=")[2] for pair in environ if pair.startswith("PYTEST_CURRENT_TEST=")), "")
    return Process(int(folder.name), command, test)


def _watch(mark: str) -> None:
    """Wait for the end of whoever holds the other end of standard input; a word from there means that all is well."""
    if sys.stdin.buffer.read():
        return
    while found := marked(mark):
        for process in found:
            process.kill()
        time.sleep(0.05)


if __name__ == "__main__":
    _watch(sys.argv[1])
