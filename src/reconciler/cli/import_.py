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
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import staging
from reconciler.cli.exits import FAILED, OK
from reconciler.cli.options import gateways, reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.errors import Blocked, InputError
from reconciler.manifest import LoadOptions, load, taken
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors, ordered
from reconciler.model.live import Live
from reconciler.model.resource import Desired, Resource
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.render.view import clean

if TYPE_CHECKING:
    from reconciler.engine import Assembly, Survey
    from reconciler.manifest.compose import Composed
    from reconciler.model.memory import Entry

EXAMPLE = ".env.example"


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
    run = Command.begin(ctx)
    run.run(lambda: _Import(run, given).carry_out(), failed_ending)


@dataclass(slots=True)
class _Found:
    """What an import comes to."""

    files: dict[Path, bytes] = field(default_factory=dict)
    composed: dict[str, Composed] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    findings: list[Diagnostic] = field(default_factory=list)
    recorded: bool = False


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
        if not folder.resolve().is_relative_to(root.resolve()):
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

    def _composed(self, session: Assembly, seen: Survey, several: object) -> _Found:
        from reconciler.manifest.compose import compose  # noqa: PLC0415 - the models

        found = _Found()
        for each in seen.observed.values():
            _require_seen(each.complete or bool(each.unseen), each.diagnostics)
            found.findings += each.diagnostics
        names = taken(self.configured, LoadOptions(self.run.settings.root))
        for gateway, objects in seen.unclaimed.items():
            site = session.sites[gateway]
            fit = list(self._fitting(session, gateway, objects, found))
            write_only = {kind: c.write_only for kind, c in site.platform.capabilities.kinds.items()}
            binding = {"gateways": gateway} if several else {}
            composed = compose(gateway, binding, fit, write_only, names)
            found.findings += (_left_out(live, why) for live, why in composed.left_out)
            if composed.objects:
                found.composed[gateway] = composed
                found.files |= self._files(gateway, composed)
        if found.files:
            found.files[self.out / EXAMPLE] = self._example(found)
        return found

    def _fitting(self, session: Assembly, gateway: str, objects: Sequence[Live], found: _Found) -> Iterator[Live]:
        from reconciler import engine  # noqa: PLC0415 - start-up of other commands

        for live in objects:
            if not self._wanted(live):
                continue
            why = engine.expressible(session.sites[gateway], live)
            if why:
                found.findings.append(_left_out(live, why))
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

    def _example(self, found: _Found) -> bytes:
        """What stands in the file stays; variables that it does not have come behind."""
        from reconciler.manifest.arrange import example  # noqa: PLC0415 - the models

        path = self.out / EXAMPLE
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        known = {line.partition("=")[0] for line in before.splitlines()}
        lines = (pair for composed in found.composed.values() for pair in example(composed))
        return (before + "".join(text for name, text in lines if name not in known)).encode()

    async def _taken_over(self, session: Assembly, seen: Survey, desired: Desired, found: _Found) -> None:
        from reconciler import engine  # noqa: PLC0415 - start-up of other commands

        entries = self._entries(session, desired, found)
        records = self.declares and not self.given["manifests_only"]
        async with engine.taking_over(session, seen, entries if records else ()):
            staging.write_all(found.files)
        found.entries, found.recorded = entries, records
        if not records:
            found.findings.append(_unrecorded(self.out))

    def _entries(self, session: Assembly, desired: Desired, found: _Found) -> Sequence[Entry]:
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
        for address, live in _objects(found):
            resource: Resource = session.sites[address.gateway].platform.normalize(trial.resources[address])
            fields = planning.apart(resource, live)
            if fields:
                found.findings.append(_differs(resource, [f.path for f in fields]))
            entries.append(engine.adopted(resource, live, None))
        return entries

    def _ending(self, found: _Found) -> Ending:
        findings = ordered(found.findings)
        code = FAILED if has_errors(findings) else OK
        return Ending(code, Report(lambda: self._lines(found, findings), lambda: _document(found, findings, code)))

    def _lines(self, found: _Found, findings: Sequence[Diagnostic]) -> Iterator[terminal.Line]:
        yield from terminal.diagnostic_lines(findings, self.run.source)
        for path in sorted(found.files):
            yield ((f"  wrote {clean(str(path.relative_to(self.run.settings.root.absolute())))}", "green"),)
        count, blanks = len(found.entries), sum(1 for _ in _blanks(found))
        if not found.files:
            yield (("Nothing to import: every object is declared, owned, or cannot be written.", "bold"),)
            return
        taken_over = "taken over" if found.recorded else "not taken over"
        yield ((f"Imported {count} object(s), {taken_over}; {blanks} secret(s) to fill in ({EXAMPLE}).", "bold"),)


def _objects(found: _Found) -> Iterator[tuple[Any, Live]]:
    for composed in found.composed.values():
        yield from composed.objects.items()


def _blanks(found: _Found) -> Iterator[Any]:
    for composed in found.composed.values():
        for blanks in composed.blanks.values():
            yield from blanks


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


def _left_out(live: Live, why: str) -> Diagnostic:
    detail = (
        f"{live.address} (id {live.remote_id}) stays unmanaged: {why} Change it there, or write its manifest by hand."
    )
    return Diagnostic(Severity.WARNING, "ADOPT002", "not imported", detail, address=live.address)


def _differs(resource: Resource, paths: Sequence[str]) -> Diagnostic:
    detail = f"{resource.address} differs at {', '.join(paths)}; the next plan shows the change."
    return Diagnostic(Severity.WARNING, "ADOPT004", "a default that is not there", detail, address=resource.address)


def _unrecorded(folder: Path) -> Diagnostic:
    detail = (
        f"the manifests in {folder} were written, and the ledger was left alone. Put them among the configured "
        "manifests, then `reconciler adopt` their addresses, or apply, which sends their secrets."
    )
    return Diagnostic(Severity.WARNING, "ADOPT005", "imported, and not taken over", detail)


def _document(found: _Found, findings: Sequence[Diagnostic], code: int) -> Mapping[str, Any]:
    return {
        "exit_code": code,
        "recorded": found.recorded,
        "files": sorted(map(str, found.files)),
        "imported": [
            {"address": str(address), "remote_id": live.remote_id}
            for address, live in sorted(_objects(found), key=_first)
        ],
        "secrets": [{"variable": blank.variable, "purpose": blank.purpose} for blank in _blanks(found)],
        "diagnostics": documents.diagnostic_documents(findings),
    }


def _first(pair: tuple[Any, Live]) -> Any:
    return pair[0]
