"""Probes over real sockets: what a model's answer does to an apply, and to the endpoint that gave it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scenario_bench import Bench, Finished, endpoint

CHAT = "/v1/chat/completions"
QUESTION = "canary-of-the-question"
ANSWER = "canary-of-the-answer"
DECISION = json.dumps({"mood": "good", "said": ANSWER})

DECLARED = f"""\
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: mood}}
spec:
  engine: braces
  system: Answer with JSON.
  user: "{{{{word}}}} {QUESTION}"
  variables: {{word: {{}}}}
---
apiVersion: reconciler/v1
kind: ResponseSchema
metadata: {{name: mood}}
spec:
  repairAttempts: 1
  schema: {{type: object, required: [mood], properties: {{mood: {{enum: [good, bad]}}}}}}
---
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: clean}}
spec: {{pii: [email, phone, ssn, credit-card]}}
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: prices}}
spec:
  models:
    gpt-4-turbo: {{prompt: 10, completion: 30}}
    gpt-4o: {{prompt: 10, completion: 30}}
"""


def probe(expect: str = "schema: mood, safety: clean", more: str = "gate: true", name: str = "feels") -> str:
    """A probe of the endpoint `one`."""
    return f"""\
apiVersion: reconciler/v1
kind: Probe
metadata: {{name: {name}}}
spec:
  endpoints: one
  prompt: mood
  variables: {{word: "how?"}}
  pricing: prices
  expect: {{{expect}}}
  {more}
"""


MANIFESTS = (frozenset[str](), frozenset({"fleet.yaml", "manifests.json"}))
"""Where no canary may be, and where that of the question is: in the manifests, and in what is kept of them as read."""

USED = probe("schema: mood, safety: clean", "budget: 0.5", "uses-all")
"""So that nothing is declared in vain; it is no gate."""


def spoken(do: dict[str, Any], **match: Any) -> dict[str, Any]:
    """A fault of the model's answers."""
    return {"match": {"method": "WS", "path": CHAT, **match}, "do": do}


def checks(run: Finished, address: int = 0) -> dict[str, Any]:
    """The checks of an outcome by name."""
    return {check["name"]: check for check in run.json["outcomes"][address]["checks"]}


def audited(bench: Bench) -> list[dict[str, Any]]:
    """The lines of inference in the audit."""
    text = (bench.root / ".reconciler/audit.jsonl").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["event"] == "inference.call"]


@pytest.fixture
def live(bench: Bench) -> Bench:
    """The endpoint is live with gpt-4-turbo, and its gate was ready."""
    gateway = bench.root / "manifests" / "gateway.yaml"
    gateway.write_text(gateway.read_text(encoding="utf-8") + "  transport: websocket\n", encoding="utf-8")
    bench.manifests(endpoint("one"), DECLARED, probe())
    bench.faults(answers=[DECISION])
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    return bench


@pytest.mark.parametrize(
    ("expect", "more", "rules", "answers", "rejected"),
    [
        ("schema: mood", "gate: true", [], ['{"mood": "odd"}'], "schema"),
        ("safety: clean", "gate: true", [spoken({"speech": {"pii": True}})], [], "safety"),
        ("maxLatencyMs: 700", "gate: true", [spoken({"speech": {"first_ms": 900}})], [DECISION], "latency"),
        ("maxCostUsd: 0.000001", "gate: true", [], [DECISION], "cost"),
        ("finishReason: stop", "gate: true", [spoken({"speech": {"finish_reason": "length"}})], [DECISION], "finish"),
    ],
    ids=["schema", "personal data", "latency", "cost", "finish"],
)
@pytest.mark.slow
def test_a_gate_that_rejects_stops_the_apply_and_puts_the_endpoint_back(
    live: Bench, expect: str, more: str, rules: list[Any], answers: list[str], rejected: str
) -> None:
    """What does not answer as it should must not serve customers, and what did serve them must again."""
    live.manifests(endpoint("one", model="gpt-4o"), DECLARED, probe(expect, more), USED)
    live.faults(*rules, answers=answers)
    run = live.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert run.json["outcomes"][0]["status"] == "rolled_back"
    assert checks(run)[f"probe feels {rejected}"]["status"] == "rejected"
    assert live.endpoints()["one"]["model"] == "gpt-4-turbo"
    assert live.plan().code == 2


@pytest.mark.parametrize(
    "rule",
    [
        spoken({"status": 429}),
        spoken({"status": 503}),
        spoken({"speech": {"first_ms": 3_000}}),
        spoken({"speech": {"cut_after": 1}}),
        {"match": {"method": "GET", "path": CHAT}, "do": {"status": 429}},
        {"match": {"method": "GET", "path": CHAT}, "do": {"drop": "before"}},
    ],
    ids=["429", "503", "time-out", "cut", "429 at once", "no connection"],
)
@pytest.mark.slow
def test_a_doubt_never_puts_anything_back(live: Bench, rule: dict[str, Any]) -> None:
    """A gateway that is busy has not said that the endpoint is bad."""
    more = "gate: true\n  deadlineMs: 400"
    live.manifests(endpoint("one", model="gpt-4o"), DECLARED, probe(more=more))
    live.faults(rule, answers=[DECISION])
    run = live.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert run.json["outcomes"][0]["status"] == "applied"
    assert checks(run)["probe feels answer"]["status"] == "unknown"
    assert live.endpoints()["one"]["model"] == "gpt-4o"


def test_a_doubt_that_passes_is_asked_again(live: Bench) -> None:
    """One busy moment is no reason to wake anybody."""
    live.manifests(endpoint("one", model="gpt-4o"), DECLARED, probe(more="gate: true\n  deadlineMs: 1500"))
    live.faults(spoken({"status": 429}, times=1), answers=[DECISION])
    run = live.apply("--on-failure", "rollback")
    assert run.code == 0, run.out + run.err


def test_a_gate_in_order_is_put_once_and_audited_once(live: Bench) -> None:
    """Each question costs, and each is in the audit that the chain protects."""
    (line,) = audited(live)
    assert (line["probe"], line["address"], line["outcome"]) == ("feels", "prod/Endpoint/one", "ok")
    assert line["model"] == "gpt-4-turbo"
    assert line["cost"] is not None
    assert live.run("audit", "verify").code == 0


def test_a_probe_without_a_gate_only_tells(bench: Bench) -> None:
    """A probe on trial stops nothing."""
    bench.manifests(endpoint("one"), DECLARED, probe(more="gate: false"))
    bench.faults(answers=["no JSON"])
    run = bench.apply("--on-failure", "rollback")
    assert run.code == 0, run.out + run.err
    told = checks(run)["probe feels schema"]
    assert (told["status"], told["advisory"], told["probe"]) == ("rejected", True, "feels")


@pytest.mark.slow
def test_verify_tells_what_each_probe_took(live: Bench) -> None:
    """Latency, first token, tokens and cost are what a team tunes its limits by, in whatever format it reads."""
    table = live.run("verify")
    assert table.code == 0, table.out + table.err
    assert "first token ms" in table.out
    assert "feels of prod/Endpoint/one" in table.out
    found = checks(live.run("verify", "--format", "json"))
    assert {f"probe feels {what}" for what in ("latency", "first token", "tokens", "cost")} <= set(found)
    reports = [f"{name}:report.{name}" for name in ("markdown", "html", "junit", "github", "sarif")]
    assert live.run("verify", *(word for one in reports for word in ("--report", one))).code == 0
    for name in ("markdown", "html", "junit"):
        assert "probe feels latency" in (live.root / f"report.{name}").read_text(encoding="utf-8")


@pytest.mark.slow
def test_verify_asks_as_much_as_it_may(live: Bench) -> None:
    """Without probes nothing is asked; over the budget nothing is asked, and nobody says that all is well."""
    before = len(audited(live))
    live.faults(answers=["no JSON"])
    assert live.run("verify", "--no-probes").code == 0
    poor = live.run("verify", "--budget", "0.000001", "--format", "json")
    assert poor.code == 4, poor.out + poor.err
    assert "budget" in checks(poor)["probe feels answer"]["message"]
    assert len(audited(live)) == before
    rich = live.run("verify", "--budget", "1", "--format", "json")
    assert checks(rich)["probe feels schema"]["status"] == "rejected"
    assert len(audited(live)) == before + 2  # the question, and one repair
    assert live.run("verify", "--budget", "lots").code == 64


def test_a_model_that_is_not_listed_costs_nothing(live: Bench) -> None:
    """Listing models is free: it finds a misspelt one before a question is paid for."""
    before = len(audited(live))
    live.manifests(endpoint("one", model="gpt-4o"), DECLARED, probe(more="gate: true\n  cheapest: models"))
    live.faults(answers=[DECISION], models=["gpt-4-turbo"])
    run = live.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert live.endpoints()["one"]["model"] == "gpt-4-turbo"
    assert len(audited(live)) == before


def test_drift_finds_an_endpoint_that_no_longer_answers_as_it_did(live: Bench) -> None:
    """A model can change behind an endpoint that nobody touched."""
    live.faults(answers=["no JSON"])
    assert live.run("drift").code == 0
    found = live.run("drift", "--verify", "--format", "json")
    assert found.code == 2, found.out + found.err
    assert "probe feels schema" in found.json["drift"][0]["reason"]


@pytest.mark.slow
def test_no_text_and_no_key_is_anywhere(bench: Bench) -> None:
    """Questions and answers are customers' and models' words: no report, log or record has business with them."""
    bench.environ["KEY_A"] = "sk-canary-of-the-key-0123456789"
    runs: list[Finished] = []
    for answers, rules in (
        ([DECISION], []),
        ([f"{ANSWER}@example.com"], []),
        ([f'{{"{ANSWER}": "{ANSWER}"}}'], []),
        ([DECISION], [spoken({"status": 400, "echo": True})]),
        ([DECISION], [spoken({"speech": {"error_after": 1, "error": {"code": 400, "message": QUESTION}}})]),
        ([DECISION], [spoken({"speech": {"finish_reason": ANSWER}})]),
        ([DECISION], [spoken({"speech": {"cut_after": 1}})]),
    ):
        expect = "schema: mood, safety: clean, finishReason: stop"
        bench.manifests(
            endpoint("one", rpm=600 + len(runs)), DECLARED, probe(expect, "gate: true\n  deadlineMs: 1000"), USED
        )
        bench.faults(*rules, answers=answers)
        runs.append(bench.run("-v", "--log-format", "json", "apply", "--auto-approve", "--on-failure", "rollback"))
        runs.append(bench.run("-v", "verify", "--report", "html:report.html", "--report", "junit:report.xml"))
        runs.append(bench.run("verify", "--format", "json"))
    said = "".join(run.out + run.err for run in runs).encode()
    kept = {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()}
    for canary in (QUESTION, ANSWER, "sk-canary-of-the-key-0123456789", "teams-secret-value"):
        assert canary.encode() not in said
        assert {path.name for path, blob in kept.items() if canary.encode() in blob} <= MANIFESTS[canary == QUESTION]
    assert any(run.code == 4 for run in runs)
