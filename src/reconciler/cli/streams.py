"""The three standard streams, as a service, a cron job or a pipe leaves them.

| stream          | what happens to it                      | the command                                           |
|-----------------|-----------------------------------------|-------------------------------------------------------|
| any             | closed before the start                 | goes on as if it led to `/dev/null`: nobody wants it  |
| standard output | its reader has read enough (`head`)     | goes on, and ends with its own exit code              |
| standard output | cannot be written (a full disk)         | goes on; what would have been 0 or 2 is 1, and said   |
| standard error  | cannot be written, or nobody reads it   | goes on: a line of a log is never worth a run         |

A run that writes to gateways is never ended by a line that could not be shown.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from dataclasses import dataclass
from typing import Any, TextIO

from reconciler.cli.exits import DIFFERENCES, FAILED, OK


class _Descriptor(io.FileIO):
    """A descriptor that remembers why it could not be written, and takes what comes after all the same."""

    lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, waiting where a descriptor was made not to wait; what cannot be written is dropped."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            self.lost = self.lost or error
            return memoryview(data).nbytes
        return written


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of this process, from now on."""

    out: _Descriptor

    @classmethod
    def taken(cls) -> Streams:
        """Put streams that never fail in the places of those that Python made."""
        _occupy()
        sys.stdin = sys.stdin or open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - kept open
        out, err = _Descriptor(1, "w", closefd=False), _Descriptor(2, "w", closefd=False)
        sys.stdout, sys.stderr = _text(out, sys.stdout, at_once=False), _text(err, sys.stderr, at_once=True)
        return cls(out)

    def judged(self, code: int) -> int:
        """The exit code of a command that ends with `code`: a report that nobody can read is no success."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        lost = self.out.lost
        if lost is None or lost.errno == errno.EPIPE or code not in {OK, DIFFERENCES}:
            return code
        from reconciler.cli.session import say, tell_ci  # noqa: PLC0415 - for the rare case

        say(f"error: what the command did is done, and its report could not be written: {lost.strerror}")
        with contextlib.suppress(OSError):
            tell_ci({"exitcode": FAILED})
        return FAILED


def _occupy() -> None:
    """A closed descriptor would be given to the next file that is opened, and that file would be written into."""
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)  # noqa: FBT003 - the lowest free number is this one


def _text(raw: _Descriptor, before: TextIO | None, *, at_once: bool) -> TextIO:
    """An arrow on a terminal that knows ASCII only, or half a character from a gateway, must not end a run."""
    encoding = "utf-8" if before is None else before.encoding
    line = at_once or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=line)
