"""The tool before MLflow itself, as a team uses it: apply, rotate, fail over, drift, import, kill, remove."""

from __future__ import annotations

import random
import signal
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow_bench
import pytest
import server_mlflow
from asking import SECRET, declared, probed, turned
from console import applied, checkout, clean, endpoint
from mlflow_bench import HOOKS, ROOT
from model_server import Provider, provider
from scenario_bench import Bench
from server_mlflow import BAD, FIRST, SECOND, Stack

pytestmark = pytest.mark.real

KEYS = {"key-a": "KEY_A", "key-b": "KEY_B"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Provider]]:
    """The gateway, its provider, and a receiver of webhooks."""
    with server_mlflow.stack(tmp_path_factory.mktemp("mlflow")) as stack, provider() as receiver:
        yield stack, receiver


@pytest.fixture
def stack(served: tuple[Stack, Provider]) -> Iterator[Stack]:
    """The gateway with nothing on it."""
    mlflow_bench.emptied(served[0].url)
    yield served[0]
    mlflow_bench.emptied(served[0].url)


@pytest.fixture
def team(stack: Stack, tmp_path: Path) -> Bench:
    """A checkout with two keys that work."""
    return checkout(tmp_path, "mlflow", stack.url, {"KEY_A": FIRST, "KEY_B": SECOND, "HOOK": "whsec-made-up-0123"})


def hook(name: str, url: str, events: str = "budget_policy.exceeded") -> str:
    return (
        f"apiVersion: reconciler/v1\nkind: Webhook\nmetadata: {{name: {name}}}\n"
        f"spec: {{url: {url}, events: [{events}], secret: {{env: HOOK}}}}\n"
    )


def got(bench: Bench, name: str) -> Any:
    query = urllib.parse.urlencode({"name": name})
    return bench.call("GET", f"{ROOT}/endpoints/get?{query}")["endpoint"]


def names(bench: Bench, kind: str, member: str, key: str) -> Sequence[str]:
    return sorted(each[key] for each in bench.call("GET", f"{ROOT}/{kind}/list").get(member, []))


def everything(bench: Bench) -> tuple[Sequence[str], ...]:
    """Names of secrets, definitions, endpoints and webhooks."""
    return (
        names(bench, "secrets", "secrets", "secret_name"),
        names(bench, "model-definitions", "model_definitions", "name"),
        names(bench, "endpoints", "endpoints", "name"),
        sorted(each["name"] for each in bench.call("GET", HOOKS).get("webhooks", [])),
    )


def test_the_life_of_a_fleet(team: Bench, stack: Stack, served: tuple[Stack, Provider]) -> None:
    """Create, change, rotate and remove: after each the plan is empty, and at the end nothing of ours is left."""
    receiver = served[1].url + "/hook"
    fleet = [endpoint("life", stack.upstream, KEYS), hook("costs", receiver)]
    team.manifests(*fleet)
    applied(team)
    assert stack.asked("life") == "with first"
    assert served[1].delivered

    team.manifests(endpoint("life", stack.upstream, KEYS, model="gpt-4.1"), hook("costs", receiver, "prompt.created"))
    applied(team)
    assert {m["model_definition"]["model_name"] for m in got(team, "life")["model_mappings"]} == {"gpt-4.1"}

    team.environ["KEY_A"] = SECOND.replace("0123", "4567")
    plan = team.plan()
    assert [c["address"] for c in plan.json["changes"]] == ["prod/Endpoint/life"]
    assert SECOND.replace("0123", "4567") not in plan.out
    applied(team)

    team.manifests()
    applied(team, "--allow-empty", "--allow-last-endpoint")
    assert everything(team) == ([], [], [], [])


def test_probes_and_bots_ask_for_the_endpoint(team: Bench, stack: Stack) -> None:
    """Callers of this server name the endpoint, at a path of its own, and prices go by the model behind it."""
    team.environ["HOOK_SECRET"] = SECRET
    team.manifests(endpoint("asked", stack.upstream, {"key-a": "KEY_A"}), declared("asked"))
    applied(team)
    assert set(probed(team).values()) == {"ready"}
    answer = turned(team)
    assert answer["source"] == "llm_gateway", answer
    assert answer["messages"] == [{"text": "with first"}]
    assert answer["metrics"]["model"] == "gpt-4o"
    assert answer["metrics"]["cost_usd"] > 0


def test_the_second_key_takes_over_and_a_rotation_brings_the_first_back(team: Bench, stack: Stack) -> None:
    """A key that a provider revokes must not stop the bots, and the new one must come to be used."""
    team.environ["KEY_A"] = BAD
    team.manifests(endpoint("over", stack.upstream, KEYS))
    applied(team)
    assert stack.asked("over") == "with second"
    team.environ["KEY_A"] = FIRST
    applied(team)
    ends = time.monotonic() + 3 * server_mlflow.CACHE_SECONDS
    while (said := stack.asked("over")) != "with first" and time.monotonic() < ends:
        time.sleep(0.5)
    assert said == "with first"


def test_a_revoked_key_never_reaches_the_live_endpoint(team: Bench, stack: Stack) -> None:
    """The candidate is refused by the provider, so the live endpoint goes on with what it had."""
    team.manifests(endpoint("safe", stack.upstream, {"key-a": "KEY_A"}, deadline=1))
    applied(team)
    team.environ["KEY_A"] = BAD
    run = team.apply()
    assert run.code != 0
    assert "no such key" in run.out
    assert BAD not in run.out + run.err
    assert stack.asked("safe") == "with first"
    assert everything(team) == (["reconciler/safe/key-a"], ["reconciler/safe/key-a"], ["safe"], [])


@pytest.mark.parametrize(
    "deed", ["fallback wiped", "secret deleted", "key replaced", "model changed", "endpoint deleted"]
)
def test_what_a_colleague_did_is_found_and_mended(deed: str, team: Bench, stack: Stack) -> None:
    """Each of these leaves the lists looking well, and the calls failing or going elsewhere."""
    team.manifests(endpoint("drift", stack.upstream, KEYS))
    applied(team)
    live = got(team, "drift")
    first = live["model_mappings"][0]["model_definition"]
    if deed == "fallback wiped":
        configs = [
            {"model_definition_id": m["model_definition_id"], "linkage_type": m["linkage_type"]}
            for m in live["model_mappings"]
        ]
        body: Any = {"endpoint_id": live["endpoint_id"], "model_configs": configs}
        team.call("POST", f"{ROOT}/endpoints/update", body)
    elif deed == "secret deleted":
        team.call("DELETE", f"{ROOT}/secrets/delete", {"secret_id": first["secret_id"]})
    elif deed == "key replaced":
        value = {"api_key": "sk-of-somebody-else-wxyz"}
        team.call("POST", f"{ROOT}/secrets/update", {"secret_id": first["secret_id"], "secret_value": value})
    elif deed == "model changed":
        body = {"model_definition_id": first["model_definition_id"], "model_name": "gpt-3.5-turbo"}
        team.call("POST", f"{ROOT}/model-definitions/update", body)
    else:
        team.call("DELETE", f"{ROOT}/endpoints/delete", {"endpoint_id": live["endpoint_id"]})
    drift = team.run("drift", "--format", "json")
    assert drift.code == 2, drift.out + drift.err
    assert "prod/Endpoint/drift" in drift.out
    applied(team)
    parts = ["reconciler/drift/key-a", "reconciler/drift/key-b"]
    assert everything(team) == (parts, parts, ["drift"], [])
    assert got(team, "drift")["fallback_config"] == {"strategy": "SEQUENTIAL", "max_attempts": 2}
    masks = {each["masked_values"]["api_key"] for each in team.call("GET", f"{ROOT}/secrets/list")["secrets"]}
    assert masks == {"sk-...cdef"}


def test_what_was_made_by_hand_is_imported_and_the_plan_is_empty(
    team: Bench, stack: Stack, served: tuple[Stack, Provider]
) -> None:
    """Nobody starts with an empty gateway: names of others, spaces in them, no fallback, a webhook twice."""
    ids = {}
    for name, key in (("team key", FIRST), ("spare", SECOND)):
        body: Any = {"secret_name": name, "secret_value": {"api_key": key}, "provider": "openai"}
        body["auth_config"] = {"api_base": stack.upstream}
        secret = team.call("POST", f"{ROOT}/secrets/create", body)["secret"]["secret_id"]
        body = {"name": f"def {name}", "secret_id": secret, "provider": "openai", "model_name": "gpt-4o"}
        made = team.call("POST", f"{ROOT}/model-definitions/create", body)
        ids[name] = made["model_definition"]["model_definition_id"]
    configs = [
        {"model_definition_id": ids["team key"], "linkage_type": "PRIMARY"},
        {"model_definition_id": ids["spare"], "linkage_type": "FALLBACK", "fallback_order": 1},
    ]
    fallback = {"strategy": "SEQUENTIAL", "max_attempts": 2}
    for name in ("Support_Bot", "sales"):
        body = {"name": name, "model_configs": configs, "fallback_config": fallback, "usage_tracking": False}
        team.call("POST", f"{ROOT}/endpoints/create", body)
    for _ in range(2):
        events = [{"entity": "PROMPT", "action": "CREATED"}]
        team.call("POST", HOOKS, {"name": "Twice", "url": served[1].url + "/hook", "events": events})
    before = everything(team)
    run = team.run("import", "--format", "json")
    assert run.code == 0, run.out + run.err
    assert {item["remote_id"] for item in run.json["imported"]} >= {"Support_Bot", "sales"}
    clean(team)
    assert everything(team) == before


@pytest.mark.parametrize("attempt", range(3))
def test_killed_at_any_moment_the_same_command_converges(
    attempt: int, team: Bench, stack: Stack, served: tuple[Stack, Provider]
) -> None:
    """A runner that dies between the five objects of an endpoint costs nothing but the second run."""
    ours = [f"ep-{n}" for n in range(6)]
    team.manifests(*(endpoint(name, stack.upstream, KEYS) for name in ours), hook("costs", served[1].url + "/hook"))
    moments = random.Random(f"{attempt} {time.time()}")  # noqa: S311 - any moment will do
    for pause in [moments.uniform(0.5, 1.6) for _ in range(3)]:
        process = team.start("apply", "--auto-approve", "--no-verify", "--format", "json")
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    time.sleep(1)  # requests that were on their way arrive
    applied(team, "--no-verify", "--allow-mass-change")
    parts = [f"reconciler/{name}/{key}" for name in ours for key in KEYS]
    assert everything(team) == (parts, parts, ours, ["costs"])
    team.manifests()
    applied(team, "--allow-empty", "--allow-last-endpoint", "--allow-mass-change")
    assert everything(team) == ([], [], [], [])
