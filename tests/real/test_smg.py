"""The tool before smg itself: apply, change, rotate, drift, import, kill, remove. Its laws are in tests/contract."""

from __future__ import annotations

import json
import random
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import server_smg
import smg_bench
from console import applied, checkout, clean, endpoint
from model_server import Provider, provider
from scenario_bench import Bench

pytestmark = pytest.mark.real

AUTH = "  auth: {bearer: {env: ADMIN}}\n"
CONSOLE = {"Authorization": f"Bearer {smg_bench.ADMIN}"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[server_smg.Stack]:
    """A fresh gateway for each test: what is removed holds its URL for seconds."""
    with server_smg.stack(tmp_path) as stack:
        yield stack


@pytest.fixture
def models() -> Iterator[Provider]:
    """A provider at any number of paths."""
    with provider() as behind:
        yield behind


@pytest.fixture
def team(served: server_smg.Stack, tmp_path: Path) -> Bench:
    """A checkout."""
    secrets = {"ADMIN": smg_bench.ADMIN, "KEY_A": "sk-first-0123456789", "KEY_B": "sk-second-0123456789"}
    return checkout(tmp_path, "smg", served.url, secrets, AUTH)


def workers(bench: Bench) -> Mapping[str, Any]:
    """Workers by URL, without those that are going."""
    found = bench.call("GET", "/workers", headers=CONSOLE)["workers"]
    return {w["url"]: w for w in found if w["status"] == "ready"}


def one(name: str, base: str, *, model: str = "gpt-4o") -> str:
    return endpoint(name, base, {"key-a": "KEY_A"}, model=model)


def test_the_life_of_a_fleet(team: Bench, served: server_smg.Stack, models: Provider) -> None:
    """Create, change, move, rotate and remove: after each the plan is empty."""
    first, second = served.upstream, models.url + "/second"
    team.manifests(one("first", first, model="gpt-4o-mini"), one("second", second))
    applied(team)
    assert workers(team).keys() == {first, second}
    team.manifests(one("first", first, model="gpt-4-turbo"), one("second", models.url + "/moved"))
    applied(team)
    assert workers(team).keys() == {first, models.url + "/moved"}
    team.environ["KEY_A"] = "sk-rotated-0123456789"
    applied(team)
    team.call("POST", "/v1/chat/completions", {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}]})
    team.manifests()
    applied(team, "--allow-empty", "--allow-last-endpoint")
    assert workers(team) == {}


def test_what_a_colleague_did_is_found_and_mended(team: Bench, models: Provider) -> None:
    """A priority changed, a worker removed: both are drift, and both are set back."""
    team.manifests(*(one(name, f"{models.url}/{name}") for name in ("a", "b")))
    applied(team)
    ids = {w["url"].rpartition("/")[2]: w["id"] for w in workers(team).values()}
    team.call("PATCH", f"/workers/{ids['a']}", {"priority": 99}, CONSOLE)
    team.call("DELETE", f"/workers/{ids['b']}", headers=CONSOLE)
    time.sleep(0.3)
    drift = team.run("drift", "--format", "json")
    assert drift.code == 2, drift.out + drift.err
    assert drift.json["drift"] or "prod/Endpoint/a" in drift.out
    applied(team)
    assert workers(team)[f"{models.url}/a"]["priority"] == 1
    assert workers(team).keys() == {f"{models.url}/a", f"{models.url}/b"}


def test_a_worker_made_by_hand_is_imported_and_the_plan_is_empty(team: Bench, models: Provider) -> None:
    """It bears no labels of ours, and gets none until its manifest changes."""
    body = {"url": models.url + "/x", "runtime": "external", "provider": "openai", "api_key": "sk-his", "priority": 4}
    team.call("POST", "/workers", body, CONSOLE)
    while not (before := workers(team)):
        time.sleep(0.05)
    run = team.run("import", "--format", "json")
    assert run.code == 0, run.out + run.err
    assert len(run.json["imported"]) == 1
    clean(team)
    assert workers(team) == before


def asked(bench: Bench) -> int:
    """The status of one question by a caller who brings no key of his own, so that a worker's key is used."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(  # noqa: S310 - loopback
        bench.url + "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def serving(bench: Bench, pair: Mapping[str, str], models: Provider) -> str:
    """Make two workers of one model with a key each; the variable of the key that then serves."""
    bench.manifests(*pair.values())
    applied(bench)
    models.keys.clear()
    assert asked(bench) == 200
    return next(variable for variable in pair if bench.environ[variable] == models.keys[-1])


@pytest.fixture
def pair(models: Provider) -> Mapping[str, str]:
    """Two endpoints of one model by the variables of their keys."""
    return {name: endpoint(name[-1].lower(), f"{models.url}/{name}", {"key": name}) for name in ("KEY_A", "KEY_B")}


def test_a_refused_key_is_not_failed_over_until_its_worker_is_taken_away(
    team: Bench, pair: Mapping[str, str], models: Provider
) -> None:
    """A second worker of the same model looks like a spare key, and is none: whoever relies on it has to know."""
    first = serving(team, pair, models)
    team.environ[first] = "sk-revoked-0123456789"
    applied(team)
    models.keys.clear()
    assert Counter(asked(team) for _ in range(12)) == {401: 12}
    assert Counter(models.keys) == {"sk-revoked-0123456789": 12}
    assert {worker["is_healthy"] for worker in workers(team).values()} == {True}
    (second,) = pair.keys() - {first}
    team.manifests(pair[second])
    applied(team)
    models.keys.clear()
    assert asked(team) == 200
    assert models.keys == [team.environ[second]]


def test_a_priority_does_not_decide_which_worker_serves(team: Bench, pair: Mapping[str, str], models: Provider) -> None:
    """It is stored and shown, and looks like an order of keys: nobody must plan a fallback on it."""
    first = serving(team, pair, models)
    for preferred in pair:
        other = {name: text.replace("priority: 1", "priority: 99") for name, text in pair.items() if name == preferred}
        assert serving(team, {**pair, **other}, models) == first
        assert sorted(worker["priority"] for worker in workers(team).values()) == [1, 99]


def test_a_provider_that_fails_is_failed_over_after_ten_failures(
    team: Bench, pair: Mapping[str, str], models: Provider
) -> None:
    """This much there is: five tries a call at the same worker, and the other one once ten in a row have failed."""
    team.environ[serving(team, pair, models)] = "sk-broken-0123456789"
    applied(team)
    models.keys.clear()
    assert [asked(team) for _ in range(6)] == [500, 500, 200, 200, 200, 200]
    assert Counter(models.keys)["sk-broken-0123456789"] == 10


PROBE = """\
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {name: ping}
spec: {engine: braces, user: Say yes.}
---
apiVersion: reconciler/v1
kind: Probe
metadata: {name: answers}
spec: {endpoints: asked, prompt: ping, expect: {finishReason: stop}}
"""


def test_a_probe_is_answered_without_the_key_of_the_control_plane(
    team: Bench, served: server_smg.Stack, models: Provider
) -> None:
    """What a caller sends as authorization reaches the provider, who is the last to be given our own key."""
    team.manifests(one("asked", served.upstream), PROBE)
    applied(team)
    run = team.run("verify", "--format", "json")
    assert run.code == 0, run.out + run.err
    team.manifests(one("asked", models.url), PROBE)
    team.apply()
    team.run("verify")
    assert set(models.keys) == {"sk-first-0123456789"}


@pytest.mark.parametrize("attempt", range(3))
def test_killed_at_any_moment_the_same_command_converges(attempt: int, team: Bench, models: Provider) -> None:
    """A write that was queued lands after the tool is dead: the next run must find it, and not ask twice."""
    names = [f"ep-{n:02}" for n in range(12)]
    team.manifests(*(one(name, f"{models.url}/{name}") for name in names))
    moments = random.Random(f"{attempt} {time.time()}")  # noqa: S311 - any moment will do
    for pause in [moments.uniform(0.4, 1.0) for _ in range(3)]:
        process = team.start("apply", "--auto-approve", "--format", "json")
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    applied(team, "--allow-mass-change")
    found = workers(team)
    assert sorted(w["labels"]["reconciler.name"] for w in found.values()) == names


def test_a_restart_that_forgets_everything_is_mended(team: Bench, models: Provider) -> None:
    """The gateway keeps its workers in memory alone: after a restart one apply brings all of them back."""
    team.manifests(one("back", models.url + "/back"))
    applied(team)
    with smg_bench.gateway(server_smg.PLACE / "venv/bin/smg") as fresh:
        path = team.root / "manifests/gateway.yaml"
        path.write_text(path.read_text().replace(team.url, fresh))
        team.url = fresh
        assert workers(team) == {}
        applied(team)
        assert workers(team).keys() == {models.url + "/back"}
