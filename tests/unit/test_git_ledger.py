"""The ledger in git: races, lost answers, refusals, damage, leases, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from git_bench import CLEAN, NAMED, bare, clone, git, hook

from reconciler.engine.clock import SystemClock
from reconciler.errors import Defect, LeaseHeld, LedgerCorrupt, LedgerError, LedgerTooNew, StaleLedger
from reconciler.ledger import open_ledger
from reconciler.ledger.git import GitLedger
from reconciler.ledger.git_command import Git, GitFailed, environment, masked
from reconciler.ledger.git_lease import SKEW
from reconciler.ledger.git_place import Remote, find_place
from reconciler.ledger.lease import Terms
from reconciler.model.memory import Lease, LedgerSnapshot, Settlement
from reconciler.model.run import RunRecord
from reconciler.testing.fakes import FakeClock
from reconciler.testing.ledger_suite import GATEWAY, address, creation, entry

REF = "refs/reconciler/ledger"
NOON = 1_800_000_000.0
TERMS = Terms(lasts=40.0, renew=3600.0, poll=0.02)


class Wall:
    """Seconds since 1970 that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = NOON

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """The repository that is pushed to."""
    return bare(tmp_path)


@pytest.fixture
def root(tmp_path: Path, served: Path) -> Path:
    """A checkout as a job makes it: the newest commit only."""
    return clone(served, tmp_path / "checkout", "--depth=1")


def door(root: Path, url: str = "git:", wall: Callable[[], float] = lambda: NOON) -> GitLedger:
    """One more process's view of the ledger."""
    return GitLedger(partial(find_place, url, root), FakeClock(), TERMS, wall)


def run(root: Path, work: Callable[[GitLedger], Awaitable[None]], url: str = "git:") -> None:
    """Do something with a ledger, and close it."""

    async def main() -> None:
        ledger = door(root, url)
        try:
            async with asyncio.timeout(120):
                await work(ledger)
        finally:
            await ledger.close()

    asyncio.run(main())


async def settle_one(ledger: GitLedger, number: int = 1) -> None:
    """A run of one change."""
    async with ledger.lease(GATEWAY, "me", 0) as lease:
        await ledger.intend(lease, (creation(number),))
        await ledger.settle(lease, (Settlement(address(number), entry(number)),))


def loaded(root: Path, url: str = "git:") -> LedgerSnapshot:
    """What another process reads."""
    found: list[LedgerSnapshot] = []

    async def work(ledger: GitLedger) -> None:
        found.append(await ledger.load())

    run(root, work, url)
    return found[0]


def replaced(served: Path, path: str, content: str | None) -> None:
    """Somebody edits one file of the ref by hand."""
    index = {**CLEAN, "GIT_INDEX_FILE": str(served / "edit.index"), "GIT_DIR": str(served)}

    def command(*words: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", *NAMED, *words], env=index, cwd=served, input=stdin, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    command("read-tree", REF)
    if content is None:
        command("rm", "--cached", "-q", path)
    else:
        blob = command("hash-object", "-w", "--stdin", stdin=content)
        command("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    commit = command("commit-tree", command("write-tree"), "-p", REF, stdin="by hand")
    command("update-ref", REF, commit)


# Races


WRITER = """
import asyncio, sys
from functools import partial
from pathlib import Path
from reconciler.engine.clock import SystemClock
from reconciler.ledger import open_ledger
from reconciler.model.memory import Settlement
from reconciler.model.run import RunRecord
from reconciler.model.address import Address
from reconciler.model.memory import Entry

async def main(root, gateway):
    ledger = open_ledger("git:", SystemClock(), Path(root))
    async with ledger.lease(gateway, f"run of {gateway}", 0) as lease:
        record = RunRecord(f"run-{gateway}", "2026-01-01T00:00:00.000Z", None, "running", (gateway,), "me")
        await ledger.begin_run(record)
        for number in range(6):
            address = Address(gateway, "Endpoint", f"ep-{number}")
            await ledger.settle(lease, (Settlement(address, Entry(address, f"r-{number}", {"n": number})),))
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
def test_two_jobs_on_two_gateways_lose_nothing_of_each_other(tmp_path: Path, served: Path) -> None:
    """Every push of one job is in the way of the other's: each must be done again on top, none over it."""
    roots = [clone(served, tmp_path / name, "--depth=1") for name in ("a", "b")]
    jobs = [
        subprocess.Popen([sys.executable, "-c", WRITER, root, gateway], env=CLEAN, stderr=subprocess.PIPE, text=True)
        for root, gateway in zip(roots, ("prod", "dev"), strict=True)
    ]
    for job in jobs:
        _, err = job.communicate(timeout=300)
        assert job.returncode == 0, err
    snapshot = loaded(roots[0])
    assert len(snapshot.entries) == 12
    assert snapshot.serial == 12
    subjects = git(served, "log", "--format=%s", REF).splitlines()
    assert sum("settlement" in subject for subject in subjects) == 12
    runs = git(served, "ls-tree", "--name-only", f"{REF}:runs").split()
    assert sorted(name.partition("-")[2] for name in runs) == ["run-dev.json", "run-prod.json"]


def test_the_first_writers_of_a_new_ref_do_not_overwrite_each_other(tmp_path: Path, served: Path) -> None:
    """Where the ref is not there yet, 'not there' is the old value that is compared."""
    roots = [clone(served, tmp_path / str(number)) for number in range(3)]

    async def main() -> None:
        doors = [door(root) for root in roots]
        records = [RunRecord(f"run-{n}", "2026-01-01T00:00:00.000Z", None, "running", (), "me") for n in range(3)]
        await asyncio.gather(*(ledger.begin_run(record) for ledger, record in zip(doors, records, strict=True)))
        assert {record.run_id for record in await doors[0].history(9)} == {"run-0", "run-1", "run-2"}
        for ledger in doors:
            await ledger.close()

    asyncio.run(main())


def test_changes_that_wait_share_a_push(root: Path, served: Path) -> None:
    """A push costs up to a second: forty changes at once must not cost forty."""

    async def work(ledger: GitLedger) -> None:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await asyncio.gather(*(ledger.intend(lease, (creation(n),)) for n in range(40)))
            before = int(git(served, "rev-list", "--count", REF))
            assert before <= 3
            assert (await ledger.load()).serial == 40

    run(root, work)


def test_work_is_done_although_nobody_waits_for_it_any_more(root: Path) -> None:
    """A run that is interrupted while an intent is pushed may have written already: the intent must be there."""

    async def work(ledger: GitLedger) -> None:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            asking = asyncio.create_task(ledger.intend(lease, (creation(1),)))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await ledger.intend(lease, (creation(2),))
            assert set((await ledger.load()).intents) == {address(1), address(2)}

    run(root, work)


def test_nothing_is_refused_for_what_was_true_a_while_ago(root: Path, tmp_path: Path, served: Path) -> None:
    """What was read a minute ago is good enough to write on, for the push compares it; it is no reason to refuse."""

    async def work(ledger: GitLedger) -> None:
        assert (await ledger.load()).serial == 0
        other = door(clone(served, tmp_path / "other"))
        await settle_one(other)
        assert await ledger.forget(address(1))
        async with ledger.lease(GATEWAY, "first", 0):
            with pytest.raises(LeaseHeld):
                await settle_one(other)
        await settle_one(other)
        await other.close()

    run(root, work)


# A push that fails, and one whose answer is lost


ONCE = "if [ ! -e fired ]; then touch fired; {}; fi\nexit 0"


@pytest.mark.parametrize(
    "script",
    [
        "kill -9 $$",
        "echo not now; exit 1",
        "kill -9 $PPID",
        "kill -9 $(ps -o ppid= -p $PPID)",
    ],
    ids=["hook killed", "refused once", "receiver killed", "sender killed"],
)
def test_a_push_that_broke_off_is_pushed_again(root: Path, served: Path, script: str) -> None:
    """A dropped connection in the middle of an apply must cost a second, not the run."""
    hook(served, "pre-receive", ONCE.format(script))
    run(root, settle_one)
    assert (served / "fired").exists()
    assert loaded(root).entries == {address(1): entry(1)}
    assert loaded(root).serial == 2


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $PPID"], ids=["says no", "receiver killed"])
def test_a_lost_answer_is_read_back(root: Path, served: Path, script: str) -> None:
    """The ref moved, and git said that it failed: pushing the same again would count it twice, or report a loss."""
    hook(served, "post-receive", script)
    run(root, settle_one)
    snapshot = loaded(root)
    assert (snapshot.serial, snapshot.entries) == (2, {address(1): entry(1)})
    assert int(git(served, "rev-list", "--count", REF)) == 4


def test_a_lost_answer_is_found_below_what_others_pushed(root: Path, served: Path) -> None:
    """The answer was lost, and others had pushed before we looked: ours is in the past, and must not be redone."""
    follow = (
        'new=$(cat | cut -d" " -f2); unset GIT_QUARANTINE_PATH; export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x '
        "GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x; for n in 1 2; do "
        'tree=$(git cat-file -p $new:ledger.json | sed "s/\\"writes\\": [0-9]*/\\"writes\\": 10$n/" | '
        "git hash-object -w --stdin); "
        'root=$( (git ls-tree $new | grep -v ledger.json; printf "100644 blob $tree\\tledger.json\\n") | git mktree); '
        f"new=$(git commit-tree -m other -p $new $root); git update-ref {REF} $new; done; kill -9 $PPID"
    )
    hook(served, "post-receive", ONCE.format(follow))
    run(root, settle_one)
    assert (served / "fired").exists()
    assert loaded(root).serial == 2
    subjects = git(served, "log", "--format=%s", REF).splitlines()
    assert subjects[-3:] == ["other", "other", f"{GATEWAY}: lease"]
    assert subjects.count(f"{GATEWAY}: lease") == 1


def test_a_remote_that_refuses_is_reported_in_its_own_words(root: Path, served: Path) -> None:
    """Whoever lacks a permission must read which, and no write may leave without its intent."""
    hook(served, "pre-receive", "echo 'GH006: contents: write is missing'; exit 1")

    async def work(ledger: GitLedger) -> None:
        with pytest.raises(LedgerError, match=r"(?s)GH006: contents: write is missing.*LEDGER006"):
            await settle_one(ledger)

    run(root, work)
    assert loaded(root).serial == 0


def test_a_refusal_in_the_middle_leaves_what_was_acknowledged(root: Path, served: Path) -> None:
    """A permission that is taken away during a run must stop it, not undo it."""

    async def work(ledger: GitLedger) -> None:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.intend(lease, (creation(1),))
            hook(served, "pre-receive", "exit 1")
            with pytest.raises(LedgerError, match="LEDGER006"):
                await ledger.intend(lease, (creation(2),))
            (served / "hooks" / "pre-receive").unlink()
            await ledger.settle(lease, (Settlement(address(1), entry(1)),))

    run(root, work)
    assert (loaded(root).entries, loaded(root).intents) == ({address(1): entry(1)}, {})


# Leases


def test_an_expired_lease_is_taken_and_its_holder_is_fenced(root: Path) -> None:
    """A job that was killed must not lock its gateway for ever, and one that only slept must write nothing more."""
    wall = Wall()

    async def work(old: GitLedger) -> None:
        new = door(root, wall=wall)
        async with old.lease(GATEWAY, "old", 0) as lease:
            await old.intend(lease, (creation(1),))
            wall.seconds += TERMS.lasts + SKEW - 1
            with pytest.raises(LeaseHeld, match="by old; its lease ends in 1 s"):
                await settle_one(new)
            wall.seconds += 2
            async with new.lease(GATEWAY, "new", 0):
                with pytest.raises(StaleLedger, match=r"new has taken it.*LEDGER004"):
                    await old.settle(lease, (Settlement(address(1), entry(1)),))
        await new.close()

    asyncio.run(_with(door(root, wall=wall), work))


async def _with(ledger: GitLedger, work: Callable[[GitLedger], Awaitable[None]]) -> None:
    try:
        await work(ledger)
    finally:
        await ledger.close()


def test_a_lease_that_nobody_took_is_still_ours(root: Path) -> None:
    """A laptop that slept need not lose its run: compare-and-set proves that nobody was in between."""
    wall = Wall()

    async def work(ledger: GitLedger) -> None:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            wall.seconds += 3600
            await ledger.intend(lease, (creation(1),))
            other = door(root, wall=wall)
            with pytest.raises(LeaseHeld):
                await settle_one(other)
            await other.close()

    asyncio.run(_with(door(root, wall=wall), work))


def test_a_clock_that_is_a_little_ahead_takes_nothing(root: Path) -> None:
    """Two runners' clocks differ by seconds: that alone may not put two runs on one gateway."""
    ahead = Wall()
    ahead.seconds += TERMS.lasts + SKEW / 2

    async def work(ledger: GitLedger) -> None:
        other = door(root, wall=ahead)
        async with ledger.lease(GATEWAY, "me", 0):
            with pytest.raises(LeaseHeld):
                await settle_one(other)
        await other.close()

    run(root, work)


def test_a_lease_is_renewed_while_nothing_is_written(root: Path, served: Path) -> None:
    """A gateway that answers slowly for a minute must not cost the lease."""
    often = Terms(lasts=40.0, renew=0.05, poll=0.02)

    async def work(ledger: GitLedger) -> None:
        async with ledger.lease(GATEWAY, "me", 0), asyncio.timeout(120):
            while "renewal" not in git(served, "log", "--format=%s", REF):  # noqa: ASYNC110 - git tells nobody
                await asyncio.sleep(0.02)

    asyncio.run(_with(GitLedger(partial(find_place, "git:", root), FakeClock(), often), work))
    assert loaded(root).serial == 0


# Damage, and refs that move on their own


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("gateways/prod/entries.json", '{"prod/Endpoint/ep-0001": {'),
        ("gateways/prod/entries.json", "[]"),
        ("gateways/prod/entries.json", '{"prod/Endpoint/ep-0001": {"v": 1}}'),
        ("gateways/prod/entries.json", '{"prod/Endpoint/ep-0001": 7}'),
        ("gateways/prod/lease.json", '{"holder": "x"}'),
        ("ledger.json", "{}"),
        ("ledger.json", None),
    ],
)
def test_damage_is_called_damage(root: Path, served: Path, path: str, content: str | None) -> None:
    """A half-readable ledger would look like objects that nobody owns: nothing may be planned from it."""
    run(root, settle_one)
    replaced(served, path, content)
    with pytest.raises(LedgerCorrupt, match="LEDGER001"):
        loaded(root)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("ledger.json", '{"v": 2, "serial": 1, "writes": 1}'),
        ("gateways/prod/lease.json", '{"v": 2}'),
        ("gateways/prod/entries.json", '{"prod/Endpoint/ep-0001": {"v": 2}}'),
    ],
)
def test_a_later_form_is_refused(root: Path, served: Path, path: str, content: str) -> None:
    """Notes of a later version might mean something else: reading them wrongly deletes objects."""
    run(root, settle_one)
    replaced(served, path, content)
    with pytest.raises(LedgerTooNew, match="LEDGER002"):
        loaded(root)


def test_files_laid_out_otherwise_are_read_and_unknown_ones_kept(root: Path, served: Path) -> None:
    """Someone mended the ref with another tool, or a later release keeps one file more: neither is damage."""
    run(root, settle_one)
    text = git(served, "show", f"{REF}:gateways/prod/entries.json")
    replaced(served, "gateways/prod/entries.json", json.dumps(json.loads(text)))
    replaced(served, "gateways/prod/later.json", "whatever")
    assert loaded(root).entries == {address(1): entry(1)}
    run(root, partial(settle_one, number=2))
    assert set(loaded(root).entries) == {address(1), address(2)}
    assert git(served, "show", f"{REF}:gateways/prod/later.json") == "whatever"


@pytest.mark.parametrize("back", [f"{REF}~1", None], ids=["reset", "removed"])
def test_a_ref_that_goes_back_stops_the_run(root: Path, served: Path, back: str | None) -> None:
    """What the run relies on, its intents among it, was taken away: writing on would hide that."""

    async def work(ledger: GitLedger) -> None:
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.intend(lease, (creation(1),))
            git(served, "update-ref", *((REF, back) if back else ("-d", REF)))
            with pytest.raises(StaleLedger, match="LEDGER007"):
                await ledger.settle(lease, (Settlement(address(1), entry(1)),))
            with pytest.raises(StaleLedger, match="LEDGER007"):
                await ledger.load()

    run(root, work)


# Places


def test_a_checkout_is_left_as_it_was(root: Path, served: Path) -> None:
    """The ledger is nobody's business in a checkout: no file, no ref, no object, no branch, no deeper history."""
    before = _photograph(root)
    run(root, settle_one)
    loaded(root)
    assert _photograph(root) == before
    assert git(served, "branch", "--format=%(refname)") == "refs/heads/main"


def _photograph(root: Path) -> object:
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return files, git(root, "status", "--porcelain"), git(root, "for-each-ref"), (root / ".git/config").read_text()


def test_a_repository_without_a_remote_keeps_it_itself(tmp_path: Path) -> None:
    """For trying it out, and for a repository on a shared disk, no server is needed."""
    git(tmp_path, "init", "--quiet", "alone")
    alone = tmp_path / "alone"
    run(alone, settle_one, "git:.")
    assert loaded(alone, "git:.").entries == {address(1): entry(1)}
    assert git(alone, "status", "--porcelain") == ""
    assert git(alone, "for-each-ref", "--format=%(refname)") == REF
    assert loaded(tmp_path, "git:./alone").serial == 2
    assert loaded(tmp_path, f"git:{alone}#refs/reconciler/staging").serial == 0


def test_a_remote_is_named_by_url_relative_url_or_name(root: Path, served: Path) -> None:
    """Manifests and ledger may be in different repositories, and `origin` may be called otherwise."""
    run(root, settle_one, f"git:{served.as_uri()}#refs/ours/ledger")
    git(root, "remote", "rename", "origin", "upstream")
    git(root, "remote", "set-url", "upstream", "../served.git")
    assert loaded(root, "git:upstream#refs/ours/ledger").serial == 2


class _Listener(BaseHTTPRequestHandler):
    """Writes down who asks, and turns them away."""

    heard: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.heard.append(self.headers["Authorization"])
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.mark.parametrize("included", [False, True], ids=["in the checkout", "in a file that it includes"])
def test_the_credential_of_a_job_is_used(root: Path, tmp_path: Path, *, included: bool) -> None:
    """A checkout in CI keeps its token in its own configuration: without it every push would be turned away."""
    server = HTTPServer(("127.0.0.1", 0), _Listener)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    into = tmp_path / "job.config" if included else root / ".git" / "config"
    git(root, "config", "--file", str(into), f"http.{url}.extraheader", f"AUTHORIZATION: basic t-{included}")
    if included:
        git(root, "config", f"includeIf.gitdir:{root}/.git.path", str(into))
    git(root, "remote", "set-url", "origin", url + "team/fleet")
    try:
        with pytest.raises(LedgerError, match=r"(?s)403.*LEDGER006"):
            loaded(root)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert f"basic t-{included}" in _Listener.heard


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("git:nobody", r"No such remote 'nobody'.*git:\."),
        ("git:./nowhere", "nowhere does not exist"),
        ("git:#refs/heads/main", "no branch"),
        ("git:#refs/tags/v1", "no branch"),
        ("git:#refs/a/../heads/main", "no branch"),
        ("git:#ledger", "no branch"),
        ("git:--upload-pack=touch", "No such remote"),
    ],
)
def test_a_place_that_is_none_is_named(root: Path, url: str, said: str) -> None:
    """A branch would be built and protected, a misspelt remote would be an empty ledger."""
    with pytest.raises(LedgerError, match=f"(?s){said}.*LEDGER005"):
        loaded(root, url)


def test_no_repository_at_all_is_said(tmp_path: Path) -> None:
    """`git:` outside of a checkout has nothing to refer to."""
    with pytest.raises(LedgerError, match=r"(?s)not a git repository.*LEDGER005"):
        loaded(tmp_path)


@pytest.mark.parametrize("there", ["missing.git", "served.git/objects"])
def test_a_remote_that_is_not_there_is_an_error(tmp_path: Path, served: Path, there: str) -> None:
    """A ledger that cannot be read is not an empty one: everything would look unmanaged."""
    with pytest.raises(LedgerError, match=r"(?s)git says.*LEDGER006"):
        loaded(tmp_path, f"git:{(served.parent / there).as_uri()}")


def test_credentials_in_urls_are_not_repeated() -> None:
    """Git repeats the URL in its errors, and a job's log is public more often than meant."""
    said = "fatal: unable to access 'https://bot:p@ss@git.example.com/x.git?token=hidden/': 403, see http://u@h/y"
    assert masked(said) == "fatal: unable to access 'https://***@git.example.com/x.git?***': 403, see http://***@h/y"


def test_an_unreachable_remote_does_not_leak_its_password(tmp_path: Path) -> None:
    """The same, from the outside: a port where nobody listens."""
    with pytest.raises(LedgerError, match="LEDGER006") as caught:
        loaded(tmp_path, "git:http://bot:hunter2@127.0.0.1:9/x.git")
    assert "hunter2" not in str(caught.value)
    assert "***@127.0.0.1" in str(caught.value)


def test_the_environment_leads_to_remotes_and_nowhere_else() -> None:
    """A hook that runs the tool has GIT_DIR set: the ledger would be written into a repository that is not meant."""
    given = {
        "GIT_DIR": "/x",
        "GIT_WORK_TREE": "/x",
        "GIT_INDEX_FILE": "/x",
        "GIT_AUTHOR_EMAIL": "person@example.com",
        "GIT_TRACE": "1",
        "GIT_SSH_COMMAND": "ssh -i key",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.proxy",
        "GIT_CONFIG_VALUE_0": "p",
        "HOME": "/h",
    }
    made = environment(given, (("http.a.extraheader", "h"),))
    assert not {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_TRACE"} & made.keys()
    assert (made["HOME"], made["GIT_SSH_COMMAND"], made["GIT_TERMINAL_PROMPT"]) == ("/h", "ssh -i key", "0")
    assert (made["GIT_CONFIG_COUNT"], made["GIT_CONFIG_KEY_0"]) == ("2", "http.proxy")
    assert (made["GIT_CONFIG_KEY_1"], made["GIT_CONFIG_VALUE_1"]) == ("http.a.extraheader", "h")
    assert made["GIT_AUTHOR_EMAIL"] == "reconciler@localhost"


def test_commits_carry_nobodys_name(root: Path, served: Path) -> None:
    """A ref that everybody with access reads names the holder of a lease, and no person besides."""
    git(root, "config", "user.name", "A Person")
    git(root, "config", "user.email", "person@example.com")
    run(root, settle_one)
    log = git(served, "log", "--format=%an %ae %cn %ce %ai%n%B", REF)
    assert "erson" not in log
    assert "reconciler@localhost" in log
    assert {line.split()[-1] for line in log.splitlines() if line.startswith("reconciler ")} == {"+0000"}


def test_hooks_and_signatures_of_the_checkout_are_left_alone(root: Path) -> None:
    """A pre-push hook that runs a test suite, or a key that needs a touch, would stop every write."""
    git(root, "config", "commit.gpgSign", "true")
    git(root, "config", "push.gpgSign", "true")
    (root / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("pre-push", "reference-transaction"):
        path = root / ".git" / "hooks" / name
        path.write_text("#!/bin/sh\nexit 1\n")
        path.chmod(0o755)
    run(root, settle_one)
    run(root, settle_one, "git:.")
    assert loaded(root, "git:.").serial == 2


# What the files say


def test_the_files_are_for_people(root: Path, served: Path) -> None:
    """Somebody who looks at a diff of the ref must see which field of which object moved."""
    run(root, settle_one)
    shown = git(served, "ls-tree", "-r", "--name-only", REF).split()
    assert shown == ["gateways/prod/entries.json", "ledger.json"]
    lines = git(served, "show", f"{REF}:gateways/prod/entries.json").splitlines()
    assert lines[:2] == ["{", f'"{address(1)}": {{']
    assert '  "model": "gpt-4-turbo"' in lines
    assert json.loads("\n".join(lines))[str(address(1))]["remote_id"] == "remote-1"


def test_history_is_bounded(root: Path) -> None:
    """A ledger that grows with every run would be slow on the day when it is needed."""
    records = [RunRecord(f"run-{n}", "2026-01-01T00:00:00.000Z", None, "running", (), "me") for n in range(60)]

    async def work(ledger: GitLedger) -> None:
        await asyncio.gather(*(ledger.begin_run(record) for record in records))
        found = await ledger.history(100)
        assert [record.run_id for record in found] == [f"run-{n}" for n in range(59, 9, -1)]

    run(root, work)


@pytest.mark.parametrize("gateway", ["..", "a/b", "", "A", "-", ".git", "a\nb", "a" * 64])
def test_a_name_that_could_be_a_path_is_refused(root: Path, gateway: str) -> None:
    """Manifests cannot hold such a name; if one came in some other way, it must not become a path."""

    async def work(ledger: GitLedger) -> None:
        with pytest.raises(Defect, match="cannot be called"):
            ledger.lease(gateway, "me", 0)
        with pytest.raises(StaleLedger):
            await ledger.intend(Lease(gateway, "me", "t"), ())
        assert await ledger.unlock(gateway) is None
        assert not await ledger.forget(address(1, gateway))

    run(root, work)


def test_a_run_that_could_be_a_path_is_refused(root: Path) -> None:
    """The same for the number of a run."""

    async def work(ledger: GitLedger) -> None:
        with pytest.raises(Defect, match="cannot be called"):
            await ledger.begin_run(RunRecord("../../x", "2026-01-01T00:00:00.000Z", None, "running", (), "me"))

    run(root, work)


def test_a_closed_ledger_refuses_and_leaves_nothing(root: Path, tmp_path: Path) -> None:
    """A runner that is not thrown away would fill its folder for temporary files."""
    script = (
        "import asyncio, sys; from pathlib import Path; from reconciler.engine.clock import SystemClock\n"
        "from reconciler.ledger import open_ledger\n"
        "async def main():\n"
        "    ledger = open_ledger('git:', SystemClock(), Path(sys.argv[1]))\n"
        "    print((await ledger.load()).serial)\n"
        "    await ledger.close(); await ledger.close()\n"
        "    try: await ledger.load()\n"
        "    except Exception as error: print(error)\n"
        "asyncio.run(main())\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environ = {**CLEAN, "TMPDIR": str(scratch)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, root], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["0", "the ledger is closed"]
    assert done.stderr == ""
    assert not list(scratch.iterdir())


def test_without_git_it_is_said(root: Path, tmp_path: Path) -> None:
    """An image without git is the first thing that goes wrong in a new job."""
    script = (
        "import asyncio, sys; from pathlib import Path; from reconciler.engine.clock import SystemClock\n"
        "from reconciler.ledger import open_ledger\n"
        "asyncio.run(open_ledger('git:', SystemClock(), Path(sys.argv[1])).load())\n"
    )
    environ = {**CLEAN, "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script, root], env=environ, capture_output=True, text=True, check=False
    )
    assert "git is not installed. (LEDGER005)" in done.stderr


def test_a_git_that_hangs_is_ended(root: Path) -> None:
    """A remote that accepts and never answers must not hold a job until the job's own limit."""
    git(root, "config", "alias.hang", "!sleep 600 & echo $! > pid; wait")
    slow = Git(root, seconds=1.0)
    with pytest.raises(GitFailed, match="did not end within 1 s"):
        asyncio.run(slow.out("hang"))
    pid = (root / "pid").read_text().strip()
    shown = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
    assert shown.strip() in {"", "Z"}


def test_a_fetch_that_was_killed_does_not_stop_the_next(root: Path) -> None:
    """A fetch that ran out of time leaves its locks behind, in a store that nobody else uses."""
    run(root, settle_one)

    async def main() -> None:
        place = await find_place("git:", root)
        assert isinstance(place, Remote)
        for lock in ("shallow.lock", "refs/seen.lock"):
            (place.scratch.folder / lock).touch()
        both = await asyncio.gather(place.bring(), place.past("", 5), return_exceptions=True)
        assert both[0] == await place.tip()
        assert "lock" not in str(both[1])
        place.close()

    asyncio.run(main())


def test_the_scheme_chooses_the_ledger(root: Path, tmp_path: Path) -> None:
    """Plain paths stay what they were."""
    assert isinstance(open_ledger("git:", SystemClock(), root), GitLedger)
    assert not isinstance(open_ledger(tmp_path / "l.sqlite", SystemClock()), GitLedger)
