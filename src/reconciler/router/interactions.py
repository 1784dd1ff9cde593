"""What was asked of models, in the audit: a line for each question, and the ledger's mark from time to time.

::

    the audit or the ledger                     what happens
    can be written                              a line for each question; a mark at the end and every `MARK_SECONDS`
    cannot                                      the bot is answered all the same; said once, and counted
    are in a folder that was taken away         the same: nothing is made where somebody may put another one
    is not the one that the ledger knows        the mark stays, which `audit verify` says; said once
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from reconciler.errors import LedgerError
from reconciler.model.memory import AuditEvent, AuditMark
from reconciler.model.ports import AuditLog, Ledger, Progress
from reconciler.router.measures import Measures

MARK_SECONDS = 300.0
"""A ledger in git has a commit for each mark."""

_BROKEN = "the audit file is not the one that the ledger knows; see `reconciler audit verify`"


class Interactions:
    """The pen of a router. Use `begin`, then `record`, and `end`."""

    def __init__(self, audit: AuditLog, ledger: Ledger, root: Path, listen: Progress) -> None:
        self._root = root
        self._audit = audit
        self._ledger = ledger
        self._listen = listen
        self._measures: Measures | None = None
        self._marked: AuditMark | None = None
        self._said = ""

    async def begin(self, measures: Measures) -> None:
        """See where the chain stands."""
        self._measures = measures
        try:
            self._audit.begin_after(await self._ledger.anchored(self._audit.name))
        except LedgerError as error:
            self._fail("audit_failed", str(error))

    def record(self, event: AuditEvent) -> None:
        """Add a line."""
        try:
            self._require_root()
            self._audit.append(event)
        except LedgerError as error:
            if self._measures is not None:
                self._measures.unrecorded()
            self._fail("audit_failed", str(error))

    async def watch(self) -> None:
        """Mark how far the audit goes, until it is cancelled."""
        while True:
            await asyncio.sleep(MARK_SECONDS)
            await self._anchor()

    async def end(self) -> None:
        """Mark for the last time, and close both."""
        await self._anchor()
        await self._ledger.close()

    async def _anchor(self) -> None:
        try:
            self._require_root()
            mark = await asyncio.to_thread(self._audit.mark)
            if mark is None or mark == self._marked:
                return
            if await self._ledger.anchor(self._audit.name, mark, self._audit.holds):
                self._marked, self._said = mark, ""
            else:
                self._fail("audit_broken", _BROKEN)
        except LedgerError as error:
            self._fail("audit_failed", str(error))

    def _require_root(self) -> None:
        if not self._root.is_dir():
            raise LedgerError("the folder of the audit file is gone; put it back. (AUDIT001)")

    def _fail(self, event: str, why: str) -> None:
        if why != self._said:
            self._said = why
            self._listen(event, {"error": why})
