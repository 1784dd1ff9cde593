"""Standard streams as services, cron jobs, pipes and full disks leave them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from pathlib import Path

import pytest
from odd_bench import boxed, run_with, sane
from scenario_bench import Bench, endpoint

COMBINATIONS = [c for n in (1, 2, 3) for c in itertools.combinations((0, 1, 2), n)]


@pytest.fixture
def fleet(tmp_path: Path) -> Bench:
    bench = boxed(tmp_path / "checkout")
    bench.manifests(endpoint("one"))
    return bench


def held(fleet: Bench) -> list[str]:
    """The endpoints that the ledger knows."""
    entries = fleet.run("ledger", "list", "--format", "json").json["entries"]
    return [entry["address"] for entry in entries if "/Endpoint/" in entry["address"]]


@pytest.mark.parametrize("closed", COMBINATIONS, ids=lambda c: "".join(map(str, c)))
def test_closed_streams_change_nothing_about_a_run(fleet: Bench, closed: tuple[int, ...]) -> None:
    """A service that closed its streams must apply as any other, and no file may take what was meant to be shown."""

    def close() -> None:
        for number in closed:
            os.close(number)

    nothing = {name: None for number, name in enumerate(("stdin", "stdout", "stderr")) if number in closed}
    done = sane(run_with(fleet, ["-v", "apply", "--auto-approve"], before=close, streams=nothing))
    assert done.code == 0, done
    assert held(fleet) == ["prod/Endpoint/one"]
    done = sane(run_with(fleet, ["plan", "--detailed-exitcode"], before=close, streams=nothing))
    assert done.code == 0, done


@pytest.mark.parametrize("closed", COMBINATIONS, ids=lambda c: "".join(map(str, c)))
def test_closed_streams_do_not_hide_how_a_command_ended(fleet: Bench, closed: tuple[int, ...]) -> None:
    """The exit code is all that a caller without streams has."""

    def close() -> None:
        for number in closed:
            os.close(number)

    nothing = {name: None for number, name in enumerate(("stdin", "stdout", "stderr")) if number in closed}
    assert sane(run_with(fleet, ["plan", "--detailed-exitcode"], before=close, streams=nothing)).code == 2
    assert sane(run_with(fleet, ["apply"], before=close, streams=nothing)).code == 3
    assert sane(run_with(fleet, ["plann"], before=close, streams=nothing)).code == 64


@pytest.mark.parametrize("shape", ["terminal", "json", "html"])
def test_a_report_that_does_not_fit_on_the_disk_is_no_success(fleet: Bench, shape: str) -> None:
    """A job that reads the report must learn that there is none, and that the changes were made all the same."""
    output = fleet.root / "told"
    with Path("/dev/full").open("wb") as full:
        done = sane(
            run_with(
                fleet,
                ["apply", "--auto-approve", "--format", shape],
                streams={"stdout": full},
                environ={**fleet.environ, "GITHUB_OUTPUT": str(output)},
            )
        )
    assert done.code == 1
    assert "could not be written: No space left on device" in done.err
    assert output.read_text().splitlines()[-1] == "exitcode=1"
    assert held(fleet) == ["prod/Endpoint/one"]
    assert fleet.run("history", "--format", "json").json["runs"][0]["status"] == "ok"


def test_log_lines_that_do_not_fit_end_no_run(fleet: Bench) -> None:
    """A run that dies of its own log leaves a fleet half done."""
    with Path("/dev/full").open("wb") as full:
        done = sane(run_with(fleet, ["-v", "apply", "--auto-approve", "--format", "json"], streams={"stderr": full}))
    assert (done.code, done.json["status"]) == (0, "ok")
    assert held(fleet) == ["prod/Endpoint/one"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_went_away_changes_no_exit_code(fleet: Bench, stream: str) -> None:
    """`reconciler apply | head -1` has applied, and `plan | head -1` has found differences."""
    for arguments, code in ((["plan", "--detailed-exitcode"], 2), (["-v", "apply", "--auto-approve"], 0)):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            assert sane(run_with(fleet, [*arguments], streams={stream: writer})).code == code
        finally:
            os.close(writer)
    assert held(fleet) == ["prod/Endpoint/one"]


def test_a_pipe_that_does_not_wait_gets_all_of_a_report(fleet: Bench) -> None:
    """A parent that made its pipe non-blocking must not get half a document."""
    fleet.manifests(*(endpoint(f"e{number:03}") for number in range(200)))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    kept = fleet.root / "kept.json"
    with kept.open("wb") as file, subprocess.Popen(["cat"], stdin=reader, stdout=file):
        os.close(reader)
        done = run_with(fleet, ["plan", "--format", "json"], streams={"stdout": writer})
        os.close(writer)
    assert sane(done).code == 0
    assert len(json.loads(kept.read_bytes())["changes"]) == 200
