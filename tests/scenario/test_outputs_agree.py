"""Green means known to be good: whatever a command ends with, all that it writes says the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from github_api import GitHubApi, serving
from prometheus_client.parser import text_string_to_metric_families
from receiver import receiving
from scenario_bench import Bench, Finished, endpoint
from workflow_runner import git

GREEN = re.compile(r"No changes|No drift|Nothing to do|Valid\b|No errors|All is as it was|Nothing to import:")
"""What is only ever said of what was looked at and found to be good."""

FORMATS = ("terminal", "markdown", "html", "sarif", "junit", "github")
FULL = {
    "validate": ("validate",),
    "plan": ("plan", "--out", "plan.json"),
    "apply": ("apply", "--auto-approve"),
    "drift": ("drift",),
    "verify": ("verify",),
}
"""Commands that report in every format."""

PLAIN = {
    "show": ("show", "plan.json"),
    "snapshot": ("snapshot", "-o", "snapshot.json"),
    "import": ("import", "-o", "imported"),
    "against": ("plan", "--against", "before.json"),
}
MEASURED = {"apply", "drift"}


def lose_the_ledger(bench: Bench) -> None:
    """The runner's disk was a new one."""
    for path in (bench.root / ".reconciler").glob("ledger*"):
        path.unlink()


def break_a_list(bench: Bench) -> None:
    """A kind that nobody declares cannot be read."""
    bench.faults({"match": {"method": "GET", "path": "/api/*/webhooks*"}, "do": {"status": 500}})


def remove_the_manifests(bench: Bench) -> None:
    """A job that checked out the wrong folder."""
    for path in (bench.root / "manifests").iterdir():
        path.unlink()


def remove_the_gateway(bench: Bench) -> None:
    """Half of the checkout."""
    (bench.root / "manifests" / "gateway.yaml").unlink()
    bench.manifests("apiVersion: reconciler/v1\nkind: Policy\nmetadata: {name: p}\nspec: {rules: []}\n")


def break_a_manifest(bench: Bench) -> None:
    """A typo."""
    bench.manifests(endpoint("one").replace("provider", "provoder"))


def nothing(bench: Bench) -> None:
    """All is well."""


@dataclass(frozen=True)
class Situation:
    """What is done to a fleet that was applied, and how each command has to end then."""

    prepare: Callable[[Bench], None]
    codes: Mapping[str, int]


GOOD = dict.fromkeys((*FULL, *PLAIN), 0)
WRONG = {**dict.fromkeys((*FULL, *PLAIN), 1), "snapshot": 1}
SITUATIONS = {
    "calm": Situation(nothing, GOOD),
    "lost ledger": Situation(lose_the_ledger, {**GOOD, "plan": 3, "apply": 3, "drift": 1, "show": 3}),
    "unread": Situation(break_a_list, {**WRONG, "validate": 0, "against": 0}),
    "no manifests": Situation(remove_the_manifests, {**WRONG, "show": 1}),
    "no gateway": Situation(remove_the_gateway, {**WRONG, "show": 1}),
    "broken": Situation(break_a_manifest, {**WRONG, "show": 1}),
}


@pytest.fixture
def fleet(bench: Bench) -> Bench:
    """One endpoint as it was applied, and a snapshot of it."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "before.json").code == 0
    bench.environ["GITHUB_OUTPUT"] = str(bench.root / "outputs")
    return bench


def ran(bench: Bench, *arguments: str) -> tuple[Finished, dict[str, str]]:
    """A command, and what it told the CI job."""
    (bench.root / "outputs").write_text("", encoding="utf-8")
    done = bench.run(*arguments, "--format", "json")
    lines = (bench.root / "outputs").read_text(encoding="utf-8").splitlines()
    return done, dict(line.split("=", 1) for line in lines)


def report(bench: Bench, name: str) -> str:
    return (bench.root / f"report.{name}").read_text(encoding="utf-8")


def errors(document: Any) -> list[Any]:
    return [one for one in document.get("diagnostics", ()) if one["severity"] == "error"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SITUATIONS)
def test_every_output_says_how_the_command_ended(fleet: Bench, name: str) -> None:
    """A person reads one of the outputs, a job another: one that is green beside a red one hides what happened."""
    situation = SITUATIONS[name]
    situation.prepare(fleet)
    for command, arguments in FULL.items():
        reports = [word for kind in FORMATS for word in ("--report", f"{kind}:report.{kind}")]
        measured = ("--metrics", "report.prom") if command in MEASURED else ()
        kept = ("--report", "json:plan.json") if command == "plan" else ()
        done, told = ran(fleet, *arguments, *reports, *measured, *kept)
        assert (command, done.code) == (command, situation.codes[command]), done.err
        assert told["exitcode"] == str(done.code)
        assert told.get("blocked", "false") == str(done.code == 3).lower()
        agree(fleet, command, done, measured=bool(measured))
    for command, arguments in PLAIN.items():
        done, told = ran(fleet, *arguments)
        assert (command, done.code) == (command, situation.codes[command]), done.err
        assert told["exitcode"] == str(done.code)
        assert bool(errors(done.json)) == bool(done.code), done.out


def agree(bench: Bench, command: str, done: Finished, *, measured: bool) -> None:
    """All outputs of one command, held against its exit code."""
    bad = done.code != 0
    assert done.json.get("exit_code", done.code) == done.code
    assert bool(errors(done.json)) == bad, done.out
    if command in {"plan", "drift"}:
        assert done.json["complete"] is (done.code in {0, 3})
    if command == "validate":
        assert done.json["valid"] is not bad
    for kind in ("terminal", "markdown", "html"):
        assert not (bad and GREEN.search(report(bench, kind))), (command, kind, report(bench, kind))
    assert bad or command == "verify" or GREEN.search(report(bench, "terminal"))
    assert f"<dd><code>{done.code}</code></dd>" in report(bench, "html")
    assert ("::error " in report(bench, "github")) == bad
    invocation = json.loads(report(bench, "sarif"))["runs"][0]["invocations"][0]
    assert invocation["exitCode"] == done.code
    assert invocation["executionSuccessful"] or bad
    totals = ET.fromstring(report(bench, "junit")).attrib  # noqa: S314 - ours
    assert bool(int(totals["failures"]) + int(totals["errors"])) == bad
    if measured:
        text = (bench.root / "report.prom").read_text(encoding="utf-8")
        values = {f.name: [s.value for s in f.samples] for f in text_string_to_metric_families(text)}
        assert values["reconciler_last_run_exit_code"] == [done.code]
        assert values["reconciler_plan_complete"] == [float(not bad)]


@pytest.mark.slow
def test_nobody_is_told_of_calm_under_an_error(fleet: Bench) -> None:
    """The cron would close the issue, and a receiver take the night for a quiet one, because a ledger was lost."""
    with serving() as api, receiving() as receiver:
        fleet.environ |= {**api.environ(), "HOOK": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        fleet.write("reconciler.yaml", f"notify: [{{webhook: {{url: '{receiver.url}/h', secret: {{env: HOOK}}}}}}]\n")
        fleet.edit("one", rateLimits={"requestsPerMinute": 9, "concurrentConnections": 5, "maxTokensPerRequest": 8000})
        assert fleet.run("drift", "--notify", "github-issue").code == 2
        lose_the_ledger(fleet)
        done = fleet.run("drift", "--notify", "github-issue", "--notify", "webhook")
        assert done.code == 1, done.out
        assert opened(api) == ["open"]
        assert [json.loads(one.content)["type"] for one in receiver.deliveries] == ["reconciler.drift.unknown"]


def opened(api: GitHubApi) -> list[str]:
    return [issue["state"] for issue in api.issues.values()]


@pytest.mark.slow
def test_merged_is_said_of_what_is_committed_alone(fleet: Bench) -> None:
    """Whoever reads that something is merged looks at the apply job, and not at the file they have just edited."""
    fleet.manifests(endpoint("one"), endpoint("two"))
    assert causes(fleet) == {"two": "declared but not applied"}
    git(fleet.root, "init", "--quiet")
    git(fleet.root, "add", "manifests")
    assert causes(fleet) == {"two": "declared but not applied"}
    git(fleet.root, "commit", "--quiet", "--message", "the fleet")
    assert causes(fleet) == {"two": "merged but not applied"}
    fleet.write("manifests/more.yaml", endpoint("three"))
    fleet.manifests(endpoint("one", rpm=10), endpoint("two"))
    edited = "edited in the working tree, not committed"
    assert causes(fleet) == {"one": edited, "two": "merged but not applied", "three": edited}
    words = fleet.run("drift").out.splitlines()[-1]
    assert words == f"Drift: 0 changed outside, 1 merged but not applied, 2 {edited}."


def causes(bench: Bench) -> dict[str, str]:
    done = bench.run("drift", "--format", "json")
    assert done.code == 2, done.err
    return {one["name"]: one["cause"] for one in done.json["pending"]}
