"""Objects that live and are declared become ours without a write; drift flows back into the manifests."""

from __future__ import annotations

from scenario_bench import Bench, endpoint, webhook

ADDRESS = "prod/Endpoint/one"
LIMITS = {"requestsPerMinute": 600, "concurrentConnections": 5, "maxTokensPerRequest": 8000}


def by_hand(bench: Bench, endpoint_id: str, /, **more: object) -> None:
    """An endpoint that equals the one that `endpoint` declares, unless told otherwise."""
    body = {
        "name": f"shown-{endpoint_id}",
        "provider": "openai",
        "model": "gpt-4-turbo",
        "credentials": [{"keyId": "key-1", "apiKey": "sk-by-hand-0123456789", "priority": 1}],
        "rateLimits": LIMITS,
        "fallbackStrategy": "failover",
        **more,
    }
    bench.call("PUT", f"/api/v1/llm/gateway/endpoints/{endpoint_id}", body, bench.token())


def adopt(bench: Bench, *arguments: str) -> int:
    """Adopt without being asked."""
    done = bench.run("adopt", "--auto-approve", *arguments)
    print(done.out, done.err)  # noqa: T201 - shown where a test fails
    return done.code


def test_what_equals_its_manifest_is_adopted_without_a_write(bench: Bench) -> None:
    """A team that lost its ledger must not have to rotate every key to get its fleet back."""
    bench.manifests(endpoint("one"), webhook("costs"))
    assert bench.apply().code == 0
    (bench.root / ".reconciler" / "ledger.sqlite").unlink()
    assert bench.plan().code == 3
    bench.forget_requests()
    done = bench.run("adopt", ADDRESS, "prod/Webhook/costs", "--auto-approve", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["adopted"] == [ADDRESS, "prod/Webhook/costs"]
    assert {r["method"] for r in bench.requests()["last"] if "token" not in r["path"]} == {"GET"}
    plan = bench.plan()
    assert (plan.code, plan.json["changes"]) == (0, [])
    again = bench.run("adopt", ADDRESS, "--format", "json")
    assert (again.code, again.json["unchanged"]) == (0, [ADDRESS])
    assert bench.run("audit", "verify").code == 0
    assert "adopt" in bench.run("history", "--format", "json").out


def test_what_is_not_there_is_refused(bench: Bench) -> None:
    """Adopting says "this is it": there has to be something."""
    bench.manifests(endpoint("one"), endpoint("two"))
    by_hand(bench, "one", model="gpt-4o")
    assert adopt(bench, "prod/Endpoint/two") == 3
    assert adopt(bench, "prod/Endpoint/three") == 3
    assert adopt(bench, "dev/Endpoint/three") == 64
    assert adopt(bench, "nonsense") == 64
    assert bench.run("adopt", ADDRESS, "--from-live").code == 3, "nobody was asked"
    assert bench.run("ledger", "list", "--format", "json").json["entries"] == []


def test_what_differs_is_taken_over_and_the_next_plan_shows_the_update(bench: Bench) -> None:
    """Adopt sent to apply, and apply sent back to adopt: one of them has to begin."""
    ignoring = "lifecycle: {ignore: [/spec/rateLimits/requestsPerMinute]}\n"
    bench.manifests(endpoint("one", more=ignoring))
    by_hand(bench, "one", model="gpt-4o", rateLimits={**LIMITS, "requestsPerMinute": 999})
    refused = bench.plan()
    assert "reconciler adopt prod/Endpoint/one" in refused.json["diagnostics"][0]["detail"]
    bench.forget_requests()
    done = bench.run("adopt", ADDRESS, "--auto-approve", "--format", "json")
    assert (done.code, done.json["adopted"], done.json["differing"]) == (0, [ADDRESS], {ADDRESS: ["/spec/model"]})
    assert {r["method"] for r in bench.requests()["last"] if "token" not in r["path"]} == {"GET"}
    plan = bench.plan()
    (change,) = plan.json["changes"]
    assert (plan.code, change["action"], plan.json["drift"]) == (2, "update", [])
    assert {field["path"]: field["origin"] for field in change["fields"]} == {
        "/spec/model": "config",
        "/spec/credentials/key-1/apiKey": "takeover",
    }
    again = bench.run("adopt", ADDRESS, "--auto-approve", "--format", "json")
    assert (again.code, again.json["unchanged"]) == (0, [ADDRESS])
    assert bench.apply().code == 0
    live = bench.endpoints()["one"]
    assert (live["model"], live["rateLimits"]["requestsPerMinute"]) == ("gpt-4-turbo", 999)
    assert bench.plan().json["changes"] == []


MANIFEST = """\
# The fleet.  Mind the   blanks.
apiVersion: reconciler/v1\r
kind: Endpoint
metadata: {name: one}   # ours
spec:
  displayName: 'shown-one'  # in the console
  provider: openai
  model: "gpt-4-turbo"    # reviewed
  # the keys
  credentials:
    - {keyId: key-1,  priority: 1, apiKey: {env: KEY_A}}   # main
  rateLimits: {requestsPerMinute: 600,concurrentConnections: 5,   maxTokensPerRequest: 8000}
lifecycle: {protect: true}
---
# second
apiVersion: reconciler/v1
kind: Webhook
metadata: {name: costs}
spec:
  url: https://hooks.example.com/costs
  events:
    - endpoint.created   # first
    - endpoint.updated   # second
  secret: {env: HOOK_SECRET}
# the end, without a newline"""


def test_only_the_lines_that_drifted_change(bench: Bench) -> None:
    """A tool that reformats a file on the way hides the one line that matters, and loses its owner's trust."""
    path = bench.write("manifests/fleet.yaml", "")
    path.write_bytes(MANIFEST.encode())
    assert bench.apply().code == 0
    moved = {"name": "it's me", "rateLimits": {**LIMITS, "concurrentConnections": 7}}
    by_hand(bench, "one", model="gpt-4o: #1", **moved)
    (hook,) = bench.call("GET", "/api/v1/llm/gateway/webhooks", headers=bench.token())["items"]
    heard = {**hook, "events": ["endpoint.updated", "endpoint.rateLimited"], "secret": "x"}
    bench.call("PUT", f"/api/v1/llm/gateway/webhooks/{hook['id']}", heard, bench.token())

    done = bench.run("adopt", "--from-live", "--auto-approve", ADDRESS, "prod/Webhook/costs", "--format", "json")
    assert done.code == 1, "a model with a blank is none in the language"
    assert path.read_bytes() == MANIFEST.encode()
    by_hand(bench, "one", model="gpt-4o", **moved)
    done = bench.run("adopt", "--from-live", "--auto-approve", ADDRESS, "prod/Webhook/costs", "--format", "json")
    assert done.code == 0, done.err
    expected = (
        MANIFEST.replace("'shown-one'", "'it''s me'")
        .replace('"gpt-4-turbo"', '"gpt-4o"')
        .replace("concurrentConnections: 5", "concurrentConnections: 7")
        .replace("    - endpoint.created   # first\n", "")
        .replace("# second\n  secret", "# second\n    - endpoint.rateLimited\n  secret")
    )
    assert path.read_bytes() == expected.encode()
    plan = bench.plan()
    changed = [(c["address"], [f["path"] for f in c["fields"]]) for c in plan.json["changes"]]
    assert changed == [(ADDRESS, ["/spec/credentials/key-1/apiKey"])], "the colleague's key is theirs: still drift"


PART = """\
apiVersion: reconciler/v1
kind: RateLimit
metadata: {name: standard}
spec: {requestsPerMinute: 600, concurrentConnections: 5, maxTokensPerRequest: 8000}  # agreed
"""


def sharing(name: str) -> str:
    """An endpoint that takes its limits from the part."""
    return endpoint(name).replace(
        "rateLimits: {requestsPerMinute: 600, concurrentConnections: 5, maxTokensPerRequest: 8000}",
        "rateLimits: standard",
    )


def test_a_shared_part_changes_only_if_all_that_share_it_drifted(bench: Bench) -> None:
    """Writing one endpoint's drift into a part of five would change four that nobody touched."""
    bench.manifests(sharing("one"), sharing("two"))
    part = bench.write("manifests/limits.yaml", PART)
    assert bench.apply().code == 0
    bench.edit("one", rateLimits={**LIMITS, "requestsPerMinute": 9})
    refused = bench.run("adopt", "--from-live", "--auto-approve", ADDRESS, "--format", "json")
    assert refused.code == 3
    (finding,) = refused.json["diagnostics"]
    assert (finding["code"], finding["address"]) == ("ADOPT008", "prod/Endpoint/two")
    assert part.read_text() == PART
    bench.edit("two", rateLimits={**LIMITS, "requestsPerMinute": 9})
    assert adopt(bench, "--from-live", ADDRESS) == 0
    assert part.read_text() == PART.replace("600", "9")
    fields = [f["path"] for c in bench.plan().json["changes"] for f in c["fields"]]
    assert all(path.endswith("apiKey") for path in fields)


PATCH = """\
apiVersion: reconciler/v1
kind: Patch
metadata: {name: slower}
spec:
  target: {kind: Endpoint, name: one}
  merge:
    spec:
      rateLimits: {requestsPerMinute: 50}
"""


def test_what_a_patch_says_is_changed_in_the_patch(bench: Bench) -> None:
    """Changed in the document, the patch would put the old value back over it."""
    bench.manifests(endpoint("one"))
    patch = bench.write("manifests/patch.yaml", PATCH)
    assert bench.apply().code == 0
    before = (bench.root / "manifests/fleet.yaml").read_bytes()
    bench.edit("one", rateLimits={**LIMITS, "requestsPerMinute": 51})
    assert adopt(bench, "--from-live", ADDRESS) == 0
    assert patch.read_text() == PATCH.replace("50", "51")
    assert (bench.root / "manifests/fleet.yaml").read_bytes() == before


def test_a_credential_that_was_added_by_hand_gets_a_reference_to_fill_in(bench: Bench) -> None:
    """The key itself cannot be read; its place can be kept, and the plan stays empty."""
    bench.manifests(endpoint("one"))
    keys = [
        {"keyId": "key-9", "apiKey": "sk-added-by-hand-01234", "priority": 9},
        {"keyId": "key-1", "apiKey": bench.environ["KEY_A"], "priority": 1},
    ]
    by_hand(bench, "one", credentials=keys)
    assert adopt(bench, "--from-live", ADDRESS) == 0
    text = (bench.root / "manifests/fleet.yaml").read_text()
    assert "    - {keyId: key-9, priority: 9, apiKey: {env: PROD_ONE_KEY_9}}\n" in text
    plan = bench.plan()
    assert (plan.code, plan.json["changes"]) == (0, []), plan.out
    by_hand(bench, "one", credentials=keys[:1])
    assert adopt(bench, "--from-live", ADDRESS) == 0
    assert "key-1" not in (bench.root / "manifests/fleet.yaml").read_text()
    assert bench.plan().code == 0


def test_an_imported_fleet_survives_the_loss_of_its_ledger(bench: Bench) -> None:
    """Ids that are no names stand in the manifests, not in the ledger alone."""
    by_hand(bench, "EP_One")
    hook = {"name": "Costs", "events": ["endpoint.created"], "secret": "by-hand"}
    for n in (1, 2):
        made = {**hook, "url": f"https://hooks.example.com/{n}"}
        bench.call("POST", "/api/v1/llm/gateway/webhooks", made, bench.token())
    imported = bench.run("import", "--format", "json").json["imported"]
    (bench.root / ".reconciler" / "ledger.sqlite").unlink()
    addresses = [item["address"] for item in imported]
    assert addresses == ["prod/Endpoint/ep-one", "prod/Webhook/costs", "prod/Webhook/costs-2"]
    assert adopt(bench, *addresses) == 0
    plan = bench.plan()
    assert (plan.code, plan.json["summary"]["unchanged"]) == (0, 3), plan.out


def test_what_is_gone_is_made_again_under_its_own_id(bench: Bench) -> None:
    """Bots call an endpoint by its id: made again under another one, it would be there and not be found."""
    by_hand(bench, "EP_One")
    assert bench.run("import").code == 0
    bench.environ["PROD_EP_ONE_KEY_1"] = "sk-filled-in-0123456789"
    bench.call("DELETE", "/api/v1/llm/gateway/endpoints/EP_One", headers=bench.token())
    [change] = bench.plan().json["changes"]
    assert (change["action"], change["address"]) == ("create", "prod/Endpoint/ep-one")
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"EP_One"}
    assert bench.plan().code == 0


def test_the_diff_is_shown_before_anybody_agrees(bench: Bench) -> None:
    """Nobody can approve a change of files that they have not seen."""
    bench.manifests(endpoint("one"))
    by_hand(bench, "one", model="gpt-4o")
    shown = bench.run("adopt", "--from-live", "--auto-approve", ADDRESS).out
    assert "-  model: gpt-4-turbo" in shown
    assert "+  model: gpt-4o" in shown
    assert "displayName" not in shown
