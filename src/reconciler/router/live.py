"""The table in use, and how it is replaced: all at once, and only by one that is right.

::

    the new manifests        table      said
    right                    new        reload "taken"
    right, no change         the same   nothing
    wrong                    the same   reload "refused", metric, /readyz: the codes of the findings
    not to be read           the same   reload "failed", the same

A table that was replaced is closed when its last turn has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.errors import InputError, ReconcilerError
from reconciler.model.ports import Progress
from reconciler.router.measures import Measures
from reconciler.router.table import Table

Open = Callable[[], Awaitable[Table]]
"""Reads the manifests and opens what they need. Raises InputError, ReconcilerError or OSError."""

Stamp = Callable[[], Any]
"""What changes when the manifests do; cheap."""

POLL_SECONDS = 1.0


class Live:
    """Holds a table for those who use it."""

    def __init__(self, first: Table, measures: Measures, listen: Progress) -> None:
        self.table = first
        self.findings: tuple[str, ...] = ()
        self.replaced = asyncio.Event()
        self._measures = measures
        self._listen = listen
        self._users: dict[int, int] = {}
        self._retired: dict[int, Table] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def fresh(self) -> bool:
        """Whether the table is that of the newest manifests."""
        return not self.findings

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
        except InputError as error:
            codes = tuple(sorted({finding.code for finding in error.diagnostics}))
            return self._kept("refused", codes or ("INPUT",))
        except (ReconcilerError, OSError) as error:
            return self._kept("failed", (type(error).__name__,))
        self._replace(fresh)
        self.findings = ()
        self._measures.reloaded("taken", fresh=True)
        self._measures.forget({each.route.name: each for each in fresh.routes.values()})
        self._listen("reloaded", {"outcome": "taken", "objects": len(fresh.routes)})
        return True

    def _kept(self, outcome: str, findings: tuple[str, ...]) -> bool:
        self.findings = findings
        self._measures.reloaded(outcome, fresh=False)
        self._listen("reload_refused", {"outcome": outcome, "error": ",".join(findings)})
        return False

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


async def watch(live: Live, opening: Open, stamp: Stamp, asked: asyncio.Event, seconds: float = POLL_SECONDS) -> None:
    """Reload when the manifests have changed and are still, or when `asked` is set. Runs until it is cancelled."""
    loaded = seen = await asyncio.to_thread(stamp)
    while True:
        await pause(asked, seconds)
        now = await asyncio.to_thread(stamp)
        settled = now == seen and now != loaded
        seen = now
        if asked.is_set() or settled:
            asked.clear()
            loaded = now
            await live.reload(opening)


async def pause(asked: asyncio.Event, seconds: float) -> None:
    """Wait, or until the event is set."""
    try:
        async with asyncio.timeout(seconds):
            await asked.wait()
    except TimeoutError:
        return
