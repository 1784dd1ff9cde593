"""The command line with its ledger in git: one runner applies, another, made from nothing, knows."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from git_bench import CLEAN, bare, clone, git
from scenario_bench import Bench, endpoint

REF = "refs/reconciler/ledger"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "git-ledger.md"


def runners(bench: Bench, folder: Path) -> tuple[Bench, Bench, Path]:
    """Two runners with a shallow checkout each, and the repository that they come from."""
    served = bare(folder)
    writer = clone(served, folder / "writer")
    shutil.copytree(bench.root / "manifests", writer / "manifests")
    git(writer, "add", "manifests")
    git(writer, "commit", "--quiet", "-m", "fleet")
    git(writer, "push", "--quiet", "origin", "HEAD:main")
    environ = bench.environ | {name: CLEAN[name] for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")}
    made = [
        replace(bench, root=clone(served, folder / name, "--depth=1"), environ=environ) for name in ("one", "other")
    ]
    return made[0], made[1], served


@pytest.mark.slow
def test_what_one_runner_applied_another_one_knows(bench: Bench, tmp_path: Path) -> None:
    """Runners are thrown away: without this, every run would see its own objects as somebody else's."""
    bench.manifests(endpoint("one"), endpoint("two", rpm=700))
    one, other, served = runners(bench, tmp_path)
    applied = one.run("--ledger", "git:", "apply", "--auto-approve", "--format", "json")
    assert applied.code == 0, applied.out + applied.err
    shutil.rmtree(one.root)

    planned = other.run("--ledger", "git:", "plan", "--format", "json", "--detailed-exitcode")
    assert planned.code == 0, planned.out + planned.err
    assert planned.json["summary"]["unchanged"] == 2
    assert git(other.root, "status", "--porcelain", "--", "manifests", "README") == ""
    past = other.run("--ledger", "git:", "history", "--format", "json").json["runs"]
    assert [run["status"] for run in past] == ["ok"]
    assert not [secret for secret in ("sk-aaaa", "teams-secret") if secret in git(served, "log", "-p", REF)]


@pytest.mark.slow
def test_a_lease_of_another_runner_stops_an_apply_and_can_be_broken(bench: Bench, tmp_path: Path) -> None:
    """Two merges in a row: the second job must name the first, and a killed one must not block for ever."""
    bench.manifests(endpoint("one"))
    one, other, served = runners(bench, tmp_path)
    bench.faults({"match": {"method": "POST", "path": "/api/*/endpoints"}, "do": {"delay_ms": 5000}})
    running = one.start("--ledger", "git:", "apply", "--auto-approve", "--format", "json")
    while "lease" not in git(served, "log", "--all", "--format=%s"):
        assert running.poll() is None, running.communicate()
    running.kill()
    running.communicate()
    held = other.run("--ledger", "git:", "apply", "--auto-approve", "--lock-timeout", "0")
    assert held.code != 0
    assert re.search(r"is being changed by \S+@\S+ pid \d+", held.out + held.err)
    assert "was held by" in other.run("--ledger", "git:", "ledger", "unlock", "prod").out


def commands() -> Sequence[str]:
    """What the guide tells people to type."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


@pytest.mark.slow
def test_the_guide_tells_what_works(bench: Bench, tmp_path: Path) -> None:
    """A guide is typed from on a bad day: every command in it must do what it says."""
    bench.manifests(endpoint("one"))
    one, _, served = runners(bench, tmp_path)
    told = commands()
    assert len(told) >= 6
    for command in told:
        program, *words = shlex.split(command)
        if program == "git":
            git(one.root, *words)
            continue
        assert program == "reconciler"
        done = one.run(*words)
        assert done.code == 0, command + done.out + done.err
    assert "refs/reconciler" not in git(served, "for-each-ref")


def test_a_path_to_a_ledger_in_git_counts_from_where_it_is_written(bench: Bench, tmp_path: Path) -> None:
    """A flag is typed in the working folder: a path in it must mean what it means to the shell."""
    bench.manifests(endpoint("one"))
    git(tmp_path, "init", "--quiet", "beside")
    listed = bench.run("--ledger", "git:../beside", "ledger", "list", "--format", "json")
    assert listed.code == 0, listed.err
    assert listed.json["serial"] == 0
    refused = bench.run("--ledger", "git:../beside#refs/heads/main", "ledger", "list")
    assert refused.code != 0
    assert "LEDGER005" in refused.out + refused.err


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_no_folder_for_longer_than_the_next_run(bench: Bench, tmp_path: Path) -> None:
    """A runner whose jobs are killed now and then must not fill its disk with copies of the ledger."""
    bench.manifests(endpoint("one"))
    one, _, served = runners(bench, tmp_path)
    place = tmp_path / "temporary"
    place.mkdir()
    one.environ["TMPDIR"] = str(place)
    bench.faults({"match": {"method": "POST", "path": "/api/*/endpoints"}, "do": {"delay_ms": 60_000}})
    killed = one.start("--ledger", "git:", "apply", "--auto-approve", "--format", "json")
    while "lease" not in git(served, "log", "--all", "--format=%s"):
        assert killed.poll() is None, killed.communicate()
    killed.kill()
    killed.communicate()
    assert len(list(place.iterdir())) == 1
    assert one.run("--ledger", "git:", "ledger", "list").code == 0
    assert list(place.iterdir()) == []
