"""Real repositories for the git ledger: a bare one that serves, and checkouts of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

CLEAN: Mapping[str, str] = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "LC_ALL": "C",
}
"""An environment in which git knows nothing of whoever runs the tests."""

NAMED = ("-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "init.defaultBranch=main")


def git(root: Path, *words: str) -> str:
    """Run git in `root`; returns what it prints."""
    done = subprocess.run(["git", *NAMED, *words], cwd=root, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bare(folder: Path) -> Path:
    """A bare repository with three commits on `main`."""
    seed, served = folder / "seed", folder / "served.git"
    seed.mkdir()
    git(seed, "init", "--quiet")
    for number in range(3):
        (seed / "README").write_text(f"{number}\n", encoding="utf-8")
        git(seed, "add", "README")
        git(seed, "commit", "--quiet", "-m", f"commit {number}")
    git(folder, "clone", "--quiet", "--bare", str(seed), str(served))
    return served


def clone(served: Path, root: Path, *options: str) -> Path:
    """A checkout; with ``--depth=1``, as a CI job makes it."""
    git(served.parent, "clone", "--quiet", *options, served.as_uri(), str(root))
    return root


def hook(served: Path, name: str, script: str) -> None:
    """Let the bare repository run a shell script."""
    path = served / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
