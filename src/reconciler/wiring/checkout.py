"""Where this runs: the checkout, the commit, the person."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from reconciler.manifest import LoadOptions, everything, load
from reconciler.model.address import Address
from reconciler.model.desired import Desired

SECONDS = 10


def holder() -> str:
    """How this run is called in a lease: user, host, process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}"


def commit_of(root: Path) -> str | None:
    """The commit that the manifests stand on, from the environment of a CI job or from git; None without either."""
    given = os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA")
    if given:
        return given
    return _git(root, "rev-parse", "HEAD").strip() or None


def commits_of(root: Path, most: int) -> tuple[str, ...]:
    """The newest commits of the checkout, the last one first; none where there is no checkout."""
    return tuple(_git(root, "rev-list", f"--max-count={most}", "HEAD").split())


def place_of(root: Path) -> str:
    """The folder within its checkout, without slashes at its ends; empty at the top, and where there is no checkout."""
    return _git(root, "rev-parse", "--show-prefix").rstrip("\n").strip("/")


def branch_of(root: Path) -> str | None:
    """The branch that is worked on, from the environment of a CI job or from git; None where that is no branch."""
    ref = os.environ.get("GITHUB_REF", "")
    if ref.startswith("refs/heads/"):
        return ref.removeprefix("refs/heads/")
    return _git(root, "branch", "--show-current").strip() or None


def uncommitted(root: Path, paths: Sequence[Path], desired: Desired) -> frozenset[Address] | None:
    """Objects that the manifests at `paths` want otherwise than the checked-out commit does; None where there is none.

    Judged by what the manifests mean, not by their files: another file may hold the keys or the limits of an object.
    """
    if not _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
        return None
    # By its steps upwards: links in the name of the folder stay as the manifests' names have them.
    top = Path(os.path.abspath(root / _git(root, "rev-parse", "--show-cdup").rstrip("\n")))  # noqa: PTH100 - see above
    listing = ("--no-optional-locks", "status", "--porcelain=v1", "-z", "--no-renames")
    how = ("--untracked-files=all", "--ignored=matching", "--", *(str(root / path) for path in paths))
    status = _answer(root, *listing, *how)
    if status is None:
        return None
    edited = [os.fsdecode(row[3:]) for row in status.split(b"\0") if row]
    if not edited:
        return frozenset()
    committed = {name: _committed(root, top, name) for path in edited for name in _below(top, path)}
    then = load(paths, LoadOptions(root, instead=committed)).resources
    return frozenset(
        address for address in {*desired.resources, *then} if desired.resources.get(address) != then.get(address)
    )


def _below(top: Path, path: str) -> Sequence[str]:
    """The files that a line of the status stands for, by their absolute names: one, or all in an ignored folder."""
    whole = top / path
    return [name for name in everything(whole) if Path(name).is_file()] if path.endswith("/") else [str(whole)]


def _committed(root: Path, top: Path, name: str) -> bytes:
    """What the commit holds of a file; nothing where it does not know it."""
    return _answer(root, "show", f"HEAD:{Path(name).relative_to(top).as_posix()}") or b""


def _git(root: Path, *words: str) -> str:
    """What git says about the checkout; nothing where there is none, or no git, or no answer in time."""
    return os.fsdecode(_answer(root, *words) or b"")


def _answer(root: Path, *words: str) -> bytes | None:
    """The same in bytes; None where git could not say."""
    command = ["git", "-C", str(root), *words]
    try:
        found = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout if found.returncode == 0 else None
