"""Runs the shell steps of a workflow as they stand, on throw-away runners: a fresh folder and a fresh clone each.

What GitHub does around them is done here: contexts are filled in, conditions are evaluated, `actions/checkout` becomes
a clone from a bare repository. Other actions are passed over: the tool is on the path already.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_OUTCOME = re.compile(r"steps\.(\w+)\.outcome != 'skipped'")
_FILES = re.compile(r"hashFiles\('([^']+)'\) != ''")
BIN = Path(sys.executable).parent


@dataclass
class Ran:
    """One job: how each shell step ended, and the whole of what was printed. `code` is the first that failed."""

    codes: dict[str, int] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    printed: str = ""
    summary: str = ""

    @property
    def code(self) -> int:
        return next((code for code in self.codes.values() if code), 0)


@dataclass
class Repository:
    """A bare repository in a folder, with an identity to commit by."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> Repository:
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(path)], check=True)
        return cls(path)

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def clone(self, folder: Path) -> Path:
        """A developer's checkout."""
        subprocess.run(["git", "clone", "--quiet", self.url, str(folder)], check=True, capture_output=True)
        return folder


def git(folder: Path, *words: str) -> str:
    """Git as a developer uses it."""
    identity = ["-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class Runner:
    """Where jobs run. `environ` is what every job gets; `secrets` are handed out only where a workflow names them."""

    folder: Path
    repository: Repository
    environ: Mapping[str, str]
    secrets: Mapping[str, str]
    number: int = 0

    def run(self, workflow: str, *, ref: str, inputs: Mapping[str, str] | None = None, fork: bool = False) -> Ran:
        """Run the one job of a workflow of the repository, as it stands at `ref`."""
        self.number += 1
        home = self.folder / f"runner-{self.number}"
        workspace, temp = home / "work", home / "temp"
        temp.mkdir(parents=True)
        github = {
            "github.workspace": str(workspace),
            "github.token": self.environ["GITHUB_TOKEN"],
            "github.ref_name": ref.removeprefix("refs/heads/"),
            "github.base_ref": "main",
            "github.event.pull_request.head.repo.fork": str(fork).lower(),
            "runner.temp": str(temp),
            "inputs.digest": (inputs or {}).get("digest", ""),
        }
        if not fork:
            github |= {f"secrets.{name}": value for name, value in self.secrets.items()}
        self._check_out(workspace, ref)
        document = yaml.safe_load((workspace / ".github" / "workflows" / workflow).read_text(encoding="utf-8"))
        (job,) = document["jobs"].values()
        ran, summary = Ran(), home / "summary.md"
        environ = self._environ(workspace, temp, ref, summary) | _filled(job.get("env", {}), github)
        for step in job["steps"]:
            if "run" in step and _due(step.get("if"), ran, workspace, github):
                self._step(step, environ | _filled(step.get("env", {}), github), workspace, ran)
        ran.summary = summary.read_text(encoding="utf-8") if summary.exists() else ""
        return ran

    def _check_out(self, workspace: Path, ref: str) -> None:
        subprocess.run(["git", "init", "--quiet", str(workspace)], check=True)
        git(workspace, "remote", "add", "origin", self.repository.url)
        git(workspace, "fetch", "--quiet", "--depth=50", "origin", ref)
        git(workspace, "checkout", "--quiet", "FETCH_HEAD")

    def _environ(self, workspace: Path, temp: Path, ref: str, summary: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_REF": ref,
            "GITHUB_SHA": git(workspace, "rev-parse", "HEAD"),
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GITHUB_REPOSITORY": self.environ["GITHUB_REPOSITORY"],
            "GITHUB_API_URL": self.environ["GITHUB_API_URL"],
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_OUTPUT": str(temp / "output"),
            "RUNNER_TEMP": str(temp),
        }

    def _step(self, step: Mapping[str, Any], environ: Mapping[str, str], workspace: Path, ran: Ran) -> None:
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", step["run"]],
            cwd=workspace,
            env=environ,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        ran.begun.add(step.get("id", ""))
        ran.codes[step.get("name", "run")] = done.returncode
        ran.printed += f"### {step.get('name')}\n{done.stdout}"


def _filled(values: Mapping[str, Any], github: Mapping[str, str]) -> dict[str, str]:
    """Expressions that lead nowhere are empty, as GitHub has it."""
    return {
        name: _EXPRESSION.sub(lambda found: github.get(found.group(1), ""), str(value))
        for name, value in values.items()
    }


def _due(condition: str | None, ran: Ran, workspace: Path, github: Mapping[str, str]) -> bool:
    """The conditions that the shipped workflows use: always(), hashFiles(…) != '', a step's outcome, the fork's own."""
    if condition is None:
        return ran.code == 0
    for part in condition.split(" && "):
        files = _FILES.fullmatch(part)
        if files:
            holds = bool(list(workspace.glob(files.group(1))))
        elif part.startswith("!"):
            holds = github.get(part[1:]) != "true"
        else:
            outcome = _OUTCOME.fullmatch(part)
            assert outcome or part == "always()", f"a condition that this runner does not know: {part}"
            holds = outcome is None or outcome.group(1) in ran.begun
        if not holds:
            return False
    return True
