"""The ledger in a ref of a git repository: for runners that are thrown away, without another service.

Every write is a commit that is pushed before it counts (`git_writer.py`); a lease is a file of that commit
(`git_lease.py`); what the files say stands in `git_book.py`, where the ref is kept in `git_place.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from reconciler.errors import LeaseHeld, LedgerError
from reconciler.ledger import codec
from reconciler.ledger.git_book import Book, notes_of, pretty, require_name
from reconciler.ledger.git_lease import TERMS, Leases
from reconciler.ledger.git_place import Place, find_place
from reconciler.ledger.git_writer import Writer
from reconciler.ledger.lease import Terms, require_own
from reconciler.model.address import Address
from reconciler.model.memory import AuditMark, Intent, Lease, LedgerSnapshot, Settlement
from reconciler.model.ports import Clock
from reconciler.model.run import RunRecord


class GitLedger:
    """Implements the port Ledger. `find` opens the place at the first call; `wall` is seconds since 1970."""

    def __init__(
        self,
        find: Callable[[], Awaitable[Place]],
        clock: Clock,
        terms: Terms = TERMS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._writer = Writer(find, clock, self._name)
        self._leases = Leases(self._name, terms, wall)

    async def load(self) -> LedgerSnapshot:
        """Everything, at one serial."""
        book = await self._writer.look()
        entries = codec.keyed(notes_of(book.entries), codec.load_entries)
        return LedgerSnapshot(book.serial, entries, codec.keyed(notes_of(book.intents), codec.load_intents))

    def lease(self, gateway: str, holder: str, wait: float) -> AbstractAsyncContextManager[Lease]:
        """Hold a gateway until the block ends, renewed meanwhile. Raises LeaseHeld after `wait` seconds."""
        require_name(gateway)
        return self._held(Lease(gateway, holder, secrets.token_hex(8)), wait)

    @asynccontextmanager
    async def _held(self, lease: Lease, wait: float) -> AsyncIterator[Lease]:
        renewal = None
        try:
            await self._taken(lease, wait)
            renewal = asyncio.create_task(self._renewed(lease), name="lease")
            yield lease
        finally:
            if renewal is not None:
                renewal.cancel()
            # One that cannot be given back ends by itself; what went wrong in the block matters more.
            with contextlib.suppress(LedgerError):
                await self._writer.run(partial(self._leases.release, lease=lease))

    async def _taken(self, lease: Lease, wait: float) -> None:
        ends = self._clock.monotonic() + wait
        while (other := await self._writer.run(partial(self._leases.take, lease=lease))) is not None:
            if self._clock.monotonic() >= ends:
                raise LeaseHeld(lease.gateway, *other)
            await self._clock.sleep(self._leases.terms.poll)

    async def _renewed(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(self._leases.terms.renew)
            with contextlib.suppress(LedgerError):  # the next write finds out, and says it
                await self._writer.run(partial(self._leases.extend, lease=lease))

    async def intend(self, lease: Lease, intents: Sequence[Intent]) -> None:
        """Pushed when it returns. Raises StaleLedger when the lease is lost."""
        require_own(lease, (intent.address for intent in intents))
        notes = {str(intent.address): pretty(codec.dump_intent(intent)) for intent in intents}

        def work(book: Book) -> None:
            self._begin(book, lease, "intent")
            book.intents.setdefault(lease.gateway, {}).update(notes)

        await self._writer.run(work)

    async def settle(self, lease: Lease, settlements: Sequence[Settlement]) -> None:
        """Entries and intents change together. Raises StaleLedger when the lease is lost."""
        require_own(lease, (settlement.address for settlement in settlements))
        closed = [str(settlement.address) for settlement in settlements]
        notes = {
            str(s.address): None if s.entry is None else pretty(codec.dump_entry(s.entry))
            for s in settlements
            if not s.keep
        }

        def work(book: Book) -> None:
            self._begin(book, lease, "settlement")
            intents, entries = book.intents.get(lease.gateway, {}), book.entries.setdefault(lease.gateway, {})
            for address in closed:
                intents.pop(address, None)
            for address, note in notes.items():
                _put(entries, address, note)

        await self._writer.run(work)

    def _begin(self, book: Book, lease: Lease, label: str) -> None:
        self._leases.require(book, lease)
        book.serial += 1
        book.labels.append(f"{lease.gateway}: {label}")

    async def begin_run(self, record: RunRecord) -> None:
        """Open a run in the history."""
        text = self._run(record)

        def work(book: Book) -> None:
            if book.run_path(record.run_id) is None:
                book.add_run(record.run_id, text)
                book.labels.append(f"run {record.run_id} begins")

        await self._writer.run(work)

    async def end_run(self, record: RunRecord) -> None:
        """Close it; one so old that it is not kept any more stays away."""
        text = self._run(record)

        def work(book: Book) -> None:
            if (path := book.run_path(record.run_id)) is not None:
                book.runs[path] = text
                book.labels.append(f"run {record.run_id} ends: {record.status}")

        await self._writer.run(work)

    def _run(self, record: RunRecord) -> str:
        data = {**json.loads(codec.dump_run(record)), "writer": self._name}
        return json.dumps(data, indent=1, sort_keys=True) + "\n"

    async def history(self, limit: int) -> Sequence[RunRecord]:
        """The newest runs first; one without an end whose leases are gone is shown as interrupted."""
        book = await self._writer.look()
        texts = [book.runs[path] for path in sorted(book.runs, reverse=True)[:limit]]
        records = codec.load_runs(texts)
        writers = [str(json.loads(text).get("writer")) for text in texts]
        return [self._shown(book, *pair) for pair in zip(records, writers, strict=True)]

    def _shown(self, book: Book, record: RunRecord, writer: str) -> RunRecord:
        running = any(self._leases.held_by(book, gateway, writer) for gateway in record.gateways)
        return record if record.ended is not None or running else replace(record, status="interrupted")

    async def anchor(self, name: str, mark: AuditMark, follows: Callable[[AuditMark], bool]) -> bool:
        """Keep a mark of an audit, where none is kept or it follows that one."""

        def work(book: Book) -> bool:
            kept = book.anchors.get(name)
            if kept is not None and not follows(kept):
                return False
            if kept is not None and kept.seq >= mark.seq:
                return True
            book.keep_anchor(name, mark)
            book.labels.append(f"audit at line {mark.seq}")
            return True

        return await self._writer.run(work)

    async def anchored(self, name: str) -> AuditMark | None:
        """The mark that is kept of an audit."""
        return (await self._writer.look()).anchors.get(name)

    async def unlock(self, gateway: str) -> str | None:
        """Break a lease; returns who had it."""
        return await self._writer.run(partial(self._leases.unlock, gateway=gateway))

    async def forget(self, address: Address) -> bool:
        """Drop an entry and its intent; False if there is none. Raises LeaseHeld while a run holds the gateway."""

        def work(book: Book) -> bool:
            self._leases.require_free(book, address.gateway)
            tables = (book.entries.get(address.gateway, {}), book.intents.get(address.gateway, {}))
            if not [True for notes in tables if notes.pop(str(address), None) is not None]:
                return False
            book.serial += 1
            book.labels.append(f"{address.gateway}: forgotten")
            return True

        return await self._writer.run(work)

    async def close(self) -> None:
        """Finish what waits, and remove what is on the disk of this machine."""
        await self._writer.close()


def open_git(url: str, clock: Clock, root: Path) -> GitLedger:
    """The ledger at ``git:REMOTE-OR-PATH#REF``, seen from the folder `root`. Nothing is asked before the first call.

    Every call may raise LedgerCorrupt, LedgerTooNew or LedgerError.
    """
    return GitLedger(partial(find_place, url, root), clock)


def _put(entries: dict[str, str], address: str, note: str | None) -> None:
    if note is None:
        entries.pop(address, None)
    else:
        entries[address] = note
