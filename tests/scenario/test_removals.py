"""What is removed, when, and what is said of it first: there is never less on a gateway than was approved."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_bench import GATEWAY, Bench, Finished, endpoint, webhook

ENDPOINTS = "/api/v1/llm/gateway/endpoints"
BAD_KEY = {"pattern": "sk-rejected*", "answer": "rejected"}


def outcome(run: Finished, address: str) -> Any:
    """How one change ended."""
    return next(o for o in run.json["outcomes"] if o["address"] == address)


def codes(run: Finished) -> list[str]:
    """The codes of a report's errors."""
    return [d["code"] for d in run.json["diagnostics"] if d["severity"] == "error"]


@pytest.fixture
def standing(bench: Bench) -> Bench:
    """Two endpoints that serve."""
    bench.manifests(endpoint("keeps"), endpoint("old"))
    assert bench.apply().code == 0
    bench.forget_requests()
    return bench


def refuse(bench: Bench, name: str) -> None:
    """From now on the gateway takes no such endpoint."""
    match = {"method": "PUT", "path": f"{ENDPOINTS}/{name}"}
    bench.faults({"match": match, "do": {"status": 400}})


def test_a_deletion_is_carried_out_after_the_creations(standing: Bench) -> None:
    """What replaces an endpoint must serve before the endpoint goes."""
    standing.manifests(endpoint("keeps"), endpoint("new"))
    run = standing.apply()
    assert run.code == 0, run.out + run.err
    assert set(standing.endpoints()) == {"keeps", "new"}
    writes = [(r["method"], r["path"].rsplit("/", 1)[-1]) for r in standing.requests()["last"]]
    assert writes.index(("DELETE", "old")) > writes.index(("PUT", "new"))


def test_a_deletion_is_skipped_when_the_creation_is_refused(standing: Bench) -> None:
    """An endpoint that is to be replaced stays when its replacement never came to be."""
    standing.manifests(endpoint("keeps"), endpoint("new"))
    refuse(standing, "new")
    run = standing.apply()
    assert run.code == 1, run.out + run.err
    assert set(standing.endpoints()) == {"keeps", "old"}
    held = outcome(run, "prod/Endpoint/old")
    assert held["status"] == "skipped"
    assert held["error"].startswith("skipped: prod/Endpoint/new was not created")
    standing.faults()
    assert standing.apply().code == 0
    assert set(standing.endpoints()) == {"keeps", "new"}


@pytest.mark.parametrize("then", ["rollback", "halt"])
def test_a_deletion_is_skipped_when_the_new_key_is_refused(standing: Bench, then: str) -> None:
    """A new endpoint whose key the provider refuses replaces nothing, whether it is taken back or left."""
    standing.manifests(endpoint("keeps"), endpoint("new", key="KEY_C"))
    standing.environ["KEY_C"] = "sk-rejected-0123456789"
    standing.faults(keys=[BAD_KEY])
    run = standing.apply("--on-failure", then)
    assert run.code == 4, run.out + run.err
    assert {"keeps", "old"} <= set(standing.endpoints())
    held = outcome(run, "prod/Endpoint/old")
    assert held["status"] == "skipped"
    assert held["error"].startswith("skipped: prod/Endpoint/new was ")


def test_a_deletion_is_skipped_when_an_update_leaves_an_endpoint_that_does_not_work(standing: Bench) -> None:
    """An endpoint that takes over another's work must work before the other goes."""
    change = endpoint("keeps", model="gpt-4o").replace("readiness:", "rollout: in-place\n  readiness:")
    standing.manifests(change)
    standing.environ["KEY_A"] = "sk-rejected-0123456789"
    standing.faults(keys=[BAD_KEY])
    run = standing.apply()
    assert run.code == 4, run.out + run.err
    assert "old" in standing.endpoints()
    assert outcome(run, "prod/Endpoint/old")["status"] == "skipped"


def test_a_refused_update_that_leaves_what_was_there_holds_nothing(standing: Bench) -> None:
    """What was never written still serves as before, so an independent deletion goes on."""
    standing.manifests(endpoint("keeps", rpm=601))
    refuse(standing, "keeps")
    run = standing.apply()
    assert run.code == 1, run.out + run.err
    assert set(standing.endpoints()) == {"keeps"}


def test_a_failed_endpoint_holds_no_webhook(standing: Bench) -> None:
    """Only objects of one kind stand in for each other."""
    standing.manifests(endpoint("keeps"), endpoint("old"), webhook("costs"))
    assert standing.apply().code == 0
    standing.manifests(endpoint("keeps"), endpoint("old"), endpoint("new"))
    refuse(standing, "new")
    run = standing.apply()
    assert outcome(run, "prod/Webhook/costs")["status"] == "applied"


def test_another_name_for_the_only_endpoint_leaves_it_standing(bench: Bench) -> None:
    """A new name with the old display name would be refused by the gateway, and is refused in the plan."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("two").replace("shown-two", "shown-one"))
    for allow in ((), ("--allow-last-endpoint", "--allow-empty")):
        run = bench.apply("--on-failure", "rollback", *allow)
        assert run.code == 3, run.out + run.err
        assert "SAFETY006" in codes(run)
        assert set(bench.endpoints()) == {"one"}


def test_the_last_endpoint_counts_as_the_last_even_beside_a_new_one(bench: Bench) -> None:
    """A creation may fail, so it does not make the last endpoint any less the last one; a word lets it pass."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("two"))
    blocked = bench.apply()
    assert blocked.code == 3
    assert set(codes(blocked)) == {"SAFETY002", "SAFETY003"}
    refuse(bench, "two")
    assert bench.apply("--allow-last-endpoint", "--allow-empty").code == 1
    assert set(bench.endpoints()) == {"one"}
    bench.faults()
    assert bench.apply("--allow-last-endpoint", "--allow-empty").code == 0
    assert set(bench.endpoints()) == {"two"}


def test_a_tenant_at_its_limit_loses_nothing(standing: Bench) -> None:
    """Where there is no room for the new one beside the old one, the old one stays, known limit or not."""
    standing.manifests(endpoint("keeps"), endpoint("new"))
    standing.faults(endpoint_limit=2)
    run = standing.apply()
    assert run.code == 1, run.out + run.err
    assert set(standing.endpoints()) == {"keeps", "old"}
    limited = GATEWAY.format(url=standing.url, total=10).replace("concurrency: 8", "concurrency: 8, endpoints: 2")
    standing.write("manifests/gateway.yaml", limited)
    planned = standing.apply()
    assert planned.code == 3
    assert codes(planned) == ["SAFETY005"]
    assert set(standing.endpoints()) == {"keeps", "old"}


@pytest.mark.parametrize("manage", ["no-delete", "create-only"])
def test_what_must_not_be_deleted_stays_when_its_manifest_goes(bench: Bench, manage: str) -> None:
    """`manage` outlives the manifest that stated it; the object is shown as kept, and the way out works."""
    lasting = endpoint("lasting", more=f"lifecycle: {{manage: {manage}}}\n")
    bench.manifests(endpoint("keeps"), lasting)
    assert bench.apply().code == 0
    bench.manifests(endpoint("keeps"))
    plan = bench.plan()
    assert plan.code == 0
    assert plan.json["changes"] == []
    [kept] = [d for d in plan.json["diagnostics"] if d["code"] == "PLAN003"]
    assert manage in kept["detail"]
    assert "ledger forget prod/Endpoint/lasting" in kept["detail"]
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"keeps", "lasting"}
    bench.manifests(endpoint("keeps"), endpoint("lasting"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("keeps"))
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"keeps"}
