"""Cognigy.AI, Genesys Cloud and OpenAI-compatible gateways through the command line, good days and bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from scenario_bench import Bench

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: bots}}
spec:
  platform: {platform}
  url: {url}
  auth: {auth}
  timeouts: {{connect: 5, total: 5}}
{more}"""

BEARER = "{bearer: {env: CLIENT_SECRET}}"
OAUTH = "{oauth: {clientId: {env: CLIENT_ID}, clientSecret: {env: CLIENT_SECRET}}}"
PATHS = "  paths: {providers: /api/v1/llm-gateway/providers, provider: '/api/v1/llm-gateway/providers/{id}'}\n"
PROVIDERS = "/api/v1/llm-gateway/providers"
COLLEAGUE = {"Authorization": "Bearer colleague"}
OBSERVE = "lifecycle: {manage: observe}\n"


def endpoint(*, model: str = "gpt-4o", more: str = "", readiness: str = "{deadlineSeconds: 0}") -> str:
    """One endpoint with two keys."""
    return f"""\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: one}}
spec:
  provider: openai
  model: {model}
  credentials:
    - {{keyId: spare, priority: 1, apiKey: {{env: KEY_B}}}}
    - {{keyId: main, priority: 2, apiKey: {{env: KEY_A}}}}
  readiness: {readiness}
{more}"""


def on(bench: Bench, platform: str, auth: str = BEARER, more: str = "") -> None:
    """The checkout's only gateway."""
    bench.write("manifests/gateway.yaml", GATEWAY.format(platform=platform, url=bench.url, auth=auth, more=more))


def posts(bench: Bench) -> int:
    """How many registrations have reached the gateway."""
    return sum(r["method"] == "POST" and r["path"] == PROVIDERS for r in bench.requests()["last"])


def codes(document: Mapping[str, Any]) -> list[str]:
    """The codes of a document's findings."""
    return [finding["code"] for finding in document["diagnostics"]]


def verdicts(bench: Bench) -> dict[str, str]:
    """What `verify` says of the one endpoint as a whole; what it says of single keys decides nothing here."""
    [outcome] = bench.run("verify", "--format", "json").json["outcomes"]
    return {check["name"]: check["status"] for check in outcome["checks"] if not check["name"].startswith("key ")}


def test_a_provider_is_registered_once_and_never_called_in_step(bench: Bench) -> None:
    """Nobody can look at it: a second registration, or a quiet 'unchanged', would both be made up."""
    on(bench, "cognigy")
    bench.manifests(endpoint())
    assert bench.plan().json["summary"]["create"] == 1
    applied = bench.apply()
    assert applied.code == 0, applied.out + applied.err
    again = bench.plan()
    assert (again.code, again.json["changes"], codes(again.json)) == (0, [], ["PLAN007"])
    assert again.json["summary"]["unchanged"] == 0
    assert "exists, unverified" in bench.run("plan").out
    assert bench.run("drift", "--format", "json").json["summary"]["unchanged"] == 0
    assert bench.apply().code == 0
    assert posts(bench) == 1
    assert verdicts(bench) == {"reachable": "ready", "authorized": "ready", "permissions": "ready"}


def test_what_cannot_be_changed_is_said_and_can_be_recorded_anew(bench: Bench) -> None:
    """A changed manifest that nobody can carry out must stop the run, and the way on must work."""
    on(bench, "cognigy")
    bench.manifests(endpoint())
    assert bench.apply().code == 0
    bench.environ["KEY_A"] = "sk-rotated-0123456789abcdef"
    moved = bench.plan().json
    [finding] = moved["diagnostics"]
    assert (finding["code"], finding["path"]) == ("PLAN008", "/spec/credentials/1/apiKey")
    assert finding["line"] == 9
    bench.manifests(endpoint(model="gpt-4.1"))
    assert codes(bench.plan().json) == ["PLAN008"]
    assert bench.apply().code == 3
    assert bench.run("ledger", "forget", "bots/Endpoint/one").code == 0
    recorded = bench.apply()
    assert recorded.code == 0, recorded.out
    [outcome] = recorded.json["outcomes"]
    assert outcome["status"] == "unchanged"
    assert "exists, unverified" in outcome["error"]
    assert codes(bench.plan().json) == ["PLAN007"]
    assert bench.call("GET", f"{PROVIDERS}/one", headers=COLLEAGUE)["defaultModel"] == "gpt-4o"


def test_a_lost_registration_makes_no_second_provider(bench: Bench) -> None:
    """Whoever sends it again unseen relies on a 409 that no contract promises for ever."""
    on(bench, "cognigy")
    bench.manifests(endpoint())
    bench.faults({"match": {"method": "POST", "path": PROVIDERS, "times": 1}, "do": {"drop": "after"}})
    lost = bench.apply()
    assert lost.code == 1
    assert lost.json["outcomes"][0]["status"] == "unknown"
    assert codes(bench.plan().json) == ["PLAN009"]
    assert bench.apply().code == 3
    assert posts(bench) == 1
    assert bench.run("ledger", "forget", "bots/Endpoint/one").code == 0
    assert bench.apply().code == 0
    assert len(bench.call("GET", PROVIDERS, headers=COLLEAGUE)["items"]) == 1


def test_a_completed_gateway_is_kept_in_step(bench: Bench) -> None:
    """Where it can be read, it is a gateway like any other: lost answers, drift, changes, removal."""
    on(bench, "cognigy", more=PATHS)
    bench.manifests(endpoint())
    bench.faults({"match": {"method": "POST", "path": PROVIDERS, "times": 1}, "do": {"drop": "after"}})
    assert bench.apply().code == 0
    assert posts(bench) == 1
    assert bench.apply().code == 0
    assert bench.plan().code == 0
    live = bench.call("GET", f"{PROVIDERS}/one", headers=COLLEAGUE)
    assert live["apiKeyRotation"]["keys"] == ["****aaaa", "****bbbb"]
    theirs = {**live, "timeoutMs": 1, "residency": "eu"}
    theirs["apiKeyRotation"] = {**live["apiKeyRotation"], "keys": ["sk-colleague-0123456789"]}
    bench.call("PUT", f"{PROVIDERS}/one", theirs, COLLEAGUE)
    assert bench.run("drift").code == 2
    assert bench.apply().code == 0
    repaired = bench.call("GET", f"{PROVIDERS}/one", headers=COLLEAGUE)
    assert (repaired["timeoutMs"], repaired["residency"]) == (15000, "eu")
    assert repaired["apiKeyRotation"]["keys"] == ["****aaaa", "****bbbb"]
    bench.manifests()
    assert bench.apply("--allow-empty", "--allow-last-endpoint").code == 0
    assert bench.call("GET", PROVIDERS, headers=COLLEAGUE)["items"] == []


def test_a_throttled_registration_is_looked_for_before_it_is_sent_again(bench: Bench) -> None:
    """Configuration calls are limited: a POST is repeated only where a read has shown that nothing is there."""
    on(bench, "cognigy", more=PATHS)
    bench.manifests(endpoint())
    refused = {"match": {"method": "POST", "path": PROVIDERS, "times": 1}, "do": {"status": 429, "retry_after": 0}}
    bench.faults(refused)
    assert bench.apply().code == 0
    made = [r["method"] for r in bench.requests()["last"] if r["path"].startswith(PROVIDERS)]
    assert made[:4] == ["GET", "POST", "GET", "POST"]
    on(bench, "cognigy")
    bench.call("POST", "/_embedded/reset")
    assert bench.run("ledger", "forget", "bots/Endpoint/one").code == 0
    bench.forget_requests()
    bench.faults(refused)
    assert bench.apply().code == 1
    assert posts(bench) == 1


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"keys": [{"pattern": "*", "answer": "rejected"}]}, "The credential was refused"),
        ({"permissions": ["llm-inference:read"]}, "The credential needs: llm-gateway:manage"),
    ],
    ids=["401", "403"],
)
def test_a_refused_key_is_named_with_what_it_needs(bench: Bench, faults: dict[str, Any], said: str) -> None:
    """Whoever reads the run must know which permission to ask for."""
    on(bench, "cognigy")
    bench.manifests(endpoint())
    bench.faults(**faults)
    failed = bench.apply()
    assert failed.code == 1
    assert said in failed.json["outcomes"][0]["error"]
    bench.faults()
    assert bench.apply().code == 0
    bench.faults(**faults)
    [outcome] = bench.run("verify", "--format", "json").json["outcomes"]
    rejected = next(check for check in outcome["checks"] if check["status"] == "rejected")
    assert rejected["name"] == "authorized"
    if "permissions" in faults:
        assert "it lacks: llm-gateway:manage, llm-inference:execute" in rejected["message"]


@pytest.mark.parametrize(("platform", "auth"), [("genesys", OAUTH), ("openai", BEARER)])
def test_what_is_only_watched_is_verified_and_never_written(bench: Bench, platform: str, auth: str) -> None:
    """An endpoint that nobody can configure must say so; then its checks are all that is asked for."""
    on(bench, platform, auth)
    bench.manifests(endpoint())
    refused = bench.run("validate", "--format", "json")
    assert refused.code != 0
    [finding] = [f for f in refused.json["diagnostics"] if f["code"] == "PLATFORM008"]
    assert "lifecycle: {manage: observe}" in finding["detail"]
    bench.manifests(endpoint(more=OBSERVE))
    del bench.environ["KEY_A"], bench.environ["KEY_B"]
    bench.faults(models=["gpt-4o"])
    planned = bench.plan()
    assert (planned.code, planned.json["changes"]) == (2, []), planned.err  # the gateway itself is to be recorded
    assert bench.apply().code == 0
    assert bench.plan().code == 0
    assert bench.run("drift").code == 0
    found = verdicts(bench)
    assert set(found.values()) == {"ready"}
    assert {"reachable", "authorized", "model"} <= set(found)
    bench.faults(models=["another"])
    assert verdicts(bench)["model"] == "rejected"
    assert bench.run("verify").code == 4


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        ({"status": 401}, {"reachable": "ready", "authorized": "rejected"}),
        ({"status": 403}, {"reachable": "ready", "authorized": "rejected"}),
        ({"status": 429}, {"reachable": "ready", "authorized": "unknown"}),
        ({"drop": "before"}, {"reachable": "unknown"}),
    ],
    ids=["401", "403", "429", "dropped"],
)
@pytest.mark.parametrize(("platform", "auth"), [("genesys", OAUTH), ("openai", BEARER)])
def test_a_bad_day_is_told_apart(
    bench: Bench, platform: str, auth: str, deed: dict[str, Any], expected: dict[str, str]
) -> None:
    """Not reached, not let in and not on offer are mended by three different people."""
    on(bench, platform, auth)
    bench.manifests(endpoint(more=OBSERVE))
    bench.faults(
        {"match": {"path": "/api/*"}, "do": deed},
        {"match": {"path": "/v1/*"}, "do": deed},
        {"match": {"path": "/health"}, "do": deed},
    )
    found = verdicts(bench)
    assert {name: found[name] for name in expected} == expected
    if "drop" in deed:
        assert list(found) == ["reachable"]


@pytest.mark.parametrize("platform", ["cognigy", "cxone", "genesys", "openai"])
def test_the_gateway_in_a_box_stands_in_for_every_platform(bench: Bench, platform: str) -> None:
    """Whoever tries the tool has no tenant yet."""
    auth = OAUTH if platform in {"cxone", "genesys"} else BEARER
    bench.write("manifests/gateway.yaml", GATEWAY.format(platform=platform, url="'embedded:'", auth=auth, more=""))
    limits = "  rateLimits: {requestsPerMinute: 1, concurrentConnections: 1, maxTokensPerRequest: 1}\n"
    more = {"cxone": limits, "cognigy": ""}.get(platform, OBSERVE)
    bench.manifests(endpoint(more=more, model="gpt-4o-mini"))
    applied = bench.apply()
    assert applied.code == 0, applied.out + applied.err
    assert set(verdicts(bench).values()) == {"ready"}
