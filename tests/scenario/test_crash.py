"""A run that is killed, two runs at once, a run that is interrupted."""

from __future__ import annotations

import random
import signal
import time

import pytest
from scenario_bench import Bench, endpoint, webhook

FLEET = [endpoint(f"ep-{n:02}", rpm=100 + n) for n in range(50)]


def written_to(bench: Bench) -> None:
    """Wait until a write has arrived."""
    while not any(request["method"] == "PUT" for request in bench.requests()["last"]):
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(6))
def test_killed_at_any_moment_the_same_command_converges(bench: Bench, attempt: int) -> None:
    """A runner that dies mid-apply must cost nothing but the second run: no doubles, no orphans, no guess."""
    bench.manifests(*FLEET, webhook("costs"))
    bench.faults({"match": {"method": "PUT", "path": "*"}, "do": {"delay_ms": 15}})
    kills = 0
    moments = random.Random(f"{attempt} {time.time()}")  # noqa: S311 - any moment will do
    for pause in [moments.uniform(0.35, 1.1) for _ in range(3)]:
        process = bench.start("apply", "--auto-approve", "--format", "json")
        time.sleep(pause)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    bench.faults()
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    live = bench.endpoints()
    assert set(live) == {f"ep-{n:02}" for n in range(50)}
    assert {name: item["rateLimits"]["requestsPerMinute"] for name, item in live.items()} == {
        f"ep-{n:02}": 100 + n for n in range(50)
    }
    hooks = bench.call("GET", "/api/v1/llm/gateway/webhooks", headers=bench.token())["items"]
    assert [hook["name"] for hook in hooks] == ["costs"]
    assert bench.plan().code == 0
    assert bench.run("audit", "verify").code == 0
    history = bench.run("history", "--format", "json").json
    assert sum(record["status"] == "interrupted" for record in history["runs"]) <= kills
    if run.json["status"] != "nothing":  # a run that finds nothing to do leaves no record
        assert history["runs"][0]["status"] == "ok"


def test_two_applies_at_once_lose_nothing(bench: Bench) -> None:
    """Two merges in a row start two jobs: one waits or is refused by name, and the result is as if in order."""
    bench.manifests(*FLEET[:12])
    bench.faults({"match": {"method": "PUT", "path": "*"}, "do": {"delay_ms": 60}})
    first = bench.start("apply", "--auto-approve", "--format", "json")
    second = bench.start("apply", "--auto-approve", "--format", "json")
    ended = [(p.communicate(timeout=300), p.returncode) for p in (first, second)]
    codes = sorted(code for _, code in ended)
    assert codes[0] == 0, ended
    assert codes[1] in {0, 1, 3}, ended
    assert all("Traceback" not in err for (_, err), _ in ended)
    assert len(bench.endpoints()) == 12
    assert bench.plan().code == 0


def test_a_second_writer_is_refused_with_the_holders_name(bench: Bench) -> None:
    """Whoever is refused must know whom to ask."""
    bench.manifests(*FLEET[:8])
    bench.faults({"match": {"method": "PUT", "path": "*"}, "do": {"delay_ms": 6000}})
    first = bench.start("apply", "--auto-approve", "--no-verify", "--format", "json")
    try:
        written_to(bench)
        first.send_signal(signal.SIGSTOP)  # however slow this machine is: it holds the lease until it goes on
        refused = bench.apply("--lock-timeout", "0")
        assert refused.code == 1, refused.out + refused.err
        assert f"pid {first.pid}" in refused.err
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=300)
    assert first.returncode == 0


def test_an_interrupt_lets_writes_in_flight_finish(bench: Bench) -> None:
    """Ctrl-C must leave a journal that is exact, and a ledger without doubts."""
    bench.manifests(*FLEET)
    bench.faults({"match": {"method": "PUT", "path": "*"}, "do": {"delay_ms": 2000}})
    process = bench.start("apply", "--auto-approve", "--no-verify", "--format", "json")
    written_to(bench)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    assert "skipped" in out
    bench.faults()
    assert bench.apply("--no-verify").code == 0
    assert bench.plan().code == 0
