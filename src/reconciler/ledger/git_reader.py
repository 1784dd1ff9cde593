"""What the ref of a git ledger says, and what it said when we last looked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import LedgerCorrupt, LedgerError, LedgerTooNew, StaleLedger
from reconciler.ledger import git_book as books
from reconciler.ledger.git_book import Book
from reconciler.ledger.git_command import GitFailed
from reconciler.ledger.git_place import Place
from reconciler.ledger.git_tree import Files, read_files
from reconciler.model.ports import Clock

T = TypeVar("T")

FAILURES = 3
"""How often a remote is asked before its silence is believed."""


@dataclass(frozen=True, slots=True)
class Version:
    """One commit of the ref, and what it says. `commit` is None before the first."""

    commit: str | None
    files: Files
    book: Book


class Reader:
    """Opens the place at the first call. `last` is the newest version that is known to have stood there."""

    def __init__(self, find: Callable[[], Awaitable[Place]], clock: Clock) -> None:
        self.last: Version | None = None
        self._find = find
        self._clock = clock
        self._place: Place | None = None
        self._reading = asyncio.Lock()

    def close(self) -> None:
        """Give back the place."""
        if self._place is not None:
            self._place.close()
        self._place = None

    async def fresh(self) -> Version:
        """What the ref holds now. Raises StaleLedger when it went back behind what this process has seen."""
        async with self._reading:
            known, place = self.last, await self.place()
            tip = await self.patiently(place.tip)
            if known is not None and known.commit == tip:
                return known
            found = await self._read(place, tip, known)
            if known is not None and _went_back(known, found):
                raise StaleLedger(
                    f"the ledger {place.name} went back behind what this run has seen: someone reset or removed "
                    "the ref. Nothing more is written. (LEDGER007)"
                )
            if self.last is None or self.last.book.writes < found.book.writes:
                self.last = found
            return found

    async def _read(self, place: Place, tip: str | None, known: Version | None) -> Version:
        if tip is None:
            return Version(None, {}, Book())
        commit = await self.patiently(place.bring)
        try:
            files = await read_files(place.git, commit, known.files if known else {})
            return Version(commit, files, books.read({path: blob.text for path, blob in files.items()}))
        except (GitFailed, LedgerCorrupt) as error:
            raise _damaged(place, error) from error
        except LedgerTooNew as error:
            raise LedgerTooNew(f"the ledger {place.name} cannot be read: {error}. (LEDGER002)") from error

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again where that may help. Raises LedgerError."""
        for attempt in range(FAILURES):
            try:
                return await ask()
            except GitFailed as failure:
                if failure.final or attempt == FAILURES - 1:
                    raise await self.refused(failure) from failure
            await self._clock.sleep(0.2 * 4**attempt)
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    async def refused(self, failure: GitFailed) -> LedgerError:
        """What a failure of git's means for its user."""
        name = (await self.place()).name
        return LedgerError(f"the ledger {name} cannot be used; git says: {failure} (LEDGER006)")

    async def place(self) -> Place:
        """Where the ref is. Raises LedgerError when there is no such place."""
        if self._place is None:
            self._place = await self._find()
        return self._place


def _went_back(known: Version, found: Version) -> bool:
    if found.book.writes == known.book.writes:
        return found.commit != known.commit
    return found.book.writes < known.book.writes


def _damaged(place: Place, error: Exception) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"the ledger {place.name} is no ledger, or damaged: {error}. Put an older commit of the ref back, or remove "
        "the ref and take the live objects over again with `lifecycle: {adopt: true}`. (LEDGER001)"
    )
