"""Approval and interruption of an apply, with a process, a terminal and signals as people have them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from jsonschema import Draft7Validator
from scenario_bench import RECONCILER, Bench, endpoint

from reconciler.render.schema import schema

ENDPOINTS = "/api/v1/llm/gateway/endpoints"


@dataclass
class Terminal:
    """A command on a terminal: what it shows, and a keyboard."""

    process: subprocess.Popen[bytes]
    master: int
    shown: str = ""

    def until(self, words: str, seconds: float = 300.0) -> None:
        """Wait for words on the screen."""
        self._read(lambda: words in self.shown, seconds)
        assert words in self.shown, self.shown

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        self._read(lambda: False, 300.0)
        if self.process.poll() is None:
            select.select([], [], [], 1.0)
        if self.process.poll() is None:
            self.process.kill()
        os.close(self.master)
        return self.process.wait(timeout=300)

    def _read(self, done: Callable[[], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not done() and time.monotonic() < ends:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    return
            elif self.process.poll() is not None:
                return


def terminal(bench: Bench, *arguments: str) -> Terminal:
    """Start a command on a terminal of its own."""
    master, slave = pty.openpty()
    environ = {**bench.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(
        [RECONCILER, *arguments],
        cwd=bench.root,
        env=environ,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - Ctrl-C reaches only a process that the terminal belongs to
    )
    os.close(slave)
    return Terminal(process, master)


def _take_terminal() -> None:
    os.close(os.open(os.ttyname(0), os.O_RDWR))


def test_a_person_is_asked_once_and_yes_means_yes(bench: Bench) -> None:
    """On a terminal the plan is shown, then the question, then what was done: nothing twice."""
    bench.manifests(endpoint("one"))
    screen = terminal(bench, "apply")
    screen.until("Apply these changes? [y/N]")
    assert bench.endpoints() == {}
    screen.type(b"y\n")
    assert screen.end() == 0
    assert set(bench.endpoints()) == {"one"}
    assert screen.shown.count("Plan: 1 to create") == 1
    assert "1 applied" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.shown)


@pytest.mark.parametrize("keys", [b"n\n", b"\n"])
def test_no_and_nothing_mean_no(bench: Bench, keys: bytes) -> None:
    """The safe answer is the one that needs no key."""
    bench.manifests(endpoint("one"))
    screen = terminal(bench, "apply")
    screen.until("[y/N]")
    screen.type(keys)
    assert screen.end() == 3
    assert bench.endpoints() == {}
    assert "declined" in screen.shown


def test_ctrl_c_at_the_question_ends_it_at_once(bench: Bench) -> None:
    """The first Ctrl-C must work here: nothing is in flight that could be waited for."""
    bench.manifests(endpoint("one"))
    screen = terminal(bench, "apply")
    screen.until("[y/N]")
    select.select([], [], [], 0.3)  # until it really waits for a key, as it does when a person answers
    screen.type(b"\x03")
    assert screen.end() == 130
    assert bench.endpoints() == {}
    assert "Traceback" not in screen.shown


@pytest.mark.parametrize(
    ("arguments", "environ"), [(["--no-input"], {}), ([], {"CI": "true"}), ([], {"RECONCILER_INPUT": "false"})]
)
def test_nobody_is_asked_where_nobody_is_meant_to_be(
    bench: Bench, arguments: list[str], environ: dict[str, str]
) -> None:
    """Some CI systems have a terminal, and a question there hangs until the job is killed."""
    bench.environ |= environ
    bench.manifests(endpoint("one"))
    screen = terminal(bench, "apply", *arguments)
    assert screen.end() == 3
    assert "CLI005" in screen.shown
    assert "[y/N]" not in screen.shown


def slow_writes(bench: Bench) -> None:
    """Every write takes a while, one at a time."""
    text = (bench.root / "manifests/gateway.yaml").read_text(encoding="utf-8")
    bench.write("manifests/gateway.yaml", text.replace("concurrency: 8", "concurrency: 1"))
    bench.faults({"match": {"method": "PUT", "path": f"{ENDPOINTS}/*"}, "do": {"delay_ms": 3000}})


def begun(bench: Bench) -> None:
    """Wait until a write has arrived: its intent is in the ledger before it leaves."""
    while not any(request["method"] == "PUT" for request in bench.requests()["last"]):
        select.select([], [], [], 0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_write_in_flight_finish(bench: Bench, number: signal.Signals) -> None:
    """A cancelled job must leave nothing half done, and say exactly what it did and did not do."""
    bench.manifests(*(endpoint(f"ep-{n}") for n in range(4)))
    slow_writes(bench)
    process = bench.start("apply", "--auto-approve", "--no-verify", "--format", "json")
    begun(bench)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    document = json.loads(out)
    Draft7Validator(schema("run")).validate(document)
    assert (document["status"], document["exit_code"]) == ("interrupted", 130)
    statuses = [outcome["status"] for outcome in document["outcomes"]]
    assert statuses.count("applied") >= 1
    assert statuses.count("skipped") >= 1
    assert set(statuses) == {"applied", "skipped"}
    assert {o["address"].rsplit("/", 1)[1] for o in document["outcomes"] if o["status"] == "applied"} == set(
        bench.endpoints()
    )
    assert "stopping" in err
    bench.faults()
    assert bench.apply("--no-verify").code == 0
    assert bench.plan().code == 0


def test_the_second_signal_aborts_and_the_next_run_finds_out(bench: Bench) -> None:
    """Impatience is allowed: what is not known is said to be unknown, and looked up by the next run."""
    bench.manifests(*(endpoint(f"ep-{n}") for n in range(3)))
    slow_writes(bench)
    process = bench.start("apply", "--auto-approve", "--no-verify", "--format", "json")
    begun(bench)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    document = json.loads(out)
    Draft7Validator(schema("run")).validate(document)
    assert (document["status"], document["exit_code"]) == ("interrupted", 130)
    assert {outcome["status"] for outcome in document["outcomes"]} <= {"applied", "unknown", "skipped"}
    assert "Traceback" not in err
    bench.faults()
    assert bench.apply("--no-verify").code == 0
    assert bench.plan().code == 0
    assert len(bench.endpoints()) == 3


def test_a_plan_file_approves_that_plan_and_no_other(bench: Bench) -> None:
    """What was looked at on the pull request is what is carried out, or nothing is."""
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.run("plan", "--out", "approved.json").code == 0
    bench.manifests(endpoint("one"), endpoint("two"), endpoint("three"))
    refused = bench.run("apply", "approved.json", "--format", "json")
    assert refused.code == refused.json["exit_code"] == 3
    assert "ENGINE002" in refused.err
    assert bench.endpoints() == {}
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.run("apply", "approved.json").code == 0
    assert bench.run("apply", "approved.json").code == 0, "what is done already needs no other approval"


def test_a_plan_file_goes_with_the_paths_that_it_was_made_with(bench: Bench) -> None:
    """A plan of one folder, applied from another, would always read as "no longer matches"."""
    gateway = (bench.root / "manifests/gateway.yaml").read_text(encoding="utf-8")
    bench.write("eu/all.yaml", gateway + "---\n" + endpoint("eu-one"))
    bench.manifests(endpoint("one"))
    assert bench.run("plan", "eu", "--out", "eu-plan.json").code == 0
    refused = bench.run("apply", "eu-plan.json")
    assert refused.code == 3
    assert "PATHs" in refused.err
    assert bench.run("apply", "eu-plan.json", "eu").code == 0
    assert set(bench.endpoints()) == {"eu-one"}


def test_two_plan_files_approve_what_stands_in_either(bench: Bench) -> None:
    """Two pull requests that were merged at once are applied by one run, and nothing besides."""
    bench.manifests(endpoint("one"))
    assert bench.run("plan", "--out", "a.json").code == 0
    bench.manifests(endpoint("two"))
    assert bench.run("plan", "--out", "b.json").code == 0
    bench.manifests(endpoint("one"), endpoint("two"), endpoint("three"))
    assert bench.run("apply", "a.json", "b.json").code == 3
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.run("apply", "a.json").code == 3
    assert bench.endpoints() == {}
    assert bench.run("apply", "a.json", "b.json").code == 0


def test_a_plan_is_approved_in_one_way(bench: Bench) -> None:
    """With a file and a digest that differ, nobody can say which one was meant."""
    bench.manifests(endpoint("one"))
    assert bench.run("plan", "--out", "a.json").code == 0
    assert bench.run("apply", "a.json", "--expect", "sha256:0").code == 64
    assert bench.endpoints() == {}


def test_an_unreadable_gateway_cannot_be_applied_whoever_approves(bench: Bench) -> None:
    """What could not be seen must not be written over, approved or not."""
    bench.manifests(endpoint("one"))
    bench.faults({"match": {"method": "GET", "path": ENDPOINTS}, "do": {"status": 403}})
    refused = bench.apply()
    assert refused.code == refused.json["exit_code"] == 1
    assert refused.json["outcomes"] == []
    assert refused.json["status"] == "failed"
