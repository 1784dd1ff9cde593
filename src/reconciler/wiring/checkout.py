"""Where this runs: the checkout, the commit, the person."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from pathlib import Path

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


def _git(root: Path, *words: str) -> str:
    """What git says about the checkout; nothing where there is none, or no git, or no answer in time."""
    command = ["git", "-C", str(root), *words]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout if found.returncode == 0 else ""
