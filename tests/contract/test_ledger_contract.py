"""Every Ledger keeps the same promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reconciler.engine.clock import SystemClock
from reconciler.ledger import open_ledger
from reconciler.model.memory import LedgerSnapshot
from reconciler.model.ports import Ledger
from reconciler.testing.fakes import FakeClock, MemoryLedger
from reconciler.testing.ledger_suite import CHECKS, Check, Factory


class _Door:
    """Another door to a ledger in memory: closing it leaves the ledger open for the others."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.load = ledger.load
        self.lease = ledger.lease
        self.intend = ledger.intend
        self.settle = ledger.settle
        self.begin_run = ledger.begin_run
        self.end_run = ledger.end_run
        self.history = ledger.history
        self.anchor = ledger.anchor
        self.anchored = ledger.anchored
        self.unlock = ledger.unlock
        self.forget = ledger.forget

    async def close(self) -> None:
        """Nothing to give back."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_ledger_in_a_file_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    """The engine relies on each of these promises before it lets a write leave."""
    asyncio.run(_run(check, lambda: open_ledger(tmp_path / "deep" / "ledger.sqlite", SystemClock())))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_ledger_in_memory_keeps_the_contract(check: Check) -> None:
    """A fake that promises less, or more, than the real thing makes the tests that use it worthless."""
    ledger = MemoryLedger(FakeClock())
    asyncio.run(_run(check, lambda: _Door(ledger)))


def test_a_closed_ledger_refuses(tmp_path: Path) -> None:
    """A call after the end would open the file anew, and leave a thread behind."""
    for ledger in (MemoryLedger(), open_ledger(tmp_path / "ledger.sqlite", SystemClock())):
        asyncio.run(_closed(ledger))


async def _closed(ledger: Ledger) -> None:
    assert await ledger.load() == LedgerSnapshot(0)
    await ledger.close()
    await ledger.close()
    with pytest.raises(Exception, match="closed"):
        await ledger.load()


async def _run(check: Check, factory: Factory) -> None:
    async with asyncio.timeout(120):
        await check(factory)
