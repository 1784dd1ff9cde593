"""The command line as people and jobs meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from scenario_bench import Bench, endpoint, webhook

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def conforms(document: object, name: str) -> None:
    """The document is what the published schema says."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(document)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plann"],
        ["plan", "--no-such-option"],
        ["apply", "--on-failure", "panic"],
        ["verify", "not-an-address"],
        ["schema", "Endpiont"],
        ["explain", "NOTHING999"],
        ["plan", "--report", "pdf:x"],
    ],
)
def test_wrong_usage_is_told_from_drift(bench: Bench, arguments: list[str]) -> None:
    """A typing error in a cron job must never read as "there is drift"."""
    bench.manifests(endpoint("one"))
    done = bench.run(*arguments)
    assert done.code == 64, done.err
    assert "Traceback" not in done.err


def test_what_is_wrong_is_shown_with_its_line_and_a_caret(bench: Bench) -> None:
    """The finding must lead to the character, as a compiler's does."""
    bench.manifests(endpoint("one").replace("provider: openai", "provider: openai\n  modle: x"))
    done = bench.run("validate")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "manifests/fleet.yaml:7:3: error[KIND003] an unknown field"
    assert lines[1] == "  7 |   modle: x"
    assert lines[2] == "    |   ^"
    assert "Did you mean 'model'?" in lines[3]
    assert bench.run("plan").code == 1
    assert bench.apply().code == 1


def test_all_mistakes_are_shown_together(bench: Bench) -> None:
    """One mistake a push is a day of pushes."""
    bench.write("manifests/a.yaml", "kind: [\n")
    bench.write("manifests/b.yaml", endpoint("one", rpm=0))
    bench.write("manifests/c.yaml", endpoint("two").replace("gpt-4-turbo", "1.10"))
    found = bench.run("validate", "--format", "json").json
    conforms(found, "validate")
    assert {d["code"] for d in found["diagnostics"]} == {"YAML001", "KIND005", "YAML003"}


def test_what_the_platform_cannot_express_is_refused_at_its_line_offline(bench: Bench) -> None:
    """A field that is dropped in silence is a promise that nobody keeps."""
    bench.manifests(endpoint("one", more="  timeoutMs: 15000\n"))
    found = bench.run("validate", "--format", "json")
    assert found.code == 1
    [finding] = found.json["diagnostics"]
    assert (finding["code"], finding["line"]) == ("PLATFORM001", 12)
    bench.manifests(endpoint("one", more="  timeoutMs: 15000\nlifecycle: {ignore: [/spec/timeoutMs]}\n"))
    assert bench.run("validate").code == 0
    assert bench.apply().code == 0


def test_the_json_documents_are_what_their_schemas_say(bench: Bench) -> None:
    """Others build on these documents."""
    bench.manifests(endpoint("one"), webhook("costs"))
    conforms(bench.plan().json, "plan")
    conforms(bench.apply().json, "run")
    bench.edit("one", model="gpt-4o")
    conforms(bench.plan().json, "plan")
    drift = bench.run("drift", "--format", "json")
    assert drift.code == drift.json["exit_code"] == 2
    conforms(drift.json, "drift")
    assert [c["cause"] for c in drift.json["drift"]] == ["out-of-band edit, secret replaced"]


def test_the_outcome_stands_in_the_jobs_output(bench: Bench) -> None:
    """Steps of a workflow decide by it."""
    output = bench.root / "github-output"
    bench.environ["GITHUB_OUTPUT"] = str(output)
    bench.manifests(endpoint("one"))
    assert bench.run("plan", "--detailed-exitcode", "--out", "p.json").code == 2
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert told["exitcode"] == "2"
    assert told["to-create"] == "1"
    assert told["has-changes"] == "true"
    assert told["plan-file"] == "p.json"
    assert told["digest"] == json.loads((bench.root / "p.json").read_text())["digest"]


def test_nothing_is_applied_without_a_word(bench: Bench) -> None:
    """A job that forgot to approve must stop, and say what to give."""
    bench.manifests(endpoint("one"))
    refused = bench.run("apply")
    assert refused.code == 3
    assert "--auto-approve" in refused.err
    assert bench.endpoints() == {}


def test_an_expected_digest_is_an_approval_of_that_plan_alone(bench: Bench) -> None:
    """What was approved is what is carried out."""
    bench.manifests(endpoint("one"))
    digest = bench.plan().json["digest"]
    bench.manifests(endpoint("one", rpm=601))
    refused = bench.run("apply", "--expect", digest, "--format", "json")
    assert refused.code == refused.json["exit_code"] == 3
    bench.manifests(endpoint("one"))
    assert bench.run("apply", "--expect", digest).code == 0


def test_a_missing_secret_stops_before_any_write_at_its_line(bench: Bench) -> None:
    """Half a fleet with a new key and half with none is the worst of outcomes."""
    bench.manifests(endpoint("one"), endpoint("two", key="NOT_SET"))
    done = bench.apply()
    assert done.code == 1
    assert "SECRET001" in done.err
    assert "NOT_SET" in done.err
    assert bench.endpoints() == {}


def test_hostile_names_cannot_write_on_the_terminal(bench: Bench) -> None:
    """A manifest of a stranger's pull request is shown in a job's log."""
    evil = "a\\e[31mred\\u202e\\r::error::x"
    bench.manifests(endpoint("one").replace("displayName: shown-one", f'displayName: "{evil}"'))
    shown = bench.run("plan")
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out
    assert "\n::error" not in shown.out.replace("\r", "\n")


def test_protection_outlives_its_manifest(bench: Bench) -> None:
    """Deleting the file that says "protected" must not be the way around it."""
    bench.manifests(endpoint("one", more="lifecycle: {protect: true}\n"), endpoint("two"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("two"))
    refused = bench.apply()
    assert refused.code == 3
    assert "--allow-protected prod/Endpoint/one" in refused.err
    assert bench.apply("--allow-protected", "prod/Endpoint/one").code == 0
    assert set(bench.endpoints()) == {"two"}


def test_settings_say_what_is_wrong_at_their_line(bench: Bench) -> None:
    """A setting that is misspelt and ignored is a safety net that is not there."""
    bench.manifests(endpoint("one"))
    bench.write("reconciler.yaml", "safety:\n  maxChangePercnt: 10\n")
    done = bench.run("validate")
    assert done.code == 1
    assert "reconciler.yaml:2:3: error[SETTINGS001]" in done.err


def test_settings_limit_what_manifests_may_reach(bench: Bench) -> None:
    """Hosts and secret names are decided by whoever runs the tool."""
    bench.manifests(endpoint("one"))
    bench.write("reconciler.yaml", 'allowedHosts: ["*.nicecxone.com"]\n')
    assert "WIRING002" in bench.run("plan").err
    bench.write("reconciler.yaml", "secrets: {env: [CLIENT_*]}\n")
    refused = bench.run("plan")
    assert refused.code == 1
    assert "SECRET002" in refused.err


def test_a_damaged_ledger_is_said_in_words(bench: Bench) -> None:
    """The one file that matters must never be answered with a traceback, nor be overwritten."""
    bench.manifests(endpoint("one"))
    path = bench.write(".reconciler/ledger.sqlite", "this is not a database, " * 100)
    before = path.read_bytes()
    done = bench.plan()
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "ledger" in done.err
    assert path.read_bytes() == before


def test_completion_schema_explain_and_version_need_no_manifests(bench: Bench) -> None:
    """What a newcomer tries first must work in an empty folder."""
    for shell in ("bash", "zsh", "fish"):
        assert "_RECONCILER_COMPLETE" in bench.run("completion", shell).out
    assert json.loads(bench.run("schema", "Endpoint").out)["title"] == "Endpoint"
    assert "candidate" in bench.run("explain", "Endpoint.spec.rollout").out
    assert "30" in bench.run("explain", "safety001").out or "share" in bench.run("explain", "safety001").out
    assert bench.run("version").out.strip()


def test_an_unreachable_gateway_is_one_clear_line(bench: Bench) -> None:
    """The most common failure of all."""
    bench.manifests(endpoint("one"))
    bench.write(
        "manifests/gateway.yaml",
        (bench.root / "manifests/gateway.yaml").read_text().replace(bench.url, "http://127.0.0.1:9"),
    )
    done = bench.plan("--timeout", "20")
    assert done.code == 1
    assert done.json["complete"] is False
    assert "no connection" in done.out
