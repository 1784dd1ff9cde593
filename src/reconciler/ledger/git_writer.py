"""Group commit for a git ledger: whatever is waiting becomes one commit and one push, while one is under way.

Work is done on a copy of the newest book that we know. The ref moves only from exactly that commit to
ours, so a success proves that nobody was in between. After a failure the ref is read back:

| the ref now               | what it means                | what follows                              |
|---------------------------|------------------------------|-------------------------------------------|
| is ours, or came after it | it moved, the answer is lost | all is well                               |
| is another commit         | someone was quicker          | the work is done again on theirs          |
| is where it was           | it was refused, or broke off | tried again; then the refusal is reported |
| goes back, or is gone     | someone reset it             | StaleLedger; nothing more is written      |
| cannot be read            | nothing is known             | tried again; then that is reported        |

Work that is done again looks at its lease again: a lease that another run has taken ends it with StaleLedger.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from reconciler.errors import LedgerError, ReconcilerError
from reconciler.ledger import git_book as books
from reconciler.ledger.git_book import Book
from reconciler.ledger.git_command import GitFailed
from reconciler.ledger.git_place import Place
from reconciler.ledger.git_reader import FAILURES, Reader, Version
from reconciler.ledger.git_tree import write_commit, write_files
from reconciler.model.ports import Clock

T = TypeVar("T")

RACES = 50
PAST = 200
LINGER = 0.25
"""Which part of a push's time the next one waits for company."""

Work: TypeAlias = Callable[[Book], T]


@dataclass(frozen=True, slots=True)
class _Item:
    """One piece of work, and whoever waits for it."""

    work: Work[Any]
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _End:
    """How one item ended."""

    item: _Item
    value: Any = None
    error: Exception | None = None

    def tell(self) -> None:
        done = self.item.done
        if done.done():
            return
        if self.error is None:
            done.set_result(self.value)
        else:
            done.set_exception(self.error)


@dataclass(slots=True)
class _Tries:
    """What one round has been through."""

    failures: int = 0
    races: int = 0
    sent: set[str] = field(default_factory=set)

    def pause(self) -> float:
        """Seconds, uneven, so that two who collided do not do so again."""
        return (0.02 + secrets.randbelow(1000) / 5000) * min(8, self.races + 4 * self.failures)


class Writer:
    """Every read and write of one git ledger passes through here. `find` opens its place, at the first call."""

    def __init__(self, find: Callable[[], Awaitable[Place]], clock: Clock, name: str) -> None:
        self._reader = Reader(find, clock)
        self._clock = clock
        self._name = name
        self._items: list[_Item] = []
        self._serving: asyncio.Task[None] | None = None
        self._closed = False

    async def look(self) -> Book:
        """The newest book, to be read only. Raises LedgerError and its kinds."""
        self._require_open()
        return (await self._reader.fresh()).book

    async def run(self, work: Work[T]) -> T:
        """Do `work`, which looks before it changes anything, and return when it is pushed. Raises what it raises.

        It may be called several times, on newer books. What was asked for is done even if the one who
        asked is cancelled meanwhile.
        """
        self._require_open()
        item = _Item(work, asyncio.get_running_loop().create_future())
        self._items.append(item)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve(), name="ledger")
        return await item.done  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Finish what waits, then give back the place. Further calls are refused."""
        self._closed = True
        if self._serving is not None:
            await self._serving
        self._serving = None
        self._reader.close()

    def _require_open(self) -> None:
        if self._closed:
            raise LedgerError("the ledger is closed")

    async def _serve(self) -> None:
        await asyncio.sleep(0)  # whoever asks at this very moment comes along
        while self._items:
            items, self._items = self._items, []
            began = self._clock.monotonic()
            for end in await self._done(items):
                end.tell()
            if len(items) > 1:  # those just told soon have more to say: let them share the next push with who waits
                await asyncio.sleep(LINGER * (self._clock.monotonic() - began))

    async def _done(self, items: Sequence[_Item]) -> Sequence[_End]:
        try:
            return await self._written(items)
        except Exception as error:  # noqa: BLE001 - whoever waits must get an answer
            return [_End(item, error=error) for item in items]

    async def _written(self, items: Sequence[_Item]) -> Sequence[_End]:
        """One commit for all items, by the table above."""
        tries, base, known = _Tries(), self._reader.last, self._reader.last
        made: Version | None = None
        ends: Sequence[_End] = ()
        while True:
            base = base or await self._reader.fresh()
            if made is None:
                book = base.book.copy()
                ends = [_attempt(book, item) for item in items]
                if not book.labels:
                    if base is not known:
                        return ends
                    base = known = None  # what we knew may be old, and they were refused for it
                    continue
                made = await self._made(base, book)
            if await self._moved(base, made, tries):
                return ends
            found = self._reader.last or await self._reader.fresh()
            base, made = found, made if found.commit == base.commit else None

    async def _moved(self, base: Version, made: Version, tries: _Tries) -> bool:
        """Move the ref; False when it is to be tried again, on what is the newest then."""
        place, commit = await self._reader.place(), made.commit or ""
        tries.sent.add(commit)
        try:
            await place.move(base.commit, commit)
        except GitFailed as failure:
            return await self._settled(base, failure, tries)
        self._reader.last = made
        return True

    async def _settled(self, base: Version, failure: GitFailed, tries: _Tries) -> bool:
        """What became of a move that failed."""
        found = await self._reader.fresh()
        if await self._holds(found, base, failure, tries):
            return True
        if found.commit == base.commit:
            tries.failures += 1
        else:
            tries.races += 1
        if tries.failures == FAILURES or tries.races == RACES or (tries.failures and failure.final):
            raise await self._reader.refused(failure)
        await self._clock.sleep(tries.pause())
        return False

    async def _holds(self, found: Version, base: Version, failure: GitFailed, tries: _Tries) -> bool:
        """Whether a commit of this round is part of what the ref holds."""
        if found.commit in {None, base.commit} or (failure.stale and tries.races + tries.failures == 0):
            return False
        if found.commit in tries.sent:
            return True
        place = await self._reader.place()
        return not tries.sent.isdisjoint(await self._reader.patiently(lambda: place.past(found.commit or "", PAST)))

    async def _made(self, base: Version, book: Book) -> Version:
        book.writes = base.book.writes + 1
        place = await self._reader.place()
        message = f"{_subject(book.labels)}\n\nWriter: {self._name}\n"
        book.labels = []
        try:
            files = await write_files(place.git, books.written(book), base.files)
            return Version(await write_commit(place.git, files, base.commit, message), files, book)
        except GitFailed as failure:
            raise await self._reader.refused(failure) from failure


def _attempt(book: Book, item: _Item) -> _End:
    """Work looks before it changes anything, so one that is refused has left no trace."""
    try:
        return _End(item, item.work(book))
    except ReconcilerError as error:
        return _End(item, error=error)


def _subject(labels: Sequence[str]) -> str:
    return ", ".join(label if times == 1 else f"{label} ×{times}" for label, times in Counter(labels).items())
