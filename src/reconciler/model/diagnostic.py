"""What the user can fix: collected, positioned, sorted, shown together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.address import Address


class Severity(StrEnum):
    """How much a diagnostic weighs: an error stops, a warning does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Position(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `code` is stable and documented (`reconciler explain CODE`). `summary` holds no data of the
    user; `detail` may, never a secret, and ends in what to do. `path` is a JSON pointer into the
    effective document, such as ``/spec/model``.
    """

    severity: Severity
    code: str
    summary: str
    detail: str
    position: Position | None = None
    address: Address | None = None
    path: str | None = None

    def order(self) -> tuple[str, int, int, str, str, str]:
        """Sort key: file, line, column, code, address, detail."""
        where = self.position or Position("", 0, 0)
        return (where.file, where.line, where.column, self.code, str(self.address or ""), self.detail)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops the work."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each once, in the order of the files."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=Diagnostic.order))
