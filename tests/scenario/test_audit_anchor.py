"""The audit's end is known to the ledger: what was cut off, emptied, replaced or hashed anew is found."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scenario_bench import Bench, Finished, endpoint
from workflow_runner import git

from reconciler.ledger.chain import START, chained

AUDIT = ".reconciler/audit.jsonl"


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def cut_all_but_one(path: Path) -> None:
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def hash_anew(path: Path) -> None:
    """Every line is changed, and the chain is right."""
    link, text = START, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        event = {name: value for name, value in json.loads(line).items() if name not in {"seq", "prev", "hash"}}
        made, link = chained({**event, "time": "2020-01-01T00:00:00.000Z"}, link)
        text += f"{made}\n"
    path.write_text(text, encoding="utf-8")


def replace_by_a_longer_one(path: Path) -> None:
    """A chain of somebody's own, with room for all numbers."""
    link, text = START, ""
    for _ in range(100):
        made, link = chained({"time": "2020-01-01T00:00:00.000Z", "event": "run.started"}, link)
        text += f"{made}\n"
    path.write_text(text, encoding="utf-8")


TAMPERINGS = (cut, cut_all_but_one, empty, remove, hash_anew, replace_by_a_longer_one)


@pytest.fixture(params=["sqlite", "git"])
def fleet(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """A fleet that was applied twice, with its ledger in a file or in a repository."""
    if request.param == "git":
        git(bench.root, "init", "--quiet", "--initial-branch=main")
        bench.environ["RECONCILER_LEDGER"] = "git:."
    for rpm in (10, 20):
        bench.manifests(endpoint("one", rpm=rpm))
        done = bench.apply()
        assert done.code == 0, done.err
    return bench


def verify(bench: Bench, *arguments: str) -> Finished:
    return bench.run("audit", "verify", *arguments)


def test_a_whole_chain_is_verified(fleet: Bench) -> None:
    """The report says how many lines it is about, since one that is too short is found by that as well."""
    count = len((fleet.root / AUDIT).read_text(encoding="utf-8").splitlines())
    done = verify(fleet)
    assert (done.code, done.out) == (0, f"Audit chain verified ({count} entries).\n")
    document = verify(fleet, "--format", "json").json
    assert (document["lines"], document["anchor"]["seq"], document["since_anchor"]) == (count, count, 0)


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.__name__)
def test_what_was_done_to_the_file_is_found(fleet: Bench, tampering: Callable[[Path], None]) -> None:
    """Whoever may write the file may hash it anew; the ledger knows what its end was."""
    tampering(fleet.root / AUDIT)
    found = verify(fleet)
    assert found.code == 1, found.out
    assert "verified" not in found.out
    fleet.manifests(endpoint("one", rpm=30))
    assert fleet.apply().code == 0
    later = verify(fleet)
    assert later.code == 1, later.out


def test_a_file_that_was_moved_away_is_a_part_of_the_whole(fleet: Bench) -> None:
    """Rotation is no crime: the parts, named in order, are one chain."""
    (fleet.root / AUDIT).rename(fleet.root / "2026-01.jsonl")
    fleet.manifests(endpoint("one", rpm=30))
    assert fleet.apply().code == 0
    assert verify(fleet).code == 1
    both = verify(fleet, "2026-01.jsonl", AUDIT)
    assert both.code == 0, both.out
    first = json.loads((fleet.root / AUDIT).read_text(encoding="utf-8").splitlines()[0])["seq"]
    assert verify(fleet, "--since", str(first)).code == 0


def test_a_run_that_was_killed_is_no_alarm(bench: Bench) -> None:
    """Lines are written first and marked then: a file that is ahead of its mark was not touched by anybody."""
    bench.manifests(*(endpoint(f"ep-{n}") for n in range(3)))
    bench.faults({"match": {"method": "POST", "path": "/api/*/endpoints"}, "do": {"delay_ms": 20_000}})
    process = bench.start("apply", "--auto-approve")
    path = bench.root / AUDIT
    while not path.exists() or b"run.started" not in path.read_bytes():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert verify(bench).code == 0
    bench.faults()
    bench.run("ledger", "unlock", "prod")
    assert bench.apply().code == 0
    assert verify(bench).code == 0


def test_a_ledger_without_an_anchor_is_said_and_not_failed(bench: Bench) -> None:
    """Ledgers of earlier versions keep none until the next run, and nothing is wrong with them."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    for path in (bench.root / ".reconciler").glob("ledger*"):
        path.unlink()
    done = verify(bench)
    assert done.code == 0
    assert "keeps no anchor" in done.out
