"""Cognigy's REST API through the command line, from an empty project to an empty project, and from one made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from cognigy_bench import ID
from scenario_bench import Bench

KEY = {"X-API-Key": "a colleague's"}
GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec:
  platform: cognigy-rest
  url: {url}
  auth: {{header: {{name: X-API-Key, value: {{env: COGNIGY_KEY}}}}}}
  paths: {{project: /projects/{project}}}
"""
ENDPOINT = """\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: {name}}}
spec:
  provider: openai-compatible
  model: {model}
  credentials:
    - {{keyId: first, priority: 20, apiKey: {{env: KEY_A}}}}
    - {{keyId: second, priority: 10, apiKey: {{env: KEY_B}}}}
  options:
    baseCustomUrl: https://llm.example.com/v1
    default: true
    useCases: [knowledgeSearch, aiAgent]
  readiness: {{deadlineSeconds: 2}}
"""

CLAIMS = "    default: true\n    useCases: [knowledgeSearch, aiAgent]\n"
SECOND = "    - {keyId: second, priority: 10, apiKey: {env: KEY_B}}\n"


@pytest.fixture
def project(bench: Bench) -> Bench:
    """A checkout whose gateway is a project."""
    bench.write("manifests/gateway.yaml", GATEWAY.format(url=bench.url, project=ID))
    bench.environ["COGNIGY_KEY"] = "our-api-key-0123456789"
    return bench


def listed(bench: Bench, kind: str) -> dict[str, Any]:
    """What a colleague sees, by name."""
    items = bench.call("GET", f"/v2.0/{kind}?projectId={ID}&limit=100", headers=KEY)["items"]
    return {item["name"]: item for item in items}


def cases(bench: Bench) -> dict[str, Any]:
    """Use cases that point at a model."""
    found = bench.call("GET", f"/v2.0/projects/{ID}/settings", headers=KEY)["generativeAISettings"]["useCasesSettings"]
    return {name: said["largeLanguageModelId"] for name, said in found.items() if said["largeLanguageModelId"]}


@pytest.mark.slow
def test_from_nothing_to_nothing(project: Bench) -> None:
    """The whole life of an endpoint: made, quiet, edited by others, repaired, rotated, proven, removed."""
    bench = project
    bench.manifests(ENDPOINT.format(name="ep-one", model="qwen-3"))
    applied = bench.apply()
    assert applied.code == 0, applied.out + applied.err
    assert applied.json["residue"] == []
    models = listed(bench, "largelanguagemodels")
    assert set(models) == {"ep-one", "ep-one--fallback"}
    assert cases(bench) == dict.fromkeys(("aiAgent", "knowledgeSearch"), models["ep-one"]["referenceId"])
    assert bench.plan().code == 0

    changes = {"openAICompatible": {"customModel": "cheap", "baseCustomUrl": "https://llm.example.com/v1"}}
    bench.call("PATCH", f"/v2.0/largelanguagemodels/{models['ep-one']['_id']}", changes | {"fallbacks": []}, KEY)
    assert bench.run("drift").code == 2
    [drift] = bench.plan().json["changes"]
    assert {f["path"]: f["origin"] for f in drift["fields"]}["/spec/model"] == "drift"
    assert bench.apply().code == 0
    assert bench.run("drift").code == 0
    assert bench.plan().code == 0

    bench.environ["KEY_B"] = "sk-rotated-cccccccccccccccc"
    [rotation] = bench.plan().json["changes"]
    assert [(f["path"], f["origin"]) for f in rotation["fields"]] == [("/spec/credentials/second/apiKey", "secret")]
    rotated = bench.apply()
    assert rotated.code == 0, rotated.out
    assert {check["name"] for check in rotated.json["outcomes"][0]["checks"]} >= {
        "candidate key second credentials",
        "credentials",
        "fallback credentials",
    }
    assert set(listed(bench, "connections")) == {"ep-one--first", "ep-one--second"}
    assert bench.plan().code == 0

    bench.manifests()
    removed = bench.apply("--allow-empty", "--allow-last-endpoint")
    assert removed.code == 0, removed.out + removed.err
    assert (listed(bench, "largelanguagemodels"), listed(bench, "connections"), cases(bench)) == ({}, {}, {})


@pytest.mark.slow
def test_interrupted_runs_are_completed_by_the_next(project: Bench) -> None:
    """Each stage of a life breaks off in the middle; the ledger, the plan and the project have to agree afterwards."""
    bench = project
    full, other = (ENDPOINT.format(name=name, model="qwen-3") for name in ("ep-one", "two"))
    other = other.replace(CLAIMS, "")
    lean = other.replace(SECOND, "")
    bench.faults({"match": {"method": "PATCH", "path": "*/settings"}, "do": {"status": 400}})
    bench.manifests(full, other)
    assert bench.apply().code != 0
    assert "ep-one--new" in listed(bench, "largelanguagemodels")
    bench.faults()
    assert bench.apply().code == 0
    assert bench.plan().code == 0
    assert "ep-one--new" not in listed(bench, "largelanguagemodels")

    bench.faults({"match": {"method": "DELETE", "path": "*/connections/*"}, "do": {"status": 400}})
    bench.manifests(full, lean)
    assert bench.apply().code != 0
    assert "two--second" in listed(bench, "connections")
    bench.faults()
    assert bench.apply().code == 0
    assert not {name for name in listed(bench, "connections") if "candidate" in name or name == "two--second"}

    bench.faults({"match": {"method": "DELETE", "path": "*/connections/*"}, "do": {"status": 400}})
    bench.manifests(lean)
    assert bench.apply().code != 0
    assert "ep-one--gone" in listed(bench, "largelanguagemodels")
    bench.faults()
    assert bench.plan().json["summary"]["delete"] == 1
    applied = bench.apply()
    assert applied.code == 0, applied.out + applied.err
    assert bench.plan().code == 0
    assert set(listed(bench, "largelanguagemodels")) == {"two"}
    assert set(listed(bench, "connections")) == {"two--first"}


@pytest.mark.slow
def test_a_bad_key_never_reaches_the_live_model(project: Bench) -> None:
    """The candidate beside it fails its test, is gone afterwards, and the model still has the key that works."""
    bench = project
    bench.manifests(ENDPOINT.format(name="ep-one", model="qwen-3"))
    assert bench.apply().code == 0
    bench.faults(keys=[{"pattern": "sk-bad*", "answer": "rejected"}])
    bench.environ["KEY_A"] = "sk-bad-0123456789abcdef"
    failed = bench.apply()
    assert failed.code != 0
    assert "the live object is untouched" in failed.json["outcomes"][0]["error"]
    assert set(listed(bench, "connections")) == {"ep-one--first", "ep-one--second"}
    model = listed(bench, "largelanguagemodels")["ep-one"]
    tested = bench.call("POST", f"/v2.0/largelanguagemodels/{model['_id']}/test", headers=KEY)
    assert tested["isCredentialsValid"] is True


@pytest.mark.slow
def test_a_project_made_by_hand_is_taken_over(project: Bench) -> None:
    """Import, then plan, is empty: Connections that several models share, names that are no names, and all."""
    bench = project
    made = {"projectId": ID, "name": "My OpenAI", "type": "OpenAIProvider", "extension": "x", "fields": {"apiKey": "k"}}
    reference = bench.call("POST", "/v2.0/connections", made, KEY)["referenceId"]
    model = {"projectId": ID, "provider": "openAI", "connectionId": reference}
    for name, kind, options in (
        ("GPT 4 Prod", "gpt-4o", {}),
        ("cheap", "gpt-4o-mini", {}),
        ("tuned", "custom-model", {"customModel": "ft:gpt-4o:acme"}),
    ):
        body = {**model, "name": name, "modelType": kind, "openAI": options, "isDefault": name == "cheap"}
        bench.call("POST", "/v2.0/largelanguagemodels", body, KEY)
    strange = {**model, "name": "vertex", "modelType": "gemini", "provider": "googleVertexAI", "googleVertexAI": {}}
    bench.call("POST", "/v2.0/largelanguagemodels", strange, KEY)
    bench.forget_requests()

    imported = bench.run("import", "--format", "json")
    assert imported.code == 0, imported.out + imported.err
    assert {item["address"] for item in imported.json["imported"]} == {
        f"prod/Endpoint/{name}" for name in ("gpt-4-prod", "cheap", "tuned")
    }
    assert "ADOPT002" in {finding["code"] for finding in imported.json["diagnostics"]}
    plan = bench.plan()
    assert plan.code == 0, plan.out + plan.err
    assert plan.json["summary"]["unchanged"] == 3
    assert {request["method"] for request in bench.requests()["last"]} == {"GET"}
    assert bench.run("validate").code == 0
