"""Whatever goes wrong becomes words, findings and an exit code.

| raised                    | exit | said                                           |
|---------------------------|------|------------------------------------------------|
| InputError                | 1    | its findings                                   |
| Blocked                   | 3    | its findings, and why                          |
| another ReconcilerError   | 1    | its one line                                   |
| OSError                   | 1    | what the system says                           |
| the time limit            | 1    | that it passed                                 |
| Ctrl-C                    | 130  | that it was interrupted                        |
| Defect, anything else     | 1    | that it is ours, and the file for the report   |

Wrong usage is left to `main`; streams that cannot be written are looked after in `streams.py`.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler import storage
from reconciler.cli.exits import BLOCKED, FAILED, INTERRUPTED
from reconciler.errors import Blocked, Defect, InputError, ReconcilerError
from reconciler.model.diagnostic import Diagnostic, Severity

PASSED_ON = (click.ClickException,)


class OutOfTime(ReconcilerError):
    """The command's own time limit has passed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command ended early: exit code, findings, and a line besides (empty when the findings say it all)."""

    code: int
    diagnostics: tuple[Diagnostic, ...]
    words: str = ""


def failure_of(error: BaseException, directory: Path) -> Failure:
    """What to say of an exception; for a defect, a file in `directory` keeps where it happened."""
    match error:
        case InputError():
            return Failure(FAILED, tuple(error.diagnostics))
        case Blocked():
            return Failure(BLOCKED, tuple(error.diagnostics), f"blocked: {error}")
        case KeyboardInterrupt() | click.Abort():
            return _one(INTERRUPTED, "CLI003", "interrupted", "interrupted")
        case ReconcilerError() | OSError() if not isinstance(error, Defect):
            code, summary = _OUTSIDE[isinstance(error, OutOfTime)]
            return _one(FAILED, code, summary, f"{error}", "error: ")
        case _:
            return _one(FAILED, "CLI007", "a defect of reconciler", _kept(error, directory), "error: ")


_OUTSIDE = {False: ("CLI002", "the command could not go on"), True: ("CLI006", "not done in time")}


def _one(code: int, finding: str, summary: str, words: str, lead: str = "") -> Failure:
    return Failure(code, (Diagnostic(Severity.ERROR, finding, summary, words),), lead + words)


def _kept(error: BaseException, directory: Path) -> str:
    """Keep where it happened, without any value: lines of source code only, no messages, no locals."""
    what = str(error) if isinstance(error, Defect) else f"{type(error).__name__}. This is a defect of reconciler"
    path = directory / "defect.txt"
    try:
        storage.private_folder(directory)
        storage.write_whole(path, "".join(_trace(error)))
    except OSError:
        return f"{what}: please report it."
    return f"{what}: please report it with {path}."


def _trace(error: BaseException) -> Iterator[str]:
    """The chain of exceptions, the first cause first."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause)
        yield "which led to\n"
    yield from traceback.format_list(traceback.extract_tb(error.__traceback__))
    yield f"{type(error).__name__}\n"
