"""Where the ref of a git ledger is kept, and how it is moved from an exact old commit to a new one.

| `git:…`              | kept                                   | moved by                     |
|----------------------|----------------------------------------|------------------------------|
| nothing              | by the remote `origin`                 | `push --force-with-lease`    |
| a name, a URL        | by that remote                         | `push --force-with-lease`    |
| `.`, `./…`, `/…`     | in the repository at that path         | `update-ref` with old value  |

With a remote, all work is done in a store of our own in the system's folder for temporary files (`scratch.py`): the
checkout gets no object, no ref and no shallow boundary from us, and only the newest commit is fetched.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reconciler.errors import LedgerError
from reconciler.ledger.git_command import Git, GitFailed, Pairs, masked
from reconciler.ledger.scratch import Scratch, make_scratch

REF = "refs/reconciler/ledger"
SEEN = "refs/seen"
REMOTE = "reconciler-ledger"

_ALLOWED = re.compile(r"refs/(?!heads/|tags/|remotes/|pull/)([A-Za-z0-9_][A-Za-z0-9_-]*/)*[A-Za-z0-9_][A-Za-z0-9_-]*")
_REACHES = ("http.", "credential.", "url.", "ssh.", "protocol.", "core.sshcommand", "core.gitproxy", "core.askpass")
"""What the checkout may have configured for itself alone and a remote cannot be reached without."""


class Place(Protocol):
    """One ref. All methods raise GitFailed."""

    @property
    def name(self) -> str:
        """The ref and its repository, for messages: without credentials."""

    @property
    def git(self) -> Git:
        """Where objects are read and written."""

    async def tip(self) -> str | None:
        """The commit that the ref points to now; its objects need not be here yet."""

    async def bring(self) -> str:
        """Make the objects of the newest commit readable, and say which one that is."""

    async def past(self, commit: str, count: int) -> frozenset[str]:
        """The last `count` commits up to `commit`, which was brought."""

    async def move(self, old: str | None, new: str) -> None:
        """From exactly `old` (None: there is none) to `new`. After a failure it may have moved all the same."""

    def close(self) -> None:
        """Give back what is on the disk."""


@dataclass(frozen=True, slots=True)
class Local:
    """The ref lies in a repository of this disk."""

    git: Git
    ref: str
    name: str

    async def tip(self) -> str | None:
        """As the port says."""
        answer = await self.git.ask("rev-parse", "--verify", "--quiet", self.ref)
        if answer.code and answer.said:
            raise GitFailed(answer.said)
        return answer.out.decode().strip() or None

    async def bring(self) -> str:
        """As the port says."""
        return await self.git.line("rev-parse", "--verify", self.ref)

    async def past(self, commit: str, count: int) -> frozenset[str]:
        """As the port says."""
        return await _past(self.git, commit, count)

    async def move(self, old: str | None, new: str) -> None:
        """As the port says."""
        await self.git.out("update-ref", "--no-deref", self.ref, new, old or "")

    def close(self) -> None:
        """Nothing was made."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The ref lies elsewhere; `git` works in a store of our own, in `scratch`."""

    git: Git
    ref: str
    name: str
    scratch: Scratch
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tip(self) -> str | None:
        """As the port says."""
        lines = (await self.git.out("ls-remote", "--refs", REMOTE, self.ref)).decode().splitlines()
        return next((commit for commit, _, ref in (line.partition("\t") for line in lines) if ref == self.ref), None)

    async def bring(self) -> str:
        """As the port says."""
        return await self._fetched(1)

    async def past(self, commit: str, count: int) -> frozenset[str]:
        """As the port says."""
        await self._fetched(count)
        return await _past(self.git, commit, count)

    async def _fetched(self, depth: int) -> str:
        """One at a time. The store is ours alone: a lock that is there was left by a fetch that had to be ended."""
        words = ("--quiet", "--no-tags", "--no-write-fetch-head", f"--depth={depth}")
        async with self.fetching:
            for lock in ("shallow.lock", f"{SEEN}.lock"):
                (self.scratch.folder / lock).unlink(missing_ok=True)
            await self.git.out("fetch", *words, REMOTE, f"+{self.ref}:{SEEN}")
            return await self.git.line("rev-parse", "--verify", SEEN)

    async def move(self, old: str | None, new: str) -> None:
        """As the port says."""
        expected = f"--force-with-lease={self.ref}:{old or ''}"
        await self.git.out("push", "--quiet", "--no-verify", expected, REMOTE, f"{new}:{self.ref}")

    def close(self) -> None:
        """Remove the store."""
        self.scratch.remove()


async def find_place(url: str, root: Path) -> Place:
    """The place that `url` names (`git:REMOTE-OR-PATH#REF`), seen from the folder `root`.

    Raises LedgerError when there is no such repository or remote, or the ref is a branch.
    """
    where, _, ref = url.removeprefix("git:").partition("#")
    ref = ref or REF
    if not _ALLOWED.fullmatch(ref):
        raise _unusable(f"{ref!r} cannot hold it; name a ref such as {REF}, which is no branch and no tag")
    try:
        if where.startswith((".", "/")):
            return await _local(root / where, ref)
        return await _remote(where or "origin", ref, root)
    except (GitFailed, OSError) as failure:
        raise _unusable(str(failure)) from failure


async def _local(path: Path, ref: str) -> Place:
    directory = await Git(path).line("rev-parse", "--absolute-git-dir")
    return Local(Git(path, (f"--git-dir={directory}",)), ref, f"{ref} of {path}")


async def _remote(where: str, ref: str, root: Path) -> Place:
    """Whatever holds a colon or a slash is a URL, as it is for git itself."""
    here = Git(root)
    if ":" in where or "/" in where:
        fetch = push = where
        inherited: Pairs = await _configured(here) if await _inside(here) else ()
    else:
        fetch, push = await _urls(here, where)
        inherited = await _configured(here)
    form = await here.line("rev-parse", "--show-object-format") if await _inside(here) else "sha1"
    scratch = await asyncio.to_thread(make_scratch)
    folder = scratch.folder
    config = (*inherited, (f"remote.{REMOTE}.url", fetch), (f"remote.{REMOTE}.pushurl", push))
    place = Remote(Git(root, (f"--git-dir={folder}",), config), ref, f"{ref} of {masked(fetch)}", scratch)
    try:
        await here.out("init", "--quiet", "--bare", "--template=", f"--object-format={form}", str(folder))
    except BaseException:
        place.close()
        raise
    return place


async def _inside(here: Git) -> bool:
    return (await here.ask("rev-parse", "--git-dir")).code == 0


async def _urls(here: Git, name: str) -> tuple[str, str]:
    try:
        return await here.line("remote", "get-url", "--", name), await here.line(
            "remote", "get-url", "--push", "--", name
        )
    except GitFailed as failure:
        advice = f"name a remote, a URL, or a path such as `git:.` for {here.cwd} itself"
        raise GitFailed(f"{failure}; {advice}") from None


async def _configured(here: Git) -> Pairs:
    """Pairs of the checkout's own configuration that lead to remotes, such as a job's token."""
    answer = await here.ask("config", "--local", "--includes", "--null", "--list")
    pairs = [item.partition("\n") for item in answer.out.decode("utf-8", "surrogateescape").split("\0") if item]
    return tuple((key, value) for key, _, value in pairs if key.startswith(_REACHES))


async def _past(git: Git, commit: str, count: int) -> frozenset[str]:
    lines = await git.out("rev-list", f"--max-count={count}", commit)
    return frozenset(lines.decode().split())


def _unusable(why: str) -> LedgerError:
    return LedgerError(f"the ledger in git cannot be used: {why}. (LEDGER005)")
