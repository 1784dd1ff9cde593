"""Secrets from commands: only programs that the settings list, and never one that a proposal brings along."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scenario_bench import Bench, Finished, endpoint

CANARY = "canary-of-standard-error"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def applied(bench: Bench, allowed: str, command: str) -> Finished:
    bench.write("reconciler.yaml", f"secrets: {{commands: {allowed}}}\n")
    bench.manifests(endpoint("one").replace("{env: KEY_A}", f"{{command: [{command}]}}"))
    return bench.apply()


def codes(finished: Finished) -> list[str]:
    return [each["code"] for each in finished.json["diagnostics"] if each["severity"] == "error"]


@pytest.fixture
def tools(bench: Bench, tmp_path: Path) -> Path:
    """A folder of programs outside of the checkout, in PATH."""
    folder = tmp_path / "tools"
    program(folder / "store", "echo sk-from-the-store")
    program(folder / "other", f"touch {tmp_path}/ran; echo sk-from-another")
    bench.environ["PATH"] = f"{folder}{os.pathsep}{bench.environ['PATH']}"
    return folder


def test_only_a_listed_program_is_run(bench: Bench, tools: Path) -> None:
    """A proposal writes the command: whatever is not listed would be run with every credential of the job."""
    for allowed in ("[]", "false", "[store]", f"[{tools}/store]", "[sto]", "['*']", "[store-2]"):
        for command in (
            "other",
            f"{tools}/other",
            "sh, -c, other",
            "/bin/sh, -c, other",
            "./store",
            "STORE",
            "store x",
        ):
            assert codes(applied(bench, allowed, command)) == ["SECRET002"], (allowed, command)
    assert not (tools.parent / "ran").exists()
    assert bench.endpoints() == {}


@pytest.mark.parametrize("allowed", ["store", "{}/store"])
@pytest.mark.parametrize("command", ["store", "{}/store"])
def test_a_listed_program_is_found_by_name_or_path(bench: Bench, tools: Path, allowed: str, command: str) -> None:
    """Teams name a program in either way, and mean the same one."""
    assert applied(bench, f"[{allowed.format(tools)}]", command.format(tools)).code == 0


@pytest.mark.parametrize("path", [".", "", "bin", "{root}/bin"])
def test_a_program_of_the_checkout_is_none(bench: Bench, tools: Path, path: str) -> None:
    """A PATH with the working folder in it, as some runners have, makes every proposal's file a program."""
    for name in ("store", "bin/store"):
        program(bench.root / name, f"touch {tools.parent}/ran; echo sk-of-the-proposal")
    bench.environ["PATH"] = f"{path.format(root=bench.root)}{os.pathsep}{bench.environ['PATH']}"
    assert applied(bench, "[store]", "store").code == 0
    (tools / "store").unlink()
    assert codes(applied(bench, "[store]", "store")) == ["SECRET001"]
    assert not (tools.parent / "ran").exists()


@pytest.mark.parametrize("value", ["true", "[./store]", "[bin/store]", "['']", "store", "7"])
def test_what_is_no_list_of_programs_is_refused(bench: Bench, tools: Path, value: str) -> None:
    """`true` once allowed everything: it must not go on doing so, nor silently allow nothing."""
    finished = applied(bench, value, f"{tools}/store")
    assert codes(finished) == ["SETTINGS002"]
    assert finished.json["diagnostics"][0]["line"] == 1
    assert value != "true" or "[vault, /usr/bin/op]" in finished.json["diagnostics"][0]["detail"]
    bench.write("reconciler.yaml", "{}\n")
    bench.environ["RECONCILER_SECRETS_COMMANDS"] = "true"
    assert codes(bench.apply()) == ["SETTINGS002"]


def test_a_failing_command_says_nothing_of_what_it_printed(bench: Bench, tools: Path) -> None:
    """Password stores print what they were asked for, and with what token, when they fail."""
    program(tools / "store", f"echo {CANARY} >&2; echo {CANARY}; exit 3")
    finished = applied(bench, "[store]", "store")
    assert codes(finished) == ["SECRET001"]
    assert CANARY not in finished.out + finished.err
    assert not [path for path in bench.root.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
