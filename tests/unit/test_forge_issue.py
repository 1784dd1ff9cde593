"""One issue and one comment, against a stand-in for the forge on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from github_api import FORK, JOB, PERSON, Fault, GitHubApi, serving

from reconciler import wiring
from reconciler.errors import Forbidden, GatewayError, InputError, ProtocolError
from reconciler.forge import Finding, Forge, Tracked, keep_comment, keep_issue

MARK = "<!-- reconciler:drift -->"
PLAN = "<!-- reconciler:plan -->"
LABEL = "reconciler-drift"
FOUND = Tracked(LABEL, "Drift", MARK, f"{MARK}\nfirst", "a" * 64, "Drift: 1 changed outside.", Finding.DIFFERENCES)
OTHER = replace(FOUND, text=f"{MARK}\nsecond", substance="b" * 64, headline="Drift: 2 changed outside.")
CLEAN = replace(FOUND, text=f"{MARK}\nclean", substance="c" * 64, headline="No drift.", finding=Finding.NOTHING)
LISTED = [{"name": LABEL}]


@pytest.fixture
def api() -> Iterator[GitHubApi]:
    with serving() as served:
        yield served


def ask(api: GitHubApi, work: Callable[[Forge], Awaitable[Any]], token: str = JOB) -> Any:
    async def main() -> Any:
        async with wiring.open_forge(api.environ(token)) as forge:
            return await work(forge)

    return asyncio.run(main())


def issue(api: GitHubApi, tracked: Tracked, token: str = JOB) -> str:
    return str(ask(api, lambda forge: keep_issue(forge, tracked), token))


def comment(api: GitHubApi, number: int, text: str, token: str = JOB) -> str:
    return str(ask(api, lambda forge: keep_comment(forge, number, PLAN, f"{PLAN}\n{text}"), token))


def opened(api: GitHubApi) -> list[int]:
    return [number for number, one in api.issues.items() if one["state"] == "open" and "pull_request" not in one]


def test_drift_night_after_night_is_one_issue(api: GitHubApi) -> None:
    """A new issue each night is what makes people filter them away."""
    assert [issue(api, FOUND), issue(api, FOUND), issue(api, OTHER), issue(api, CLEAN)] == [
        "opened",
        "unchanged",
        "updated",
        "closed",
    ]
    [(number, one)] = api.issues.items()
    assert (one["state"], one["title"], one["labels"]) == ("closed", "Drift", LISTED)
    assert one["body"].startswith(CLEAN.text)
    assert api.said(number) == ["Drift: 2 changed outside.", "No drift."]


def test_a_night_without_news_writes_nothing(api: GitHubApi) -> None:
    """Every write is a mail to everybody who follows the repository."""
    issue(api, FOUND)
    api.requests.clear()
    issue(api, FOUND)
    assert api.writes() == []
    issue(api, CLEAN)
    api.requests.clear()
    assert issue(api, CLEAN) == "unchanged"
    assert api.writes() == []


def test_words_that_change_without_news_are_written_without_a_comment(api: GitHubApi) -> None:
    """The text is to be right every morning; a comment calls people, and only news may."""
    issue(api, FOUND)
    assert issue(api, replace(FOUND, text=f"{MARK}\nother words")) == "updated"
    assert api.said(opened(api)[0]) == []


def test_drift_that_comes_back_opens_the_same_issue_again(api: GitHubApi) -> None:
    """What was said the last time is worth reading when it happens again."""
    issue(api, FOUND)
    issue(api, CLEAN)
    assert issue(api, OTHER) == "reopened"
    [number] = api.issues
    assert opened(api) == [number]
    assert api.issues[number]["body"].startswith(OTHER.text)


def test_two_issues_become_one(api: GitHubApi) -> None:
    """Two runs at the same moment may both open one; the next run must not keep both up to date."""
    first = api.issue(f"{MARK}\none", labels=LISTED)
    second = api.issue(f"{MARK}\ntwo", labels=LISTED)
    assert issue(api, FOUND) == "updated"
    assert opened(api) == [first]
    assert api.said(second) == [f"Closed: #{first} says the same."]


def test_all_of_them_are_closed_when_nothing_is_left(api: GitHubApi) -> None:
    """An open issue without a reason is worse than none."""
    for _ in range(3):
        api.issue(f"{MARK}\none", labels=LISTED)
    assert issue(api, CLEAN) == "closed"
    assert opened(api) == []


def test_what_was_not_seen_neither_opens_nor_closes(api: GitHubApi) -> None:
    """A gateway that could not be read has not been repaired."""
    issue(api, FOUND)
    api.requests.clear()
    assert issue(api, replace(CLEAN, finding=Finding.NOT_ALL_SEEN)) == "left alone"
    assert api.requests == []
    assert len(opened(api)) == 1


def test_what_others_wrote_is_never_taken_for_ours(api: GitHubApi) -> None:
    """Anybody may open an issue with our marker and our title; rewriting it would sign their words with ours."""
    theirs = api.issue(f"{MARK}\nmine", login="mallory", labels=LISTED, title="Drift")
    quoted = api.issue(f"> {MARK}\nquoted", labels=LISTED, title="Drift")
    unlabelled = api.issue(f"{MARK}\nunlabelled", title="Drift")
    pull = api.pull_request(f"{MARK}\npull", labels=LISTED)
    assert issue(api, FOUND) == "opened"
    assert {n: api.issues[n]["body"].split("\n")[1] for n in (theirs, quoted, unlabelled, pull)} == {
        theirs: "mine",
        quoted: "quoted",
        unlabelled: "unlabelled",
        pull: "pull",
    }


def test_a_person_s_token_finds_the_person_s_issue(api: GitHubApi) -> None:
    """Outside of a job the author is no bot, and the issue must be found all the same."""
    assert [issue(api, FOUND, PERSON), issue(api, OTHER, PERSON)] == ["opened", "updated"]
    assert len(api.issues) == 1


def test_the_issue_is_found_behind_many_pages(api: GitHubApi) -> None:
    """The label may be on hundreds of issues; what is on page four would otherwise be opened again every night."""
    api.most_per_page = 2
    for n in range(7):
        api.issue(f"talk {n}", labels=LISTED, state="closed")
    number = api.issue(f"{MARK}\nold", labels=LISTED)
    assert issue(api, FOUND) == "updated"
    assert opened(api) == [number]
    assert sum("page=" in line.replace("per_page=", "") for line in api.requests) == 3


def test_a_page_elsewhere_is_not_followed(api: GitHubApi) -> None:
    """The token goes with every request: a header must not decide where to."""
    elsewhere = {"Link": '<http://127.0.0.1:1/api/v3/repos/acme/fleet/issues?page=2>; rel="next"'}
    api.faults.append(Fault("GET", "/repos/acme/fleet/issues", 200, elsewhere, body=[{"number": 1}]))
    with pytest.raises(ProtocolError, match="somewhere else"):
        issue(api, FOUND)


def test_an_issue_deleted_meanwhile_is_opened_anew(api: GitHubApi) -> None:
    """Deleting the issue does not delete the drift."""
    number = api.issue(f"{MARK}\nold", labels=LISTED)
    for status in (404, 410):
        api.faults.append(Fault("PATCH", f"/repos/acme/fleet/issues/{number}", status))
        assert issue(api, FOUND) == "opened"
        api.delete_issue(max(api.issues))


def test_an_answer_that_was_lost_makes_no_second_issue(api: GitHubApi) -> None:
    """The connection may break after the issue was opened, and nobody must open another for that."""
    api.faults.append(Fault("POST", "/repos/acme/fleet/issues", carried_out=True))
    assert issue(api, FOUND) == "opened"
    assert len(api.issues) == 1
    api.faults.append(Fault("POST", "/repos/acme/fleet/issues", carried_out=False))
    api.issues.clear()
    with pytest.raises(GatewayError):
        issue(api, FOUND)


def test_an_issue_without_its_label_is_not_left_open(api: GitHubApi) -> None:
    """It could never be found again, and so there would be another every night."""
    api.drops_labels = True
    with pytest.raises(ProtocolError, match="label"):
        issue(api, FOUND)
    assert opened(api) == []


def test_a_label_is_made_once(api: GitHubApi) -> None:
    """Two jobs may make it at the same moment; the second is told so and goes on."""
    api.faults.append(Fault("GET", "/repos/acme/fleet/labels/reconciler-drift", 404))
    api.labels[LABEL] = {"name": LABEL}
    assert issue(api, FOUND) == "opened"


def test_a_secondary_limit_is_waited_for(api: GitHubApi) -> None:
    """GitHub says 403 with Retry-After when it is asked too fast, which is no refusal."""
    api.faults.append(Fault("GET", "/repos/acme/fleet/issues", 403, {"Retry-After": "0"}, "secondary rate limit"))
    api.faults.append(Fault("PATCH", r"/repos/acme/fleet/issues/\d+", 429, {"Retry-After": "0"}))
    api.faults.append(Fault("PATCH", r"/repos/acme/fleet/issues/\d+", 502, {"Retry-After": "0"}))
    api.issue(f"{MARK}\nold", labels=LISTED)
    assert issue(api, FOUND) == "updated"


def test_a_comment_stays_one_comment(api: GitHubApi) -> None:
    """Ten pushes to a pull request are one comment that is right, not ten of which nine are wrong."""
    number = api.pull_request()
    assert [comment(api, number, "one"), comment(api, number, "one"), comment(api, number, "two")] == [
        "created",
        "unchanged",
        "updated",
    ]
    assert api.said(number) == [f"{PLAN}\ntwo"]


def test_line_ends_of_the_forge_are_no_change(api: GitHubApi) -> None:
    """Texts come back with other line ends than they were sent with."""
    number = api.pull_request()
    api.comment(number, f"{PLAN}\r\none\r\n")
    assert comment(api, number, "one") == "unchanged"


def test_a_comment_of_others_is_never_rewritten(api: GitHubApi) -> None:
    """Whoever could make us update their comment could change it after it was read and approved."""
    number = api.pull_request()
    api.comment(number, f"{PLAN}\nforged", login="mallory")
    assert comment(api, number, "true") == "created"
    assert api.said(number) == [f"{PLAN}\nforged", f"{PLAN}\ntrue"]


def test_a_comment_is_found_behind_many_pages(api: GitHubApi) -> None:
    """A long discussion must not hide it."""
    number = api.pull_request()
    for n in range(250):
        api.comment(number, f"talk {n}", login="ann")
    mine = api.comment(number, f"{PLAN}\nold")
    assert comment(api, number, "new") == "updated"
    assert api.comments[mine]["body"] == f"{PLAN}\nnew"


def test_a_comment_deleted_meanwhile_is_written_anew(api: GitHubApi) -> None:
    """Somebody tidies up between our reading and our writing."""
    number = api.pull_request()
    mine = api.comment(number, f"{PLAN}\nold")
    api.faults.append(Fault("PATCH", f"/repos/acme/fleet/issues/comments/{mine}", 404))
    del api.comments[mine]
    api.comment(number, "talk", login="ann")
    api.comments[mine] = {"id": mine, "issue": number, "body": f"{PLAN}\nold", "user": {"login": "x", "type": "Bot"}}
    assert comment(api, number, "new") == "created"
    assert api.said(number)[-1] == f"{PLAN}\nnew"


def test_of_two_comments_one_is_left(api: GitHubApi) -> None:
    """Two jobs of one push may both write one."""
    number = api.pull_request()
    first = api.comment(number, f"{PLAN}\none")
    api.comment(number, f"{PLAN}\ntwo")
    assert comment(api, number, "three") == "updated"
    assert api.said(number) == [f"{PLAN}\nthree"]
    assert first in api.comments


def test_a_lost_answer_makes_no_second_comment(api: GitHubApi) -> None:
    """What may have been written is looked for."""
    number = api.pull_request()
    api.faults.append(Fault("POST", f"/repos/acme/fleet/issues/{number}/comments", carried_out=True))
    assert comment(api, number, "one") == "created"
    assert api.said(number) == [f"{PLAN}\none"]


def test_a_token_that_may_only_read_is_said(api: GitHubApi) -> None:
    """On a fork this is how things are, and whoever calls decides what follows from it."""
    number = api.pull_request()
    with pytest.raises(Forbidden):
        comment(api, number, "one", FORK)


@pytest.mark.parametrize(
    "environ",
    [
        {"GITHUB_TOKEN": ""},
        {"GITHUB_API_URL": "http://api.example.com"},
        {"GITHUB_REPOSITORY": "fleet"},
        {"GITHUB_TOKEN": "ghs_a\nb"},
    ],
)
def test_a_token_goes_nowhere_in_clear(api: GitHubApi, environ: dict[str, str]) -> None:
    """A half-made environment must not send a token over a network that anybody can read."""

    async def main() -> None:
        async with wiring.open_forge({**api.environ(), **environ}):
            pass

    with pytest.raises(InputError) as raised:
        asyncio.run(main())
    assert [d.code for d in raised.value.diagnostics] == ["FORGE002"]
    assert "ghs_a" not in str([d.detail for d in raised.value.diagnostics])
