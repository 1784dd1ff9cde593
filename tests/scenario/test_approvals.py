"""What a comment on a pull request approves: what it shows, when we wrote it, once it is merged where we apply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import render_samples as samples
from github_api import JOB, PERSON, Account, GitHubApi, serving
from scenario_bench import Bench, Finished
from workflow_runner import git

from reconciler import __version__
from reconciler.cli import planfile
from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.plan import Plan, Summary
from reconciler.planning import change_digest, intent_digest
from reconciler.render import markdown

OTHER = "ghs_of_another_app"


@pytest.fixture
def api() -> Iterator[GitHubApi]:
    with serving() as served:
        served.accounts[OTHER] = Account("deployer[bot]", "Bot")
        yield served


@pytest.fixture
def repository(bench: Bench, api: GitHubApi) -> Bench:
    """A checkout with one commit on main, and a job's token."""
    bench.environ |= api.environ()
    bench.write("reconciler.yaml", "manifests: [manifests/]\n")
    git(bench.root, "init", "--quiet", "--initial-branch=main")
    git(bench.root, "add", "--all")
    git(bench.root, "commit", "--quiet", "--message", "the fleet")
    return bench


def creations(count: int, *, length: int = 10) -> tuple[Change, ...]:
    """Changes with two fields each, one of which is this long."""
    fields = (
        FieldChange("/spec/model", ABSENT, "gpt-4o", Origin.CONFIG),
        FieldChange("/spec/displayName", ABSENT, "n" * length, Origin.CONFIG),
    )
    return tuple(
        Change(Address("prod", "Endpoint", f"ep-{n:04}"), Action.CREATE, "new in the manifests", fields)
        for n in range(count)
    )


def planned(path: Path, changes: Sequence[Change], **more: Any) -> Plan:
    """A plan file of these changes."""
    plan = replace(
        samples.EMPTY,
        changes=tuple(changes),
        summary=Summary(create=len(changes)),
        digest=intent_digest(changes),
        basis=replace(samples.EMPTY.basis, tool_version=__version__),
        **more,
    )
    planfile.write(path, plan)
    return plan


def approved(bench: Bench, *arguments: str, token: str = JOB) -> list[str]:
    bench.environ["GITHUB_TOKEN"] = token
    done = bench.run("approved", *arguments)
    assert done.code == 0, done.err
    return done.out.split()


def head(bench: Bench) -> str:
    return git(bench.root, "rev-parse", "HEAD")


def test_a_plan_that_is_shown_is_approved_as_a_whole(repository: Bench, api: GitHubApi) -> None:
    """The usual case: everything stands in the comment, and the merge approves it."""
    number, plan = api.pull_request(), planned(repository.root / "plan.json", creations(3))
    assert repository.run("comment", "plan.json", "--pull-request", str(number)).code == 0
    api.merge(number, head(repository))
    assert approved(repository) == [plan.digest, *map(change_digest, plan.changes)]


@pytest.mark.parametrize(("count", "length"), [(601, 150), (3, 400)])
def test_only_what_was_shown_whole_is_approved(repository: Bench, api: GitHubApi, count: int, length: int) -> None:
    """Whoever merges has read what the comment shows, and answers for nothing that was left out of it."""
    changes = creations(count, length=length)
    number, plan = api.pull_request(), planned(repository.root / "plan.json", changes)
    assert repository.run("comment", "plan.json", "--pull-request", str(number)).code == 0
    [body] = api.said(number)
    seen = [change for change in changes if f'+ displayName: "{"n" * length}"' in body and str(change.address) in body]
    assert len(seen) < count
    assert f"Merging approves {len(seen)} of {count} changes" in body
    assert plan.digest in body
    api.merge(number, head(repository))
    assert approved(repository) == [change_digest(change) for change in seen]


@pytest.mark.parametrize("login", ["ann", "deployer[bot]", "github-actions"])
def test_a_marker_that_somebody_else_wrote_approves_nothing(repository: Bench, api: GitHubApi, login: str) -> None:
    """Anybody may comment, and every integration is a bot: only the one that our token speaks for is us."""
    number = api.pull_request()
    plan = planned(repository.root / "plan.json", creations(1))
    text = f"{markdown.marker('plan')}\nAll well.\n\n<!-- reconciler:approves {plan.digest} -->\n"
    api.comment(number, text, login=login)
    api.merge(number, head(repository))
    assert approved(repository) == []


@pytest.mark.parametrize("token", [JOB, PERSON, OTHER])
def test_whoever_wrote_it_finds_it_again(repository: Bench, api: GitHubApi, token: str) -> None:
    """A person's token, a job's and an app's all keep one comment, and count it."""
    repository.environ["GITHUB_TOKEN"] = token
    number, plan = api.pull_request(), planned(repository.root / "plan.json", creations(1))
    for _ in range(2):
        assert repository.run("comment", "plan.json", "--pull-request", str(number)).code == 0
    assert len(api.said(number)) == 1
    api.merge(number, head(repository))
    assert approved(repository, token=token)[0] == plan.digest


def test_a_merge_into_another_branch_approves_nothing(repository: Bench, api: GitHubApi) -> None:
    """Whoever may merge into a branch of their own may not approve for main."""
    number, plan = api.pull_request(), planned(repository.root / "plan.json", creations(1))
    assert repository.run("comment", "plan.json", "--pull-request", str(number)).code == 0
    api.merge(number, head(repository), base="feature")
    assert approved(repository) == []
    assert approved(repository, "--base", "feature")[0] == plan.digest
    git(repository.root, "checkout", "--quiet", "--detach")
    lost = repository.run("approved")
    assert (lost.code, "CLI012" in lost.err) == (1, True)


def test_two_fleets_have_two_comments_and_two_approvals(repository: Bench, api: GitHubApi) -> None:
    """One job must not write over what the other one shows, nor have it approved."""
    number = api.pull_request()
    digests = {}
    for count, fleet in enumerate(("eu", "us"), 1):
        repository.write(f"fleets/{fleet}/reconciler.yaml", "manifests: [.]\n")
        plan = planned(repository.root / f"{fleet}.json", creations(count))
        digests[fleet] = plan.digest
        for _ in range(2):
            assert of(repository, fleet, "comment", f"{fleet}.json", "--pull-request", str(number)).code == 0
    repository.write("other.yaml", "fleet: asia\n")
    plan = planned(repository.root / "asia.json", creations(3))
    assert repository.run("--settings", "other.yaml", "comment", "asia.json", "--pull-request", str(number)).code == 0
    assert len(api.said(number)) == 3
    api.merge(number, head(repository))
    for fleet, digest in digests.items():
        done = of(repository, fleet, "approved")
        assert [one for one in done.out.split() if ":" in one] == [digest], done.err
    assert approved(repository) == []


def of(bench: Bench, fleet: str, *arguments: str) -> Finished:
    return bench.run("--settings", f"fleets/{fleet}/reconciler.yaml", *arguments)


@pytest.mark.parametrize("version", [__version__, "9.9.9", ""])
def test_a_plan_file_is_what_it_shows(repository: Bench, api: GitHubApi, version: str) -> None:
    """Whichever version a file says that it is of: nobody is shown one change and has another approved."""
    number = api.pull_request()
    planned(repository.root / "plan.json", creations(2))
    document = json.loads((repository.root / "plan.json").read_text(encoding="utf-8"))
    document["tool_version"] = version
    document["changes"][0]["fields"][0]["after"] = "something-harmless"
    repository.write("plan.json", json.dumps(document))
    for arguments in (["show", "plan.json"], ["apply", "plan.json"], ["comment", "plan.json", "--pull-request", "1"]):
        done = repository.run(*arguments)
        assert (done.code, "CLI001" in done.err) == (1, True), done.err
    assert api.said(number) == []
