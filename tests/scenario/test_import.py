"""A gateway that others filled by hand becomes manifests, and the next plan is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenario_bench import Bench, endpoint

ENDPOINTS = "/api/v1/llm/gateway/endpoints/"
WEBHOOKS = "/api/v1/llm/gateway/webhooks"


def body(name: str, *, key: str = "sk-by-hand-0123456789abcd", rpm: int = 600, **more: Any) -> dict[str, Any]:
    """An endpoint as somebody made it in a console."""
    return {
        "name": name,
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": [
            {"keyId": "key-1", "apiKey": key, "priority": 2},
            {"keyId": "key-2", "apiKey": key[::-1], "priority": 1},
        ],
        "rateLimits": {"requestsPerMinute": rpm, "concurrentConnections": 5, "maxTokensPerRequest": 8000},
        "fallbackStrategy": "failover",
        **more,
    }


def put(bench: Bench, endpoint_id: str, made: Mapping[str, Any], token: Mapping[str, str] | None = None) -> None:
    """Store it, as a colleague would."""
    bench.call("PUT", ENDPOINTS + endpoint_id, made, token or bench.token())


def hook(bench: Bench, name: str, url: str) -> None:
    """Make a webhook by hand."""
    made = {"name": name, "url": url, "events": ["endpoint.updated", "endpoint.created"], "secret": "by-hand"}
    bench.call("POST", WEBHOOKS, made, bench.token())


def writes(bench: Bench) -> list[str]:
    """Requests that changed something since they were last forgotten."""
    return [r["path"] for r in bench.requests()["last"] if r["method"] != "GET" and "token" not in r["path"]]


def test_five_hundred_objects_are_taken_over_in_one_command_each(bench: Bench) -> None:
    """The line to keep: import, then plan, is empty, without a secret set and without a write to the gateway."""
    token = bench.token()
    for n in range(480):
        key = f"sk-of-team-{n % 7}-0123456789"
        put(bench, f"ep-{n:03}", body(f"shown {n}", key=key, rpm=100 + n % 3), token)
    for n in range(20):
        hook(bench, f"hook-{n}", f"https://hooks.example.com/{n}")
    bench.forget_requests()

    imported = bench.run("import", "--format", "json")
    assert imported.code == 0, imported.out + imported.err
    assert len(imported.json["imported"]) == 500
    assert imported.json["recorded"]

    plan = bench.plan()
    assert plan.code == 0, plan.out + plan.err
    assert plan.json["changes"] == []
    assert plan.json["drift"] == []
    assert plan.json["summary"]["unchanged"] == 500
    assert plan.json["summary"]["unmanaged"] == 0
    assert {d["code"] for d in plan.json["diagnostics"]} == {"ADOPT001", "PLAN006"}
    assert writes(bench) == []

    files = {path.name for path in (bench.root / "manifests").glob("prod-*.yaml")}
    assert files == {
        "prod-endpoints.yaml",
        *(f"prod-endpoints-{n:02}.yaml" for n in range(2, 6)),
        "prod-limits.yaml",
        "prod-credentials.yaml",
        "prod-webhooks.yaml",
    }
    assert (bench.root / "manifests/prod-limits.yaml").read_text().count("kind: RateLimit") == 3


HOSTILE = [
    "0012345",
    "no",
    "1e3",
    "~",
    "Ünïcode Ärger",
    "a: b # c",
    "{x}",
    "- dash",
    "tab\there",
    "line\nbreak",
    "'\"",
    "😀",
    "\u2028",
]


def test_hostile_names_stay_what_they_are(bench: Bench) -> None:
    """A name that YAML would take for a number, or that is no name at all, must not become another object."""
    for n, name in enumerate(HOSTILE):
        put(bench, f"ep-{n}", body(name, key=f"sk-{n:020}", model="0x1F"))
    for endpoint_id in ("EP_Prod.1", "ep-prod-1", "Ep-Prod-1", "-x-", "0012345", "no", "a%20b", "%C3%BC"):
        put(bench, endpoint_id, body(f"shown {endpoint_id}"))
    imported = bench.run("import", "--format", "json")
    assert imported.code == 0, imported.out + imported.err
    ids = {item["remote_id"]: item["address"] for item in imported.json["imported"]}
    assert ids["ep-prod-1"] == "prod/Endpoint/ep-prod-1"
    assert {ids["EP_Prod.1"], ids["Ep-Prod-1"]} == {"prod/Endpoint/ep-prod-1-2", "prod/Endpoint/ep-prod-1-3"}
    assert set(ids) >= {"a b", "ü", "-x-", "0012345", "no"}
    plan = bench.plan()
    assert plan.code == 0, plan.out + plan.err
    assert plan.json["summary"]["unchanged"] == len(HOSTILE) + 8


def test_two_webhooks_of_one_name_are_two_manifests(bench: Bench) -> None:
    """The gateway allows it; mixing them up would point one team's events at another's receiver."""
    for n in (1, 2):
        hook(bench, "Costs", f"https://hooks.example.com/{n}")
        hook(bench, "quality", f"https://hooks.example.com/{n}")
    assert bench.run("import").code == 0
    plan = bench.plan()
    assert (plan.code, plan.json["summary"]["unchanged"]) == (0, 4), plan.out
    bench.environ["PROD_QUALITY_2_SECRET"] = "now it is set"
    text = bench.root / "manifests/prod-webhooks.yaml"
    assert text.read_text().count("displayName: quality") == 1
    text.write_text(text.read_text().replace("https://hooks.example.com/2", "https://hooks.example.com/two"))
    (bench.root / ".reconciler" / "ledger.sqlite").unlink()
    lost = bench.plan()
    assert lost.code in {1, 3}, "without a ledger, what fits two objects or none is never guessed"


def test_fields_of_the_server_survive_the_import(bench: Bench) -> None:
    """What the language does not know stays on the gateway, and shows in no plan."""
    put(bench, "ep-1", body("one", residency="eu-only"))
    assert bench.run("import").code == 0
    assert bench.plan().code == 0
    bench.environ |= {"PROD_EP_1_KEY_1": "sk-1-0123456789abcdef", "PROD_EP_1_KEY_2": "sk-2-0123456789abcdef"}
    path = bench.root / "manifests/prod-endpoints.yaml"
    path.write_text(path.read_text().replace("requestsPerMinute: 600", "requestsPerMinute: 700"))
    [change] = bench.plan().json["changes"]
    assert {f["path"]: f["origin"] for f in change["fields"]} == {
        "/spec/rateLimits/requestsPerMinute": "config",
        "/spec/credentials/key-1/apiKey": "takeover",
        "/spec/credentials/key-2/apiKey": "takeover",
    }, "a write replaces the object with its secrets, and the plan must say so"
    assert bench.apply().code == 0
    live = bench.endpoints()["ep-1"]
    assert (live["residency"], live["rateLimits"]["requestsPerMinute"]) == ("eu-only", 700)
    after = bench.plan()
    assert (after.code, after.json["diagnostics"]) == (0, [])


def test_a_write_without_its_secret_is_refused(bench: Bench) -> None:
    """Taken over without secrets is fine; writing half an object is not."""
    put(bench, "ep-1", body("one"))
    assert bench.run("import").code == 0
    path = bench.root / "manifests/prod-endpoints.yaml"
    path.write_text(path.read_text().replace("gpt-4o", "gpt-4-turbo"))
    refused = bench.plan()
    assert refused.code == 3
    assert {d["code"] for d in refused.json["diagnostics"] if d["severity"] == "error"} == {"SECRET001"}
    assert bench.apply().code == 3
    assert bench.endpoints()["ep-1"]["model"] == "gpt-4o"


def test_what_is_declared_or_owned_or_not_asked_for_is_left_out(bench: Bench) -> None:
    """Importing twice, or beside what is managed already, must not declare anything twice."""
    bench.manifests(endpoint("mine"))
    assert bench.apply().code == 0
    for name in ("one", "two", "other"):
        put(bench, f"ep-{name}", body(name))
    hook(bench, "hook", "https://hooks.example.com/1")
    assert bench.run("import", "--only", "Endpoint/ep-t*", "--format", "json").json["imported"] == [
        {"address": "prod/Endpoint/ep-two", "remote_id": "ep-two"}
    ]
    first = (bench.root / "manifests/prod-endpoints.yaml").read_bytes()
    rest = bench.run("import", "--format", "json")
    assert [item["remote_id"] for item in rest.json["imported"]][:2] == ["ep-one", "ep-other"]
    assert len(rest.json["imported"]) == 3
    assert (bench.root / "manifests/prod-endpoints.yaml").read_bytes() == first
    assert bench.plan().json["summary"]["unchanged"] == 5
    assert bench.run("import", "--only", "Endpiont/*").code == 64, "a typing error must not read as an empty gateway"
    nothing = bench.run("import")
    assert nothing.code == 0
    assert "Nothing to import" in nothing.out


def test_what_the_language_cannot_say_is_left_out_and_said(bench: Bench) -> None:
    """An import that bends a value to make it fit would change the gateway with the next apply."""
    put(bench, "ep-1", body("one", model="a model with spaces"))
    put(bench, "ep-2", body("two"))
    hook(bench, "clear", "http://hooks.example.com/in-clear")
    found = bench.run("import", "--format", "json")
    assert found.code == 0
    assert [item["remote_id"] for item in found.json["imported"]] == ["ep-2"]
    assert [d["code"] for d in found.json["diagnostics"]] == ["ADOPT002", "ADOPT002"]
    assert bench.plan().json["summary"]["unmanaged"] == 2


def test_files_elsewhere_are_not_overwritten_and_own_nothing(bench: Bench) -> None:
    """The ledger must never own what no plan finds declared: the next apply would delete it."""
    put(bench, "ep-1", body("one"))
    first = bench.run("import", "-o", "imported", "--format", "json")
    assert first.code == 0
    assert not first.json["recorded"]
    assert bench.plan().json["changes"] == []
    edited = bench.write("imported/prod-endpoints.yaml", "# mine now\n")
    refused = bench.run("import", "-o", "imported")
    assert refused.code == 3
    assert edited.read_text() == "# mine now\n"
    assert bench.run("import", "-o", "imported", "--force").code == 0
    assert "kind: Endpoint" in edited.read_text()
    again = edited.read_text()
    assert bench.run("import", "-o", "imported", "--force").code == 0
    assert edited.read_text() == again, "names must not move because the files of last time have them"
    assert bench.run("import", "-o", "../elsewhere").code == 64


def test_no_secret_is_written_anywhere(bench: Bench) -> None:
    """References are named, with a place to fill them in; neither values nor masks reach a file."""
    put(bench, "ep-1", body("one"))
    assert bench.run("import").code == 0
    example = (bench.root / "manifests/.env.example").read_text()
    assert "PROD_EP_1_KEY_1=\n" in example
    for path in (bench.root / "manifests").iterdir():
        assert "****" not in path.read_text()
        assert "abcd" not in path.read_text()


def test_nothing_that_looks_finds_anything_after_an_import(bench: Bench) -> None:
    """Every job of a pipeline must be quiet from the first night on, with no secret set."""
    put(bench, "EP 1".replace(" ", "_"), body("one"))
    hook(bench, "Costs", "https://hooks.example.com/1")
    assert bench.run("import").code == 0
    bench.forget_requests()
    assert bench.run("drift").code == 0
    assert bench.run("validate").code == 0
    assert bench.run("verify").code == 0
    assert bench.apply().json["outcomes"] == []
    assert [path for path in writes(bench) if "validate" not in path] == []
    assert bench.run("history", "--format", "json").out.count('"status": "ok"') == 1


def test_several_gateways_are_imported_side_by_side(bench: Bench) -> None:
    """Each document says where it belongs, and no variable of one gateway is another's."""
    second = (bench.root / "manifests/gateway.yaml").read_text().replace("name: prod, labels: {env: prod}", "name: dev")
    bench.write("manifests/dev.yaml", second)
    put(bench, "ep-1", body("one"))
    put(bench, "ep-2", body("two"))
    only = bench.run("import", "-g", "dev", "--only", "endpoint/ep-1", "--format", "json")
    assert [item["address"] for item in only.json["imported"]] == ["dev/Endpoint/ep-1"]
    both = bench.run("import", "--format", "json")
    assert both.code == 0, both.err
    assert {item["address"] for item in both.json["imported"]} == {
        "dev/Endpoint/ep-2",
        "prod/Endpoint/ep-1",
        "prod/Endpoint/ep-2",
    }
    names = [item["variable"] for item in both.json["secrets"]]
    assert len(names) == len(set(names))
    plan = bench.plan()
    assert (plan.code, plan.json["summary"]["unchanged"]) == (0, 4), plan.out
    example = (bench.root / "manifests/.env.example").read_text()
    assert example.count("DEV_EP_1_KEY_1=") == 1
    assert example.count("PROD_") >= 1


def test_a_gateway_that_cannot_be_read_imports_nothing(bench: Bench) -> None:
    """Half a fleet in Git looks like a whole one."""
    put(bench, "ep-1", body("one"))
    bench.faults({"match": {"method": "GET", "path": "/api/v1/llm/gateway/endpoints"}, "do": {"status": 403}})
    failed = bench.run("import")
    assert failed.code == 1, failed.out
    assert not (bench.root / "manifests/prod-endpoints.yaml").exists()


def test_manifests_only_leaves_the_ledger_to_a_later_adoption(bench: Bench) -> None:
    """With a shared ledger, ownership waits until the manifests are merged."""
    put(bench, "ep-1", body("one"))
    hook(bench, "Costs", "https://hooks.example.com/1")
    done = bench.run("import", "--manifests-only", "--format", "json")
    assert (done.code, done.json["recorded"]) == (0, False)
    assert bench.run("ledger", "list", "--format", "json").json["entries"] == []
    addresses = [item["address"] for item in done.json["imported"]]
    assert bench.run("plan").code == 1, "without a ledger the objects would be written, and their secrets are not set"
    assert bench.run("adopt", *addresses, "--auto-approve").code == 0
    assert bench.plan().code == 0


def test_force_does_not_drop_what_is_declared(bench: Bench) -> None:
    """An overwritten file takes its documents along, and the next plan would delete their objects."""
    put(bench, "ep-1", body("one"))
    assert bench.run("import").code == 0
    put(bench, "ep-2", body("two"))
    refused = bench.run("import", "--force", "--format", "json")
    assert refused.code == 3
    assert "prod/Endpoint/ep-1" in refused.json["diagnostics"][0]["detail"]
    assert "ep-2" not in (bench.root / "manifests/prod-endpoints.yaml").read_text()
