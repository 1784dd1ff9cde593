"""What is removed, when, and what is said of it first: there is never less on a gateway than was approved."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

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


def test_a_deletion_is_skipped_when_the_new_key_is_refused(standing: Bench) -> None:
    """A new endpoint whose key the provider refuses replaces nothing, also where it is left as it is."""
    standing.manifests(endpoint("keeps"), endpoint("new", key="KEY_C"))
    standing.environ["KEY_C"] = "sk-rejected-0123456789"
    standing.faults(keys=[BAD_KEY])
    run = standing.apply()
    assert run.code == 4, run.out + run.err
    assert {"keeps", "old"} <= set(standing.endpoints())
    held = outcome(run, "prod/Endpoint/old")
    assert held["status"] == "skipped"
    assert held["error"].startswith("skipped: prod/Endpoint/new was created and is not proved to work")


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


def test_new_webhooks_are_no_reason_to_delete_all_that_are_there(bench: Bench) -> None:
    """What is to be made may fail: manifests that keep nothing of what is there count as empty."""
    bench.manifests(webhook("one"), webhook("two"))
    assert bench.apply().code == 0
    bench.manifests(webhook("three"), webhook("four"))
    blocked = bench.apply()
    assert blocked.code == 3
    assert codes(blocked) == ["SAFETY002"]
    assert bench.apply("--allow-empty").code == 0


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


def reported(bench: Bench, *command: str) -> dict[str, str]:
    """What a command writes into each kind of report, and on the terminal."""
    shapes = ("markdown", "html", "github", "sarif", "junit")
    reports = {name: bench.root / f"report.{name}" for name in shapes}
    out = bench.run(*command, *(word for name, path in reports.items() for word in ("--report", f"{name}:{path}"))).out
    return {"terminal": out} | {name: path.read_text(encoding="utf-8") for name, path in reports.items()}


@pytest.mark.parametrize(
    ("command", "who"),
    [("plan", "This plan"), ("apply", "This plan"), ("drift", "The next apply")],
)
def test_a_plan_that_deletes_says_so_first_in_every_output(standing: Bench, command: str, who: str) -> None:
    """Whoever reads a long plan stops early: what goes must not stand among what is new."""
    standing.manifests(endpoint("keeps", rpm=601), endpoint("new"))
    said, whole = f"{who} deletes 1 object", f"{who} deletes 1 object: prod/Endpoint/old."
    texts = reported(standing, command, *(("--expect", "none") if command == "apply" else ()))
    assert texts["terminal"].startswith(f"{whole}\n")
    assert texts["github"].startswith(f"::warning title={said}::{whole}")
    assert texts["markdown"].splitlines()[1:4] == ["> [!CAUTION]", f"> **{said}:**", "> `prod/Endpoint/old`."]
    assert texts["html"].index(said) < texts["html"].index("<h1")
    assert json.loads(texts["sarif"])["runs"][0]["results"][0]["message"]["text"] == whole
    first = next(ET.fromstring(texts["junit"]).iter("testcase"))  # noqa: S314 - of our own making
    assert (first.get("name"), first.findtext("system-out")) == (said, whole)
    if command == "plan":
        standing.run("plan", "--out", "plan.json")
        assert standing.run("show", "plan.json").out.startswith(said)
    standing.manifests(endpoint("keeps", rpm=601), endpoint("old"))
    assert f"{who} deletes" not in "".join(reported(standing, command).values())
