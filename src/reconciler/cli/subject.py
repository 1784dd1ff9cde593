"""What a command's report is about, from what the command has at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.cli.session import Command
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, ordered
from reconciler.model.plan import Plan
from reconciler.model.run import Outcome, Run
from reconciler.render.subject import Subject


def subject(
    command: str,
    code: int,
    session: Command,
    *,
    plan: Plan | None = None,
    ran: Run | None = None,
    outcomes: tuple[Outcome, ...] = (),
    diagnostics: tuple[Diagnostic, ...] = (),
    edges: Mapping[Address, tuple[Address, ...]],
) -> Subject:
    """The subject, with the findings of all its parts, each once."""
    found = ordered((*diagnostics, *(plan.diagnostics if plan else ()), *(ran.diagnostics if ran else ())))
    outcomes = ran.outcomes if ran else outcomes
    source = source_of(os.environ, session.settings.root)
    return Subject(command, code, plan, ran, outcomes, found, edges, source)


def edges_of(desired: Desired) -> Mapping[Address, tuple[Address, ...]]:
    """What each declared resource depends on."""
    return {address: resource.depends_on for address, resource in desired.resources.items()}


def fleet_of(session: Command) -> str:
    """What tells these manifests from others of the same repository: the setting, or the folder that they are in."""
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    return session.settings.fleet or wiring.place_of(session.settings.root)


def source_of(environ: Mapping[str, str], root: Path) -> str:
    """Where a CI job's commit can be read, so that places become links; empty outside of one."""
    if environ.get("GITHUB_REPOSITORY") and environ.get("GITHUB_SHA"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        base = f"{server}/{environ['GITHUB_REPOSITORY']}/blob/{environ['GITHUB_SHA']}"
        return base + _below(root, environ.get("GITHUB_WORKSPACE"))
    if environ.get("CI_PROJECT_URL") and environ.get("CI_COMMIT_SHA"):
        base = f"{environ['CI_PROJECT_URL']}/-/blob/{environ['CI_COMMIT_SHA']}"
        return base + _below(root, environ.get("CI_PROJECT_DIR"))
    return ""


def _below(root: Path, checkout: str | None) -> str:
    """Places are told from the settings' folder, which may be a folder of the checkout."""
    here = Path(os.path.realpath(root))
    if not checkout or not here.is_relative_to(os.path.realpath(checkout)):
        return ""
    inner = here.relative_to(os.path.realpath(checkout))
    return "".join(f"/{part}" for part in inner.parts)
