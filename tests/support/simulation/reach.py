"""How far a campaign reached: a simulator that never reaches a state proves nothing about it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import reconciler

SRC = Path(reconciler.__file__).parent
ROOMS = (
    "engine",
    "ledger/sqlite.py",
    "platforms/cxone",
    "transport/auth.py",
    "transport/client.py",
    "wiring/session.py",
)
"""Where a kill at every await is asked for."""

_GONE = object()


@dataclass
class Reach:
    """Counts of what was met."""

    kills: Counter[tuple[str, int]] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    schedules: set[int] = field(default_factory=set)
    converged: int = 0
    steps: int = 0
    stories: int = 0

    def killed(self, places: list[tuple[str, int]]) -> None:
        """Where a runner was waiting when it was killed."""
        for file, line in places:
            if file.startswith(str(SRC)):
                self.kills[str(Path(file).relative_to(SRC)), line] += 1

    def object_row(self, *, desired: bool, ledger: bool, live: bool) -> None:
        """One row of the table of objects."""
        self.objects[" ".join("yes" if one else "no" for one in (desired, ledger, live))] += 1

    def field_rows(self, desired: Any, applied: Any, live: Any) -> None:
        """The rows of the table of fields that one object shows."""
        flat = [dict(_flat(one, "")) if one is not None else {} for one in (desired, applied, live)]
        for path in flat[0].keys() | flat[1].keys() | flat[2].keys():
            self.fields[_row(*(one.get(path, _GONE) for one in flat))] += 1

    def await_points(self) -> tuple[int, int, list[str]]:
        """How many awaits of the rooms were killed at, of how many, and those that were not."""
        met, missed = 0, []
        for file, first, last in await_points():
            if any(self.kills.get((file, line)) for line in range(first, last + 1)):
                met += 1
            else:
                missed.append(f"{file}:{first}")
        return met, met + len(missed), missed


def _row(desired: Any, applied: Any, live: Any) -> str:
    told = []
    for value in (desired, applied, live):
        if value is _GONE:
            told.append("–")
            continue
        known = next(
            (letter for seen, letter in ((desired, "x"), (applied, "y")) if seen is not _GONE and seen == value), "z"
        )
        told.append(known)
    return " ".join(told)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}/{key}")
    else:
        yield path, value


@cache
def await_points() -> tuple[tuple[str, int, int], ...]:
    """File, first and last line of every await of the rooms."""
    found = []
    for room in ROOMS:
        paths = [SRC / room] if room.endswith(".py") else sorted((SRC / room).rglob("*.py"))
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
                    last = node.end_lineno if isinstance(node, ast.Await) else node.lineno
                    found.append((str(path.relative_to(SRC)), node.lineno, last or node.lineno))
    return tuple(found)
