"""``reconciler import``: live objects as manifests.

| the files lie                | the ledger                                                     |
|------------------------------|----------------------------------------------------------------|
| among the configured ones    | knows the objects as adopted: the next plan is empty           |
| elsewhere                    | is left alone: what it owns and no plan finds declared is removed |
| with --manifests-only        | is left alone                                                  |
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler import storage
from reconciler.cli import staging
from reconciler.cli.exits import FAILED, OK
from reconciler.cli.imported import EXAMPLE, Found, differs, document, left_out, lines, objects, unrecorded
from reconciler.cli.options import gateways, reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.errors import Blocked, InputError
from reconciler.manifest import LoadOptions, load, taken
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors, ordered
from reconciler.model.live import Live
from reconciler.model.resource import Resource

if TYPE_CHECKING:
    from reconciler.engine import Assembly, Survey
    from reconciler.manifest.compose import Composed, Taken
    from reconciler.model.memory import Entry


_KINDS = ("Endpoint", "Webhook")


@click.command()
@gateways
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder. [default: the first of `manifests`]"
)
@click.option("--only", multiple=True, metavar="KIND/GLOB", help="Only these, by kind and name or id; repeatable.")
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@click.option("--manifests-only", is_flag=True, help="Write manifests; leave the ledger alone.")
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Write manifests for live objects that are neither declared nor owned, and take them over.

    Nothing is written to any gateway. Secrets become references to variables that are to be filled in.
    """
    for pattern in given["only"]:
        if not any(fnmatchcase(kind.lower(), pattern.partition("/")[0].lower()) for kind in _KINDS):
            raise click.UsageError(f"{pattern!r} fits no kind that can be imported: {', '.join(_KINDS)}")
    run = Command.begin(ctx)
    run.run(lambda: _Import(run, given).carry_out(), failed_ending)


class _Import:
    """One import, from looking at the gateways to the report."""

    def __init__(self, run: Command, given: dict[str, Any]) -> None:
        self.run = run
        self.given = given
        self.configured = [Path(name) for name in run.settings.manifests]
        self.out = self._folder()
        roots = [os.path.abspath(run.settings.root / path) for path in self.configured]  # noqa: PTH100 - as the loader names them
        self.declares = any(str(self.out) == root or str(self.out).startswith(root + os.sep) for root in roots)

    def _folder(self) -> Path:
        root = self.run.settings.root
        given = self.given["out"]
        folder = root / self.configured[0] if given is None else Path.cwd() / given
        if folder.suffix in {".yaml", ".yml"}:
            folder = folder.parent
        if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(root)):
            raise click.UsageError(f"manifests are read below {root} only; give a folder there (-o)")
        return Path(os.path.abspath(folder))  # noqa: PTH100 - as the loader names files

    @property
    def paths(self) -> Sequence[Path]:
        """All that has to be valid together afterwards."""
        return self.configured if self.declares else [*self.configured, self.out]

    async def carry_out(self) -> Ending:
        from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

        desired = self.run.load((), self.given["gateways"])
        self.out.mkdir(parents=True, exist_ok=True)
        chosen = self.given["gateways"]
        async with wiring.open_session(
            self.run.settings, desired, gateways=chosen, progress=self.run.progress
        ) as session:
            seen = await engine.survey(session)
            found = self._composed(session, seen, len(desired.gateways) > 1)
            if found.files:
                await self._taken_over(session, seen, desired, found)
        return self._ending(found)

    def _composed(self, session: Assembly, seen: Survey, several: object) -> Found:
        from reconciler.manifest.compose import compose  # noqa: PLC0415 - the models

        found = Found()
        for each in seen.observed.values():
            _require_seen(each.complete or bool(each.unseen), each.diagnostics)
            found.findings += each.diagnostics
        names = taken(self.configured, LoadOptions(self.run.settings.root))
        for gateway, free in seen.unclaimed.items():
            site = session.sites[gateway]
            fit = list(self._fitting(session, gateway, free, found))
            write_only = {kind: c.write_only for kind, c in site.platform.capabilities.kinds.items()}
            binding = {"gateways": gateway} if several else {}
            composed = compose(gateway, binding, fit, write_only, _taken(gateway, names, session, seen))
            blanks = {blank.variable for each in composed.blanks.values() for blank in each}
            names = replace(names, variables=names.variables | blanks)
            found.findings += (left_out(live, why) for live, why in composed.left_out)
            if composed.objects:
                found.composed[gateway] = composed
                found.files |= self._files(gateway, composed)
        if found.files:
            found.files[self.out / EXAMPLE] = self._example(found)
        return found

    def _fitting(self, session: Assembly, gateway: str, free: Sequence[Live], found: Found) -> Iterator[Live]:
        from reconciler import engine  # noqa: PLC0415 - start-up of other commands

        for live in free:
            if not self._wanted(live):
                continue
            why = engine.expressible(session.sites[gateway], live)
            if why:
                found.findings.append(left_out(live, why))
            else:
                yield live

    def _wanted(self, live: Live) -> bool:
        patterns = self.given["only"]
        return not patterns or any(_fits(pattern, live) for pattern in patterns)

    def _files(self, gateway: str, composed: Composed) -> Mapping[Path, bytes]:
        from reconciler.manifest.arrange import arranged  # noqa: PLC0415 - the models

        there = {path.name for path in self.out.glob("*.yaml")} if self.out.is_dir() else set()
        occupied = there if self.declares and not self.given["force"] else set()
        files = {self.out / name: text.encode() for name, text in arranged(gateway, composed, occupied).items()}
        taken_over = sorted(str(path) for path in files if path.name in there)
        if taken_over and not self.given["force"]:
            detail = f"{', '.join(taken_over)}: there already. Give another folder (-o), or --force to overwrite."
            raise _blocked(detail)
        return files

    def _example(self, found: Found) -> bytes:
        """What stands in the file stays; variables that it does not have come behind."""
        from reconciler.manifest.arrange import example  # noqa: PLC0415 - the models

        path = self.out / EXAMPLE
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        known = {line.partition("=")[0] for line in before.splitlines()}
        lines = (pair for composed in found.composed.values() for pair in example(composed))
        return (before + "".join(text for name, text in lines if name not in known)).encode()

    async def _taken_over(self, session: Assembly, seen: Survey, desired: Desired, found: Found) -> None:
        from reconciler import engine  # noqa: PLC0415 - start-up of other commands

        entries = self._entries(session, desired, found)
        records = self.declares and not self.given["manifests_only"]
        async with engine.taking_over(session, seen, entries if records else ()):
            for path in found.files:
                storage.require_no_link(path)
            staging.write_all(found.files)
        found.entries, found.recorded = entries, records
        if not records:
            found.findings.append(unrecorded(self.out))

    def _entries(self, session: Assembly, desired: Desired, found: Found) -> Sequence[Entry]:
        """The entries of all that is imported, from the manifests as the strict reader takes them back."""
        from reconciler import engine, planning  # noqa: PLC0415 - start-up of other commands

        instead = {str(path): content for path, content in found.files.items()}
        trial = load(self.paths, LoadOptions(self.run.settings.root, instead=instead))
        if has_errors(trial.diagnostics):
            raise InputError(trial.diagnostics)
        lost = sorted(str(address) for address in desired.resources.keys() - trial.resources.keys())
        if lost:
            raise _blocked(f"{', '.join(lost[:5])} would no longer be declared anywhere. Move the documents first.")
        entries = []
        for address, live in objects(found):
            resource: Resource = session.sites[address.gateway].platform.normalize(trial.resources[address])
            fields = planning.apart(resource, live)
            if fields:
                found.findings.append(differs(resource, [f.path for f in fields]))
            entries.append(engine.adopted(resource, live, None))
        return entries

    def _ending(self, found: Found) -> Ending:
        findings = ordered(found.findings)
        code, root = (FAILED if has_errors(findings) else OK), self.run.settings.root
        return Ending(
            code, Report(lambda: lines(found, findings, root, self.run.source), lambda: document(found, findings, code))
        )


def _taken(gateway: str, names: Taken, session: Assembly, seen: Survey) -> Taken:
    """Objects are named within their gateway; a part without a word belongs to all of them."""
    ours = [a for a in (*session.desired.resources, *seen.ledger.entries) if a.gateway == gateway]
    kinds = {address.kind for address in ours} | {*_KINDS}
    own = {kind: frozenset(address.name for address in ours if address.kind == kind) for kind in kinds}
    return replace(names, names={**names.names, **own})


def _fits(pattern: str, live: Live) -> bool:
    kind, _, glob = pattern.partition("/")
    if not fnmatchcase(live.address.kind.lower(), kind.lower()):
        return False
    return not glob or fnmatchcase(live.address.name, glob) or fnmatchcase(live.remote_id, glob)


def _require_seen(seen: object, diagnostics: Sequence[Diagnostic]) -> None:
    if not seen:
        raise InputError(diagnostics)


def _blocked(detail: str) -> Blocked:
    words = "files would be overwritten"
    return Blocked(words, [Diagnostic(Severity.ERROR, "ADOPT003", words, detail)])
