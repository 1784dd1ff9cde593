"""The main path: plan, apply with validation, an empty plan, drift found, drift repaired."""

from __future__ import annotations

import pytest
from scenario_bench import Bench, endpoint, webhook


def test_apply_then_plan_is_empty(bench: Bench) -> None:
    """An apply that leaves differences behind would never let a pull request be quiet again."""
    bench.manifests(endpoint("one"), endpoint("two", rpm=700), webhook("costs"))
    planned = bench.plan()
    assert planned.code == 2, planned.err
    assert planned.json["summary"]["create"] == 3

    applied = bench.apply()
    assert applied.code == 0, applied.out + applied.err
    assert {o["status"] for o in applied.json["outcomes"]} == {"applied"}
    assert applied.json["residue"] == []

    again = bench.plan()
    assert again.code == 0, again.out
    assert again.json["changes"] == []
    assert again.json["summary"]["unchanged"] == 3


def test_drift_is_found_told_apart_and_repaired(bench: Bench) -> None:
    """What a colleague changed in a console must be shown as theirs and put back."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    limits = {"requestsPerMinute": 9, "concurrentConnections": 5, "maxTokensPerRequest": 8000}
    bench.edit("one", rateLimits=limits)

    drift = bench.run("drift", "--format", "json")
    assert drift.code == 2, drift.err
    [change] = bench.plan().json["changes"]
    origins = {f["path"]: f["origin"] for f in change["fields"]}
    assert origins["/spec/rateLimits/requestsPerMinute"] == "drift"
    assert origins["/spec/credentials/key-1/apiKey"] == "drift"

    assert bench.apply().code == 0
    assert bench.endpoints()["one"]["rateLimits"]["requestsPerMinute"] == 600
    assert bench.plan().code == 0
    assert bench.run("drift").code == 0


def test_a_rotation_behind_an_unchanged_name_is_an_update(bench: Bench) -> None:
    """A new key under the old variable name changes no manifest, and must still reach the gateway."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.environ["KEY_A"] = "sk-rotated-cccccccccccccccc"
    [change] = bench.plan().json["changes"]
    assert change["action"] == "update"
    assert [(f["path"], f["origin"], f["sensitive"]) for f in change["fields"]] == [
        ("/spec/credentials/key-1/apiKey", "secret", True)
    ]
    assert bench.apply().code == 0
    assert bench.endpoints()["one"]["credentials"][0]["apiKey"].endswith("cccc")
    assert bench.plan().code == 0


def test_what_the_tool_does_not_know_survives_an_update(bench: Bench) -> None:
    """A full replacement that drops a field of the vendor's would break it without anyone asking."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.edit("one", residency="eu-only")
    assert bench.apply().code == 0
    bench.manifests(endpoint("one", rpm=77))
    assert bench.apply().code == 0
    live = bench.endpoints()["one"]
    assert live["residency"] == "eu-only"
    assert live["rateLimits"]["requestsPerMinute"] == 77


def test_removed_from_the_manifests_is_removed_from_the_gateway(bench: Bench) -> None:
    """Git is the truth: what is no longer declared goes, what was never ours stays."""
    bench.manifests(endpoint("one"), endpoint("two"), endpoint("three"))
    assert bench.apply().code == 0
    body = {
        "name": "theirs",
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": [{"keyId": "k", "apiKey": "sk-0123456789abcdef", "priority": 1}],
        "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
        "fallbackStrategy": "failover",
    }
    bench.call("PUT", "/api/v1/llm/gateway/endpoints/theirs", body, bench.token())
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"one", "two", "theirs"}
    assert bench.plan().json["summary"]["unmanaged"] == 1


def test_an_object_that_is_not_ours_is_not_taken(bench: Bench) -> None:
    """Taking over somebody's endpoint needs a person's word."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    (bench.root / ".reconciler" / "ledger.sqlite").unlink()
    refused = bench.plan()
    assert refused.code == 3
    assert "adopt" in refused.out
    bench.manifests(endpoint("one", more="lifecycle: {adopt: true}\n"))
    assert bench.apply().code == 0
    assert bench.plan().code == 0


def test_a_plan_asks_for_lists_only(bench: Bench) -> None:
    """One request per object is what makes rivals take minutes."""
    bench.manifests(*(endpoint(f"ep-{n:03}") for n in range(150)))
    assert bench.apply("--no-verify").code == 0
    bench.forget_requests()
    assert bench.plan().code == 0
    paths = [(r["method"], r["path"].split("?")[0]) for r in bench.requests()["last"]]
    assert sorted(set(paths)) == [
        ("GET", "/api/v1/llm/gateway/endpoints"),
        ("GET", "/api/v1/llm/gateway/webhooks"),
        ("POST", "/oauth/token"),
    ]
    assert len(paths) == 4


@pytest.mark.slow
def test_a_plan_file_is_applied_when_nothing_moved(bench: Bench) -> None:
    """What was approved on the pull request is what is carried out on merge."""
    bench.manifests(endpoint("one"))
    assert bench.run("plan", "--out", "plan.json").code == 0
    assert bench.apply("plan.json").code == 0
    assert bench.plan().code == 0


def test_a_noted_day_is_a_warning_and_no_change(bench: Bench) -> None:
    """When a key ends is for people to know: no write comes of it, and no approval is lost for it."""
    prices = "apiVersion: reconciler/v1\nkind: Pricing\nmetadata: {name: list}\nspec: {models: {gpt-4-turbo: "
    prices += '{prompt: 1, completion: 2, retiresOn: "2001-01-01"}}}\n'
    noted = endpoint("one").replace("{env: KEY_A}", '{env: KEY_A, expiresOn: "2001-02-03"}')
    bench.manifests(endpoint("one"), endpoint("two"))
    before = bench.plan().json
    bench.manifests(noted, endpoint("two"), prices)
    after = bench.plan().json
    assert (before["digest"], before["changes"][1]) == (after["digest"], after["changes"][1])

    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.apply().code == 0
    sent = bench.endpoints()
    bench.manifests(noted, endpoint("two"), prices)
    checked, planned = bench.run("validate", "--format", "json"), bench.plan()
    drift = bench.run("drift", "--format", "json")
    assert (checked.code, planned.code, drift.code) == (0, 0, 0), checked.out + planned.out + drift.out
    for report in (checked.json, planned.json, drift.json):
        assert sorted(d["code"] for d in report["diagnostics"] if d["severity"] == "warning") == [
            *("POLICY008", "POLICY009", "POLICY009", "REF009"),
        ]
    assert planned.json["changes"] == drift.json["drift"] == []
    assert bench.apply().code == 0
    assert bench.endpoints() == sent
    assert "2001" not in str(sent)


def test_a_key_of_another_provider_is_pointed_out_and_not_shown(bench: Bench) -> None:
    """Whoever mixed two variables up learns it from the plan, and nobody learns the key."""
    bench.environ["KEY_A"] = "sk-" + "ant-canary0123456789"
    bench.manifests(endpoint("one"))
    planned = bench.plan()
    assert planned.code == 2
    assert [d["path"] for d in planned.json["diagnostics"] if d["code"] == "POLICY013"] == [
        "/spec/credentials/key-1/apiKey"
    ]
    assert "canary" not in planned.out + planned.err
