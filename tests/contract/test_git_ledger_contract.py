"""The ledger in git keeps the promises of every ledger, over a remote and in a repository of this disk."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from git_bench import bare, clone

from reconciler.engine.clock import SystemClock
from reconciler.ledger.git import GitLedger
from reconciler.ledger.git_place import find_place
from reconciler.ledger.lease import Terms
from reconciler.testing.ledger_suite import CHECKS, Check, Factory

QUICK = Terms(lasts=40.0, renew=3600.0, poll=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_ledger_on_a_remote_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    """A run on a runner that is thrown away may rely on no less than one with a disk."""
    root = clone(bare(tmp_path), tmp_path / "checkout")
    asyncio.run(_run(check, partial(_door, "git:", root)))


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_ledger_in_this_repository_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    """Without a remote the same ref is kept in place, by another way of moving it."""
    root = clone(bare(tmp_path), tmp_path / "checkout")
    asyncio.run(_run(check, partial(_door, "git:.", root)))


def _door(url: str, root: Path) -> GitLedger:
    return GitLedger(partial(find_place, url, root), SystemClock(), QUICK)


async def _run(check: Check, factory: Factory) -> None:
    async with asyncio.timeout(120):
        await check(factory)
