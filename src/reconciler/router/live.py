"""The table in use, and how it is replaced: all at once, and only by one that is right.

::

    the new manifests        table      said
    right                    new        reload "taken"
    right, no change         the same   nothing
    wrong, or led elsewhere  the same   reload "refused", metric, /readyz: the codes of the findings
    not to be read           the same   reload "failed", the same; tried again from time to time
    not to be looked at      the same   metric, /readyz: the kind of the error, until they can be looked at again

A table that was replaced is closed when its last turn has ended. Whatever happens while it looks, the watch goes on: a
router that has stopped looking says that its manifests are fresh for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Blocked, InputError
from reconciler.model.ports import Progress
from reconciler.router.measures import Measures
from reconciler.router.table import Table

Open = Callable[[], Awaitable[Table]]
"""Reads the manifests and opens what they need. Raises InputError, Blocked, another ReconcilerError or OSError."""

Stamp = Callable[[], Any]
"""What changes when the manifests do; cheap. May raise anything, and may hang as a network's disk does."""

POLL_SECONDS = 1.0
LOOK_SECONDS = 15.0
RELOAD_SECONDS = 120.0
AGAIN_SECONDS = 30.0
"""After which what could not be taken is tried again: a secret or a disk may be mended without a manifest changing."""

RESTLESS = 10
"""Looks after which manifests are read that never stand still."""


class Live:
    """Holds a table for those who use it."""

    def __init__(self, first: Table, measures: Measures, listen: Progress) -> None:
        self.table = first
        self.findings: tuple[str, ...] = ()
        self.unseen = ""
        self.replaced = asyncio.Event()
        self._measures = measures
        self._listen = listen
        self._users: dict[int, int] = {}
        self._retired: dict[int, Table] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def fresh(self) -> bool:
        """Whether the table is that of the newest manifests, as far as we can see."""
        return not self.findings and not self.unseen

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it is not: codes of findings, kinds of errors."""
        return (*self.findings, self.unseen) if self.unseen else self.findings

    @contextmanager
    def held(self) -> Iterator[Table]:
        """The table, open until the block ends, whatever replaces it meanwhile."""
        table = self.table
        self._users[id(table)] = self._users.get(id(table), 0) + 1
        try:
            yield table
        finally:
            self._users[id(table)] -= 1
            if not self._users[id(table)]:
                del self._users[id(table)]
                self._close(self._retired.pop(id(table), None))

    async def reload(self, opening: Open) -> bool:
        """Read again; True when the table is a new one."""
        try:
            fresh = await opening()
        except (InputError, Blocked) as error:
            codes = tuple(sorted({finding.code for finding in error.diagnostics}))
            return self._kept("refused", codes or ("INPUT",))
        except Exception as error:  # noqa: BLE001 - whatever it is, the table that we have goes on
            return self._kept("failed", (type(error).__name__,))
        self._replace(fresh)
        self.findings = ()
        self._measures.reloaded("taken", fresh=self.fresh)
        self._measures.forget({each.route.name: each for each in fresh.routes.values()})
        self._listen("reloaded", {"outcome": "taken", "objects": len(fresh.routes)})
        return True

    def _kept(self, outcome: str, findings: tuple[str, ...]) -> bool:
        again, self.findings = findings == self.findings, findings
        self._measures.reloaded(outcome, fresh=False)
        if not again:
            self._listen("reload_refused", {"outcome": outcome, "error": ",".join(findings)})
        return False

    def looked(self, error: Exception | None = None) -> None:
        """The manifests were looked at, or could not be."""
        before, self.unseen = self.unseen, type(error).__name__ if error else ""
        self._measures.looked(failed=error is not None, fresh=self.fresh)
        if self.unseen != before:
            self._listen("manifests_unseen" if error else "manifests_seen", {"error": self.unseen or before})

    def _replace(self, fresh: Table) -> None:
        old, self.table = self.table, fresh
        self.replaced.set()
        if id(old) in self._users:
            self._retired[id(old)] = old
        else:
            self._close(old)

    def _close(self, table: Table | None) -> None:
        if table is not None:
            task = asyncio.ensure_future(_closed(table))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close everything, used or not."""
        await asyncio.gather(*self._closing, _closed(self.table), *map(_closed, self._retired.values()))


async def _closed(table: Table) -> None:
    await table.close()


@dataclass(slots=True)
class Watch:
    """Looks at the manifests every `seconds`, or when `asked` is set. `loaded` is what the table in use was made of."""

    live: Live
    opening: Open
    stamp: Stamp
    asked: asyncio.Event
    seconds: float
    loaded: Any
    seen: Any = None
    restless: int = 0
    tried: float = 0.0
    looking: asyncio.Future[Any] | None = None

    async def run(self) -> None:
        """Reload when the manifests have changed and are still. Runs until it is cancelled, whatever happens."""
        self.seen = self.loaded
        while True:
            await pause(self.asked, self.seconds)
            try:
                now = await self._looked()
            except Exception as error:  # noqa: BLE001 - see the head of this file
                self.live.looked(error)
                continue
            self.live.looked()
            if self._is_due(now):
                await self._reload(now)

    async def _looked(self) -> Any:
        """In a thread; one that hangs is waited for again, so that no second one hangs beside it."""
        self.looking = self.looking or asyncio.ensure_future(asyncio.to_thread(self.stamp))
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await asyncio.shield(self.looking)
        finally:
            if self.looking.done():
                self.looking = None

    def _is_due(self, now: Any) -> bool:
        still, self.seen = now == self.seen, now
        changed = now != self.loaded
        self.restless = self.restless + 1 if changed and not still else 0
        late = asyncio.get_running_loop().time() - self.tried >= AGAIN_SECONDS
        return (
            self.asked.is_set()
            or (changed and (still or self.restless >= RESTLESS))
            or (late and bool(self.live.findings))
        )

    async def _reload(self, now: Any) -> None:
        self.asked.clear()
        self.loaded, self.restless = now, 0
        try:
            async with asyncio.timeout(RELOAD_SECONDS):
                await self.live.reload(self.opening)
        except TimeoutError as error:
            self.live.looked(error)
        self.tried = asyncio.get_running_loop().time()


async def pause(asked: asyncio.Event, seconds: float) -> None:
    """Wait, or until the event is set."""
    try:
        async with asyncio.timeout(seconds):
            await asked.wait()
    except TimeoutError:
        return
