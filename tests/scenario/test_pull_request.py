"""A team's day: the shipped workflows, step by step as they stand, against a gateway, a repository and a forge."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import render_samples as samples
from github_api import FORK, JOB, GitHubApi, serving
from scenario_bench import Bench, endpoint
from workflow_runner import Ran, Repository, Runner, git

from reconciler.cli import planfile

PLAN, APPLY, DRIFT = "reconciler-plan.yml", "reconciler-apply.yml", "reconciler-drift.yml"
ACTION = f"acme/reconciler@{'0123456789' * 4} # v1.0.0"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass
class Team:
    """A repository with the workflows, a gateway, a forge; and what developers do with them."""

    bench: Bench
    api: GitHubApi
    repository: Repository
    runner: Runner
    fork: Runner
    checkout: Path

    def propose(self, branch: str, *documents: str, number: int | None = None, since: str = "origin/main") -> int:
        """Open a pull request with this fleet, or push to it again."""
        git(self.checkout, "fetch", "--quiet", "origin")
        git(self.checkout, "checkout", "--quiet", "-B", branch, since)
        (self.checkout / "manifests" / "fleet.yaml").write_text("---\n".join(documents), encoding="utf-8")
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "--quiet", "--message", branch)
        number = number or self.api.pull_request()
        git(self.checkout, "push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge")
        return number

    def plan(self, number: int, *, fork: bool = False) -> Ran:
        """The pull request's job, which never has a secret."""
        return (self.fork if fork else self.runner).run(PLAN, ref=f"refs/pull/{number}/merge", fork=fork)

    def merge(self, number: int) -> None:
        """Merge into main, by a merge commit where that is needed."""
        git(self.checkout, "fetch", "--quiet", "origin", f"refs/pull/{number}/merge")
        git(self.checkout, "checkout", "--quiet", "-B", "main", "origin/main")
        git(self.checkout, "merge", "--quiet", "--no-ff", "--no-edit", "-X", "theirs", "FETCH_HEAD")
        commits = git(self.checkout, "rev-list", "origin/main..HEAD").split()
        git(self.checkout, "push", "--quiet", "origin", "main")
        git(self.checkout, "fetch", "--quiet", "origin")
        self.api.merge(number, *commits)

    def apply(self, digest: str = "") -> Ran:
        """The job on main."""
        return self.runner.run(APPLY, ref="refs/heads/main", inputs={"digest": digest})

    def comments(self, number: int) -> list[str]:
        """What stands on a pull request."""
        return self.api.said(number)


@pytest.fixture
def team(bench: Bench, tmp_path: Path) -> Iterator[Team]:
    """A team that has begun with `reconciler init` and applied its first fleet by hand."""
    repository = Repository.make(tmp_path / "origin.git")
    checkout = repository.clone(tmp_path / "developer")
    bench.root = checkout
    assert bench.run("init", "--action", ACTION).code == 0
    (checkout / "manifests" / "endpoints.yaml").unlink()
    gateway = (checkout / "manifests" / "gateway.yaml").read_text(encoding="utf-8")
    gateway = gateway.replace('"embedded:"', bench.url).replace("CXONE_", "")
    (checkout / "manifests" / "gateway.yaml").write_text(gateway, encoding="utf-8")
    settings = (checkout / "reconciler.yaml").read_text(encoding="utf-8").replace("*.platform.nicecxone.com", "127.*")
    (checkout / "reconciler.yaml").write_text(settings.replace('["LLM_*", "CXONE_*"]', '["*"]'), encoding="utf-8")
    names = ("CLIENT_ID", "CLIENT_SECRET", "KEY_A", "KEY_B", "HOOK_SECRET")
    given = "\n          ".join(f"{name}: ${{{{ secrets.{name} }}}}" for name in names)
    for path in (checkout / ".github" / "workflows").iterdir():
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"CXONE_CLIENT_ID:.*?LLM_OPENAI_PRIMARY: [^\n]*", lambda _: given, text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")
    (checkout / "manifests" / "fleet.yaml").write_text(endpoint("one"), encoding="utf-8")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "The fleet")
    git(checkout, "push", "--quiet", "origin", "HEAD:main")
    digest = bench.plan().json["digest"]
    with serving() as api:
        secrets = {name: value for name, value in bench.environ.items() if name in names}
        runner = Runner(tmp_path / "runners", repository, api.environ(JOB), secrets)
        fork = Runner(tmp_path / "forks", repository, api.environ(FORK), {})
        team = Team(bench, api, repository, runner, fork, checkout)
        first = team.apply(digest)
        assert first.code == 0, first.printed
        yield team


@pytest.mark.slow
def test_from_a_proposal_to_the_gateway(team: Team) -> None:
    """The three jobs that users run: the comment stays one, and the merge does what it showed, without another word."""
    number = team.propose("faster", endpoint("one", rpm=700))
    shown = team.plan(number)
    assert shown.code == 0, shown.printed
    assert "1 to update" in shown.summary
    team.propose("faster", endpoint("one", rpm=700), endpoint("two"), number=number, since="faster")
    again = team.plan(number)
    assert again.code == 0, again.printed
    (comment,) = team.comments(number)
    assert "Plan: 1 to create, 1 to update, 0 to delete." in comment
    assert "https://github.example.com/acme/fleet/blob/" in comment
    team.merge(number)
    merged = team.apply()
    assert merged.code == 0, merged.printed
    live = team.bench.endpoints()
    assert set(live) == {"one", "two"}
    assert live["one"]["rateLimits"]["requestsPerMinute"] == 700
    assert "2 applied" in merged.summary


@pytest.mark.slow
def test_an_evicted_run_is_carried_out_by_the_next(team: Team) -> None:
    """A queue keeps one waiting run: the last merge's run must do what both were to do, and only that."""
    first = team.propose("second", endpoint("one"), endpoint("two"))
    assert team.plan(first).code == 0
    second = team.propose("third", endpoint("one", rpm=900))
    assert team.plan(second).code == 0
    team.merge(first)
    git(team.checkout, "checkout", "--quiet", "-B", "third", "origin/main")
    team.propose("third", endpoint("one", rpm=900), endpoint("two"), number=second)
    team.merge(second)
    run = team.apply()
    assert run.code == 0, run.printed
    assert set(team.bench.endpoints()) == {"one", "two"}
    assert team.bench.endpoints()["one"]["rateLimits"]["requestsPerMinute"] == 900
    idle = team.apply()
    assert idle.code == 0, idle.printed
    assert "Nothing to do" in idle.summary


@pytest.mark.slow
def test_what_no_pull_request_showed_is_not_applied(team: Team) -> None:
    """A push past the review, or a comment by somebody else, must not reach a gateway that customers call."""
    number = team.propose("sneaky", endpoint("one", rpm=1))
    stamped = "<!-- reconciler:plan -->\nfine\n\n<!-- reconciler:approves " + "sha256:" + "0" * 64 + " -->"
    team.api.comment(number, stamped, login="mallory")
    team.merge(number)
    refused = team.apply()
    assert refused.code == 3, refused.printed
    assert "ENGINE002" in refused.printed
    assert team.bench.endpoints()["one"]["rateLimits"]["requestsPerMinute"] == 600
    (digest,) = set(DIGEST.findall(refused.printed)) - {f"sha256:{'0' * 64}"}
    by_hand = team.apply(digest)
    assert by_hand.code == 0, by_hand.printed
    assert team.bench.endpoints()["one"]["rateLimits"]["requestsPerMinute"] == 1


@pytest.mark.slow
def test_a_fork_is_planned_alike_and_cannot_widen_the_settings(team: Team) -> None:
    """A stranger's proposal has a token that may only read, no secret, and no say in where credentials go."""
    number = team.propose("fork", endpoint("one", rpm=700))
    shown = team.plan(number, fork=True)
    assert shown.code == 0, shown.printed
    assert "1 to update" in shown.summary
    assert team.comments(number) == []
    assert "FORGE001" in shown.printed
    (team.checkout / "reconciler.yaml").write_text("allowedHosts: ['*']\nplatforms: [x]\n", encoding="utf-8")
    again = team.propose("fork", endpoint("one", rpm=701), number=number, since="fork")
    widened = team.plan(again, fork=True)
    assert widened.code == 0, widened.printed


@pytest.mark.slow
def test_drift_is_one_issue_from_night_to_night(team: Team) -> None:
    """Opened, kept up to date, closed: never a new one each night."""

    def drift() -> Ran:
        return team.runner.run(DRIFT, ref="refs/heads/main")

    assert drift().code == 0
    assert team.api.issues == {}
    team.bench.edit("one", model="gpt-4o-mini")
    night = drift()
    assert night.code == 0, night.printed
    (issue,) = team.api.issues.values()
    assert issue["state"] == "open"
    assert "gpt-4o-mini" in issue["body"]
    team.bench.edit("one", model="gpt-4o")
    assert drift().code == 0
    (issue,) = team.api.issues.values()
    assert "gpt-4o-mini" not in issue["body"]
    plan = team.bench.run("--ledger", f"git:{team.repository.url}", "plan", "--format", "json")
    assert team.apply(plan.json["digest"]).code == 0
    assert drift().code == 0
    (issue,) = team.api.issues.values()
    assert issue["state"] == "closed"


@pytest.mark.slow
def test_a_plan_that_the_proposal_brings_along_is_not_taken(team: Team) -> None:
    """A file called like a plan would be published in our name, and approved by the merge, when planning fails."""
    planfile.write(team.checkout / "plan.json", samples.EMPTY)
    shutil.copy(team.checkout / "plan.json", team.checkout / "plan.md")
    number = team.propose("mine", endpoint("one", model="no such model\n"))
    ran = team.plan(number)
    assert ran.code == 1, ran.printed
    assert not any("reconciler:approves" in body for body in team.comments(number))
