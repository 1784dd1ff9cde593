"""How far a campaign reached: a simulator that never reaches a state proves nothing about it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import reconciler
from reconciler.transport import Client

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

COUNTED = ("faults", "checked", "objects", "fields", "actions", "origins", "refused", "retries")

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

    def report(self, seconds: float) -> str:
        """All counts, for people; `seconds` of processor time were spent."""
        met, of, missed = self.await_points()
        return "\n".join(
            (
                f"{self.steps} steps, {self.stories} stories, {self.converged} of them came right at the end",
                f"{self.steps / seconds:.0f} steps a second, {len(self.schedules)} distinct schedules",
                *(f"{name}: {_counts(getattr(self, name))}" for name in COUNTED),
                f"awaits killed at: {met} of {of}; never: {' '.join(missed)}",
            )
        )

    def await_points(self) -> tuple[int, int, list[str]]:
        """How many awaits of the rooms were killed at, of how many, and those that were not."""
        met, missed = 0, []
        for file, first, last in await_points():
            if any(self.kills.get((file, line)) for line in range(first, last + 1)):
                met += 1
            else:
                missed.append(f"{file}:{first}")
        return met, met + len(missed), missed


@contextmanager
def counting_retries(reach: Reach) -> Iterator[None]:
    """Until the block ends, note which cell of the table of retries each failed request is decided by."""
    original = Client._goes_on

    async def goes_on(self: Client, call: Any, effect: Any, problem: Any, *rest: Any) -> bool:
        reach.retries[f"{effect.value}/{problem.failure.value}"] += 1
        return await original(self, call, effect, problem, *rest)

    Client._goes_on = goes_on  # type: ignore[method-assign,assignment]  # put back below
    try:
        yield
    finally:
        Client._goes_on = original  # type: ignore[method-assign]  # as it was


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


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
