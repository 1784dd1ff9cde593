"""Where this runs: the checkout, the commit, the person."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from pathlib import Path


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
    try:
        found = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def commits_of(root: Path, most: int) -> tuple[str, ...]:
    """The newest commits of the checkout, the last one first; none where there is no checkout."""
    try:
        found = subprocess.run(  # noqa: S603 - fixed words and a number
            ["git", "-C", str(root), "rev-list", f"--max-count={most}", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(found.stdout.split()) if found.returncode == 0 else ()
