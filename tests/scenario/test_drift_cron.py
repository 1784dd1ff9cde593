"""Night after night: the cron finds, tells and measures; with processes and sockets as in a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from github_api import FORK, Fault, GitHubApi, serving
from prometheus_client.parser import text_string_to_metric_families
from receiver import Receiver, receiving
from scenario_bench import GATEWAY, Bench, Finished, endpoint

from reconciler.render import markdown

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = "notify:\n  - webhook: {{url: '{url}', secret: {{env: HOOK}}}}\n"
LIMITS = {"requestsPerMinute": 9, "concurrentConnections": 5, "maxTokensPerRequest": 8000}


@pytest.fixture
def api() -> Iterator[GitHubApi]:
    with serving() as served:
        yield served


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as listening:
        yield listening


@pytest.fixture
def night(bench: Bench, api: GitHubApi, receiver: Receiver) -> Bench:
    """A fleet of one endpoint as it was applied, a forge, and a receiver of webhooks."""
    bench.environ |= {**api.environ(), "HOOK": KEY}
    bench.write("reconciler.yaml", SETTINGS.format(url=f"{receiver.url}/secret-path"))
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    return bench


def drift(night: Bench, *arguments: str) -> Finished:
    told = ("--notify", "webhook", "--notify", "github-issue", "--metrics", "drift.prom")
    return night.run("drift", "--format", "json", *told, *arguments)


def metrics(night: Bench) -> dict[str, float]:
    """Values by name, summed over labels."""
    text = (night.root / "drift.prom").read_text(encoding="utf-8")
    families = text_string_to_metric_families(text)
    return {family.name: sum(sample.value for sample in family.samples) for family in families}


def messages(receiver: Receiver) -> list[Any]:
    """What arrived, verified as a receiver does it."""
    hook = standardwebhooks.Webhook(KEY)
    return [hook.verify(one.content, dict(one.headers)) for one in receiver.deliveries]


@pytest.mark.slow
def test_a_week_of_nights(night: Bench, api: GitHubApi, receiver: Receiver) -> None:
    """Quiet, then drift, then more of it, then repaired: one issue, one message a night, gauges that follow."""
    quiet = drift(night)
    assert (quiet.code, api.issues) == (0, {}), quiet.err
    assert metrics(night)["reconciler_drifted_objects"] == 0
    assert metrics(night)["reconciler_unchanged_objects"] == 1
    assert metrics(night)["reconciler_last_run_requests"] >= 3

    night.edit("one", rateLimits=LIMITS)
    first = drift(night)
    assert first.code == 2, first.err
    causes = {field["path"]: field["cause"] for field in first.json["drift"][0]["fields"]}
    assert causes == {
        "/spec/rateLimits/requestsPerMinute": "out-of-band edit",
        "/spec/credentials/key-1/apiKey": "secret replaced",
    }
    [(number, issue)] = api.issues.items()
    assert issue["body"].startswith(markdown.marker("drift"))
    assert "prod/Endpoint/one" in issue["body"]
    assert metrics(night)["reconciler_drifted_objects"] == 1

    assert drift(night).code == 2
    assert api.said(number) == []
    night.manifests(endpoint("one"), endpoint("two"))
    assert drift(night).json["summary"]["pending"] == 1
    assert api.said(number) == ["Drift: 1 changed outside, 1 declared but not applied."]

    assert night.apply("--metrics", "apply.prom").code == 0
    assert 'action="create",command="apply",status="applied"' in (night.root / "apply.prom").read_text()
    assert drift(night).code == 0
    assert (issue["state"], list(api.issues)) == ("closed", [number])
    types = [message["type"].rsplit(".", 1)[1] for message in messages(receiver)]
    assert types == ["none", "found", "found", "found", "none"]
    everything = json.dumps([messages(receiver), list(api.issues.values()), list(api.comments.values())])
    assert not any(night.environ[name] in everything for name in ("KEY_A", "CLIENT_SECRET", "HOOK"))


@pytest.mark.slow
def test_an_endpoint_that_fails_is_drift_though_nothing_differs(night: Bench) -> None:
    """A key that was revoked at the provider changes no field of any gateway."""
    night.faults({"match": {"path": "*/validate"}, "do": {"validate": {"providerReachable": False}}})
    assert night.run("drift").code == 0
    found = night.run("drift", "--verify", "--format", "json")
    assert found.code == 2, found.err
    [failing] = found.json["drift"]
    assert (failing["action"], failing["causes"]) == ("noop", ["failing check"])
    assert found.json["summary"] | {"failing": 1, "drifted": 0} == found.json["summary"]
    night.environ["RECONCILER_DRIFT_VERIFY"] = "true"
    assert "failing check" in night.run("drift").out


@pytest.mark.slow
def test_a_validation_without_an_answer_is_no_drift(night: Bench) -> None:
    """A rate limit at night would otherwise call people for an endpoint that works."""
    night.faults({"match": {"path": "*/validate"}, "do": {"status": 503}})
    found = night.run("drift", "--verify", "--format", "json", "--notify", "github-issue")
    assert (found.code, found.json["complete"], found.json["drift"]) == (1, False, [])
    assert [d["code"] for d in found.json["diagnostics"]] == ["ENGINE005"]


def test_whoever_cannot_be_told_hides_nothing(night: Bench, api: GitHubApi, receiver: Receiver) -> None:
    """The exit code is what the job goes by: a chat that is down must not turn drift into a failure, or into peace."""
    night.edit("one", rateLimits=LIMITS)
    api.accounts.clear()
    receiver.answers = [(410, {}, b"")]
    found = drift(night)
    assert found.code == 2
    assert len(found.json["drift"]) == 1
    assert "warning[FORGE001]" in found.err
    assert "warning[NOTIFY001]" in found.err
    assert "secret-path" not in found.err
    assert (night.root / "drift.prom").exists()


def test_a_cron_that_cannot_look_says_so_to_all(night: Bench, api: GitHubApi, receiver: Receiver) -> None:
    """Silence would read as peace; and an issue is not closed because nobody could look."""
    night.edit("one", rateLimits=LIMITS)
    assert drift(night).code == 2
    del night.environ["CLIENT_SECRET"]
    assert drift(night).code == 1
    assert [issue["state"] for issue in api.issues.values()] == ["open"]
    assert messages(receiver)[-1]["type"] == "reconciler.drift.unknown"
    assert (metrics(night)["reconciler_last_run_exit_code"], metrics(night)["reconciler_plan_complete"]) == (1, 0)


@pytest.mark.parametrize(
    "target", ["chat", "webhook:", "webhook:https://elsewhere.example.com", "github-issue:", "github-issue:a,b"]
)
def test_a_target_that_nobody_knows_is_wrong_usage(night: Bench, target: str) -> None:
    """A typo must be seen on the first day, and never read as drift."""
    assert night.run("drift", "--notify", target).code == 64


@pytest.mark.slow
def test_a_comment_follows_the_plan(night: Bench, api: GitHubApi) -> None:
    """One comment for all pushes to a pull request, found by the number in the ref of the job."""
    number = api.pull_request()
    night.environ["GITHUB_REF"] = f"refs/pull/{number}/merge"
    night.manifests(endpoint("one", rpm=7))
    for _ in range(2):
        assert night.run("plan", "--out", "plan.json").code == 0
        done = night.run("comment", "plan.json")
        assert done.code == 0, done.err
    [first] = api.said(number)
    assert "1 to update" in first
    night.manifests(endpoint("one"))
    assert night.run("plan", "--report", "json:plan.json").code == 0
    assert night.run("comment", "plan.json").code == 0
    [second] = api.said(number)
    assert "No changes" in second


def test_a_plan_that_could_not_be_made_is_said_in_the_comment(night: Bench, api: GitHubApi) -> None:
    """The comment of an earlier push would otherwise stand there and promise what no longer holds."""
    number = api.pull_request()
    api.comment(number, f"{markdown.marker('plan')}\nNo changes.")
    night.manifests("kind: Nonsense\n")
    assert night.run("plan", "--report", "json:plan.json").code == 1
    done = night.run("comment", "plan.json", "--pull-request", str(number))
    assert done.code == 0, done.err
    [said] = api.said(number)
    assert "incomplete" in said
    assert "manifests/fleet.yaml" in said


def test_traces_have_left_when_the_command_ends(night: Bench, receiver: Receiver) -> None:
    """The process ends at once and takes down nothing: what was not handed over by then is lost."""
    night.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SERVICE_NAME": "night-cron"}
    assert night.run("drift").code == 0
    [one] = receiver.deliveries
    assert one.path == "/v1/traces"
    assert b"night-cron" in one.content


def test_drift_that_was_seen_is_told_though_another_gateway_was_not(night: Bench, api: GitHubApi) -> None:
    """One gateway that is down for weeks must not hide what happens on all others."""
    night.edit("one", rateLimits=LIMITS)
    night.manifests(endpoint("one").replace("{name: one}", "{name: one, gateways: [prod, down]}"))
    down = GATEWAY.format(url="http://127.0.0.1:1", total=1).replace("prod", "down")
    night.write("manifests/down.yaml", down.replace("CLIENT_", "DOWN_"))
    night.environ |= {"DOWN_ID": "another-team", "DOWN_SECRET": "another-teams-secret"}
    assert drift(night).code == 1
    [issue] = api.issues.values()
    assert "Not everything could be read" in issue["body"]
    assert "prod/Endpoint/one" in issue["body"]


def test_a_fork_is_not_failed_for_its_token(night: Bench, api: GitHubApi, tmp_path: Path) -> None:
    """The token of a pull request from a fork may only read; its plan is in the log all the same."""
    number = api.pull_request()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": number}}), encoding="utf-8")
    night.environ |= {"GITHUB_EVENT_PATH": str(event), "GITHUB_TOKEN": FORK}
    assert night.run("plan", "--out", "plan.json").code == 0
    done = night.run("comment", "plan.json")
    assert done.code == 0
    assert "warning[FORGE001]" in done.err
    assert api.said(number) == []


def test_a_forged_plan_is_not_published(night: Bench, api: GitHubApi) -> None:
    """The file may come from the job of a stranger: only what a plan can say is ever said with our name."""
    number = api.pull_request()
    night.write("plan.json", '{"body": "approved, merge it"}')
    done = night.run("comment", "plan.json", "--pull-request", str(number))
    assert done.code == 1
    assert api.said(number) == []
    assert night.run("comment", "plan.json").code in {1, 64}


def test_a_forge_that_limits_is_not_waited_for_all_night(night: Bench, api: GitHubApi) -> None:
    """A job that sleeps for an hour costs more than a comment is worth."""
    api.faults.append(Fault("GET", "/repos/acme/fleet/issues", 403, {"Retry-After": "3600"}, "rate limit", times=9))
    night.edit("one", rateLimits=LIMITS)
    found = night.run("drift", "--notify", "github-issue")
    assert found.code == 2
    assert "rate limit" in found.err


def test_an_apply_that_fails_is_told_and_one_that_does_not_is_silent(night: Bench, receiver: Receiver) -> None:
    """Merges happen while nobody looks at the job: what did not reach the gateway must reach a person."""
    night.manifests(endpoint("one", rpm=7))
    night.faults({"match": {"method": "PUT"}, "do": {"status": 400}})
    assert night.apply("--notify", "webhook").code != 0
    [message] = messages(receiver)
    assert message["type"] == "reconciler.apply.failed"
    assert [outcome["status"] for outcome in message["data"]["outcomes"]] == ["failed"]
    night.faults()
    assert night.apply("--notify", "webhook").code == 0
    assert len(receiver.deliveries) == 1
    assert night.apply("--notify", "github-issue").code == 64
