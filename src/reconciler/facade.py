"""The tool as a library: the same steps as the command line, for programs of one's own.

    import asyncio, pathlib, reconciler

    folder = pathlib.Path("fleet")
    plan = asyncio.run(reconciler.plan(folder))
    if plan.changes and not plan.blocked:
        run = asyncio.run(reconciler.apply(folder, plan))

Settings come from ``reconciler.yaml`` in `folder` and from the environment, as for the commands.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from reconciler import engine, manifest, planning, wiring
from reconciler.engine import Assembly
from reconciler.errors import Blocked, InputError
from reconciler.model.change import Change
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors
from reconciler.model.plan import Plan
from reconciler.model.run import Run
from reconciler.settings import Settings, load_settings

LOOKING = planning.looking()


def load(folder: Path) -> Desired:
    """What the manifests of `folder` want, findings and all; nothing is contacted."""
    return _desired(_settings(folder))


async def plan(folder: Path, gateways: Sequence[str] = ()) -> Plan:
    """What would change on the named gateways, on all where none is named. Writes nothing.

    Raises InputError for manifests with errors, a gateway's missing credential, a secret that cannot be had.
    """
    async with _session(folder, gateways) as session:
        return (await engine.plan(session, _options(folder))).plan


async def apply(folder: Path, approved: Plan, gateways: Sequence[str] = ()) -> Run:
    """Carry out a plan, if planning again gives nothing but its changes.

    Raises Blocked when it gives others, or the plan may not be applied; InputError and LedgerError as `plan`.
    """
    options = _options(folder)
    digests = {planning.intent_digest(approved.reviewed), *map(planning.change_digest, approved.reviewed)}

    def admits(_found: object, changes: Sequence[Change]) -> frozenset[str]:
        return planning.approved_destinations(changes, digests)

    async with _session(folder, gateways, admits) as session:
        planned = await engine.plan(session, options)
        if not planning.approved(planned.plan.reviewed, digests):
            detail = f"approved {approved.digest}, planning again gives {planned.plan.digest}: approve the new plan."
            words = "the approved plan no longer matches"
            raise Blocked(words, [Diagnostic(Severity.ERROR, "ENGINE002", words, detail)])
        return await engine.apply(session, planned, options, engine.ApplyOptions())


@asynccontextmanager
async def _session(folder: Path, gateways: Sequence[str], admits: planning.Admits = LOOKING) -> AsyncIterator[Assembly]:
    settings = _settings(folder)
    desired = _desired(settings)
    if has_errors(desired.diagnostics):
        raise InputError(desired.diagnostics)
    chosen = tuple(gateways)
    async with wiring.open_session(settings, desired, progress=_silence, gateways=chosen, admits=admits) as session:
        yield session


def _settings(folder: Path) -> Settings:
    return load_settings({}, os.environ, folder.absolute())


def _desired(settings: Settings) -> Desired:
    paths = [Path(name) for name in settings.manifests]
    return manifest.load(paths, manifest.LoadOptions(settings.root, cache=settings.cache_path))


def _options(folder: Path) -> planning.PlanOptions:
    settings = _settings(folder)
    return planning.PlanOptions(
        max_change_percent=settings.max_change_percent,
        min_objects=settings.min_objects,
        rotations=planning.Rotations(settings.rotations),
    )


def _silence(_event: str, _fields: object) -> None:
    """A library says what it found by what it returns."""
