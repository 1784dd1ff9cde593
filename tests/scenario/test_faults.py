"""What a gateway does wrong, and what must come of it."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_bench import Bench, endpoint, webhook

ENDPOINT = "/api/v1/llm/gateway/endpoints/*"
VALIDATE = "/api/v1/llm/gateway/endpoints/*/validate"
WEBHOOKS = "/api/v1/llm/gateway/webhooks"


def rule(method: str, path: str, do: dict[str, Any], **match: Any) -> dict[str, Any]:
    """One fault: what it meets and what it does."""
    return {"match": {"method": method, "path": path, **match}, "do": do}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_never_makes_two(bench: Bench, when: str) -> None:
    """A connection that breaks during a POST leaves a doubt, and a doubt must not become a second webhook."""
    bench.manifests(endpoint("one"), webhook("costs"))
    bench.faults(
        rule("POST", WEBHOOKS, {"drop": when}, times=1),
        rule("PUT", ENDPOINT, {"drop": when}, times=1),
    )
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    listed = bench.call("GET", WEBHOOKS, headers=bench.token())["items"]
    assert [hook["name"] for hook in listed] == ["costs"]
    assert set(bench.endpoints()) == {"one"}
    assert bench.plan().code == 0


def test_a_storm_of_429_is_waited_out(bench: Bench) -> None:
    """A throttled run takes longer; it does not fail and it does not hammer."""
    bench.manifests(*(endpoint(f"ep-{n}") for n in range(6)))
    bench.faults(rule("PUT", ENDPOINT, {"status": 429, "retry_after": 1}, times=3))
    run = bench.apply("--no-verify")
    assert run.code == 0, run.out + run.err
    assert bench.plan().code == 0


def test_a_validation_that_fails_leaves_the_live_endpoint_untouched(bench: Bench) -> None:
    """A bad key proven beside the live endpoint must never get to serve a customer."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    before = bench.endpoints()
    bench.environ["KEY_A"] = "sk-rejected-0123456789"
    bench.faults(keys=[{"pattern": "sk-rejected*", "answer": "rejected"}])
    run = bench.apply()
    assert run.code == 4, run.out + run.err
    assert bench.endpoints() == before
    [outcome] = run.json["outcomes"]
    assert outcome["status"] == "failed"
    assert any(check["status"] == "rejected" for check in outcome["checks"])


def test_a_change_in_place_that_fails_is_put_back(bench: Bench) -> None:
    """With `rollback` the gateway ends as it began, and the run says so."""
    more = "  rollout: in-place\n"
    bench.manifests(endpoint("one", rpm=600, more=more))
    assert bench.apply().code == 0
    bench.manifests(endpoint("one", rpm=601, more=more))
    bench.faults(rule("POST", VALIDATE, {"validate": {"providerReachable": False}}))
    run = bench.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert run.json["outcomes"][0]["status"] == "rolled_back"
    assert bench.endpoints()["one"]["rateLimits"]["requestsPerMinute"] == 600


def test_a_creation_that_fails_is_taken_back(bench: Bench) -> None:
    """An endpoint that never worked must not be left behind when rollback was asked for."""
    bench.manifests(endpoint("one"))
    bench.faults(rule("POST", VALIDATE, {"validate": {"providerReachable": False}}))
    run = bench.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert bench.endpoints() == {}


def test_slow_health_is_waited_for(bench: Bench) -> None:
    """An endpoint that needs a moment is not a failed one."""
    bench.manifests(endpoint("one"))
    bench.faults(rule("POST", VALIDATE, {"validate": {"providerReachable": False}}, times=2))
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    assert bench.plan().code == 0


def test_a_doubt_while_validating_is_never_a_rejection(bench: Bench) -> None:
    """A gateway that answers 503 has said nothing about the key, so nothing may be rolled back."""
    bench.manifests(endpoint("one"))
    bench.faults(rule("POST", VALIDATE, {"status": 503}))
    run = bench.apply("--on-failure", "rollback", "--timeout", "60")
    assert run.code == 4, run.out + run.err
    [outcome] = run.json["outcomes"]
    assert outcome["status"] == "applied"
    assert {check["status"] for check in outcome["checks"]} == {"unknown"}
    assert set(bench.endpoints()) == {"one"}


def test_a_colleague_who_writes_in_between_is_not_overwritten(bench: Bench) -> None:
    """The approved change was about another world: it must fail with the new difference, not clobber."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("one", rpm=700))
    assert bench.run("plan", "--out", "plan.json").code == 0
    bench.edit("one", rateLimits={"requestsPerMinute": 5, "concurrentConnections": 5, "maxTokensPerRequest": 8000})
    run = bench.apply("plan.json")
    assert run.code == 3, run.out + run.err
    assert bench.endpoints()["one"]["rateLimits"]["requestsPerMinute"] == 5


def test_a_gateway_that_cannot_be_read_makes_the_plan_incomplete(bench: Bench) -> None:
    """Absence that nobody could see proves nothing: no plan from it may ever delete or create."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.faults(rule("GET", "/api/v1/llm/gateway/endpoints", {"status": 500}))
    planned = bench.plan()
    assert planned.code == 1, planned.out + planned.err
    assert planned.json["complete"] is False
    assert planned.json["changes"] == []
    assert bench.apply().code in {1, 3}


@pytest.mark.parametrize("do", [{"bad_json": "truncated"}, {"bad_json": "html"}, {"bad_json": "shape"}])
def test_nonsense_from_the_gateway_is_an_error_and_not_a_traceback(bench: Bench, do: dict[str, Any]) -> None:
    """Whatever a proxy in between answers, the user reads one clear sentence."""
    bench.manifests(endpoint("one"))
    bench.faults(rule("GET", "/api/v1/llm/gateway/endpoints", do))
    planned = bench.plan()
    assert planned.code == 1, planned.out
    assert "Traceback" not in planned.err + planned.out
    assert planned.json["complete"] is False


def test_missing_rights_name_what_is_needed(bench: Bench) -> None:
    """A 403 without the name of the scope costs a platform team an afternoon."""
    bench.manifests(endpoint("one"))
    bench.faults(rule("PUT", ENDPOINT, {"status": 403}))
    run = bench.apply()
    assert run.code == 1
    assert "llm:gateway:write" in run.json["outcomes"][0]["error"]


def test_dependents_of_an_unhealthy_change_are_blocked_by_name(bench: Bench) -> None:
    """A webhook that waits for an endpoint must not be registered when that endpoint does not work."""
    more = "lifecycle: {dependsOn: [Endpoint/one]}\n"
    bench.manifests(endpoint("one"), endpoint("two"), webhook("costs", more=more))
    bench.faults(rule("POST", VALIDATE.replace("*", "one", 1), {"validate": {"providerReachable": False}}))
    run = bench.apply()
    assert run.code == 4, run.out + run.err
    ended = {o["address"].split("/", 1)[1]: o for o in run.json["outcomes"]}
    assert ended["Webhook/costs"]["status"] == "blocked"
    assert "prod/Endpoint/one" in ended["Webhook/costs"]["error"]
    assert ended["Endpoint/two"]["status"] == "applied"


def test_a_tenant_without_webhooks_can_have_endpoints(bench: Bench) -> None:
    """A list that the tenant does not offer says nothing about endpoints; only a declared webhook needs it."""
    bench.faults(missing_calls=["webhooks.list"])
    bench.manifests(endpoint("one"))
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    assert bench.plan().code == 0
    bench.manifests(endpoint("one"), webhook("costs"))
    plan = bench.plan()
    assert plan.code == 1
    assert not plan.json["complete"]


def test_a_candidate_that_cannot_be_removed_is_remembered_until_it_can(bench: Bench) -> None:
    """It holds live keys: forgetting it would leave them on the gateway for good."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("one", key="KEY_B"))
    candidate = "/api/v1/llm/gateway/endpoints/*candidate*"
    bench.faults(rule("DELETE", candidate, {"status": 500}, after=1), rule("PUT", candidate, {"status": 422}, after=9))
    run = bench.apply()
    assert run.code == 4, run.out + run.err
    assert len(bench.endpoints()) == 2
    bench.faults()
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"one"}
    assert bench.plan().code == 0


def test_a_key_under_another_name_is_put_back(bench: Bench) -> None:
    """The manifest names the new key only, and the old one must still be found to restore what worked."""
    bench.manifests(endpoint("one").replace("readiness:", "rollout: in-place\n  readiness:"))
    assert bench.apply().code == 0
    bench.environ["KEY_B"] = "sk-rejected-0123456789"
    bench.faults(keys=[{"pattern": "sk-rejected*", "answer": "rejected"}])
    bench.manifests(endpoint("one", key="KEY_B").replace("readiness:", "rollout: in-place\n  readiness:"))
    run = bench.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert run.json["outcomes"][0]["status"] == "rolled_back", run.out
    assert bench.endpoints()["one"]["credentials"][0]["apiKey"].endswith("aaaa")
