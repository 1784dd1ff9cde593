"""The tool as a library, against a real gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from scenario_bench import Bench, endpoint

import reconciler
from reconciler.errors import Blocked, InputError


@pytest.fixture
def folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with its secrets in this process's own environment."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "KEY_A", "KEY_B"):
        monkeypatch.setenv(name, bench.environ[name])
    bench.manifests(endpoint("one"))
    return bench.root


def test_plan_apply_and_an_empty_plan(bench: Bench, folder: Path) -> None:
    """Whoever builds on the tool gets the same guarantees as at the command line."""
    assert [a.name for a in reconciler.load(folder).resources] == ["one"]
    plan = asyncio.run(reconciler.plan(folder))
    assert [change.action.value for change in plan.changes] == ["create"]
    run = asyncio.run(reconciler.apply(folder, plan))
    assert run.exit_code == 0
    assert set(bench.endpoints()) == {"one"}
    assert asyncio.run(reconciler.plan(folder, ["prod"])).empty


def test_what_was_not_approved_is_not_applied(bench: Bench, folder: Path) -> None:
    """A plan is approved as it was seen; the library must not be a way around that."""
    plan = asyncio.run(reconciler.plan(folder))
    bench.manifests(endpoint("one"), endpoint("two"))
    with pytest.raises(Blocked):
        asyncio.run(reconciler.apply(folder, plan))
    assert bench.endpoints() == {}


def test_errors_in_manifests_are_raised_with_their_lines(bench: Bench, folder: Path) -> None:
    """A program needs the findings as data."""
    bench.write("manifests/fleet.yaml", "apiVersion: reconciler/v1\nkind: Endpiont\n")
    with pytest.raises(InputError) as caught:
        asyncio.run(reconciler.plan(folder))
    assert all(finding.position for finding in caught.value.diagnostics)


def test_names_that_are_not_there_are_said_so() -> None:
    """A lazily loaded package must fail as any other."""
    with pytest.raises(AttributeError, match="no attribute 'plam'"):
        _ = reconciler.plam
