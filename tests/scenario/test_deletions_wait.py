"""A deletion never leaves less than was approved: it waits for what may replace it, and for a person's word."""

from __future__ import annotations

import pytest
from scenario_bench import Bench, Finished, endpoint, webhook

REFUSED = {"match": {"method": "PUT", "path": "*/endpoints/new*"}, "do": {"status": 400}}
LOST = {"match": {"method": "PUT", "path": "*/endpoints/new*"}, "do": {"drop": "before"}}


def outcomes(done: Finished) -> dict[str, str]:
    """Status by address of a run's outcomes."""
    return {o["address"]: o["status"] for o in done.json["outcomes"]}


@pytest.mark.parametrize(("fault", "made"), [(REFUSED, "failed"), (LOST, "unknown")], ids=["refused", "lost"])
def test_nothing_is_deleted_when_what_replaces_it_was_not_made(
    bench: Bench, fault: dict[str, object], made: str
) -> None:
    """A rename that nobody declared as one is a creation and a deletion: without the first the second leaves a hole."""
    bench.manifests(endpoint("stays"), endpoint("old"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("stays"), endpoint("new"))
    bench.faults(fault)
    done = bench.apply()
    assert done.code == 1
    assert outcomes(done)["prod/Endpoint/new"] == made
    held = next(o for o in done.json["outcomes"] if o["address"] == "prod/Endpoint/old")
    assert held["status"] == "skipped"
    assert "prod/Endpoint/new was not created" in held["error"]
    assert "old" in bench.endpoints()
    bench.faults()
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"stays", "new"}


def test_nothing_is_deleted_when_what_replaces_it_was_rolled_back(bench: Bench) -> None:
    """With a key that its provider refuses the new one is taken away again, and the old one must still answer."""
    bench.manifests(endpoint("stays"), endpoint("old"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("stays"), endpoint("new", key="KEY_B"))
    bench.environ["KEY_B"] = "sk-invalid-0123456789abcdef"
    bench.faults(keys=[{"pattern": "sk-invalid*", "answer": "rejected"}])
    done = bench.apply("--on-failure", "rollback")
    assert done.code == 4
    assert outcomes(done) == {"prod/Endpoint/new": "rolled_back", "prod/Endpoint/old": "skipped"}
    assert set(bench.endpoints()) == {"stays", "old"}


def test_creations_of_another_kind_hold_nothing_up(bench: Bench) -> None:
    """A webhook replaces no endpoint."""
    bench.manifests(endpoint("stays"), endpoint("old"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("stays"), webhook("costs"))
    bench.faults({"match": {"method": "POST", "path": "*/webhooks"}, "do": {"status": 400}})
    done = bench.apply()
    assert outcomes(done) == {"prod/Webhook/costs": "failed", "prod/Endpoint/old": "applied"}


def test_the_last_endpoint_goes_only_by_a_persons_word_whatever_the_plan_creates(bench: Bench) -> None:
    """What is only hoped for answers no bot."""
    bench.manifests(endpoint("old"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("new"))
    refused = bench.apply()
    assert refused.code == 3
    assert "SAFETY003" in refused.err
    assert bench.apply("--allow-last-endpoint").code == 0


def test_a_full_tenant_is_refused_in_the_plan(bench: Bench) -> None:
    """A creation that waits for no deletion finds no room, which the gateway would only say in mid-apply."""
    gateway = (bench.root / "manifests" / "gateway.yaml").read_text(encoding="utf-8")
    bench.write("manifests/gateway.yaml", gateway.replace("{concurrency: 8}", "{concurrency: 8, endpoints: 2}"))
    bench.manifests(endpoint("stays"), endpoint("old"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("stays"), endpoint("new"))
    refused = bench.apply()
    assert refused.code == 3
    assert "SAFETY005" in refused.err
    assert set(bench.endpoints()) == {"stays", "old"}


@pytest.mark.parametrize("manage", ["no-delete", "create-only"])
def test_an_object_whose_manifest_kept_it_outlives_the_manifest(bench: Bench, manage: str) -> None:
    """Protection that ends with the document that states it ends exactly when it is needed."""
    bench.manifests(endpoint("stays"), endpoint("kept", more=f"lifecycle: {{manage: {manage}}}\n"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("stays"))
    plan = bench.plan()
    assert plan.json["changes"] == []
    assert "PLAN003" in [d["code"] for d in plan.json["diagnostics"]]
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"stays", "kept"}
    bench.manifests(endpoint("stays"), endpoint("kept"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("stays"))
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"stays"}
