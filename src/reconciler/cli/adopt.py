"""``reconciler adopt``: take ownership of what lives and is declared, without a write to any gateway.

| the object                              | without --from-live | with --from-live                    |
|-----------------------------------------|---------------------|-------------------------------------|
| is not declared                         | refused             | refused                             |
| is not there, or several fit            | refused             | refused                             |
| equals its manifest, is not ours        | adopted             | adopted                             |
| equals its manifest, is ours            | nothing to do       | nothing to do                       |
| differs from its manifest, is not ours  | adopted as it lives | its manifest is changed, and adopted |
| differs from its manifest, is ours      | nothing to do       | its manifest is changed, and adopted |
What was adopted as it lives is brought to its manifest by the next apply: the next plan shows the update.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import interrupt, staging
from reconciler.cli.adoptable import bystanders, left, obstacles, unwritable
from reconciler.cli.exits import OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.errors import Blocked, InputError
from reconciler.manifest import LoadOptions, Wish, load, rewritten, taken
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors
from reconciler.model.resource import Resource
from reconciler.render import terminal
from reconciler.render.view import clean

if TYPE_CHECKING:
    from reconciler.engine import Assembly, Survey
    from reconciler.model.memory import Entry


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--from-live", is_flag=True, help="Write live values into the manifests that want others.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Take ownership of live objects that are declared. Only the ledger is written; --from-live mends manifests."""
    run = Command.begin(ctx)
    try:
        addresses = list(dict.fromkeys(Address.parse(text) for text in given["addresses"]))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    run.run(lambda: _Adopt(run, given, addresses).carry_out(), failed_ending)


@dataclass(slots=True)
class _Deed:
    """What is going to be done: entries to record, and files by their absolute paths with their lines of a diff.

    `apart` are paths at which an object differs from its manifest, and goes on to differ.
    """

    entries: Sequence[Entry] = ()
    unchanged: Sequence[Address] = ()
    files: Mapping[Path, bytes] = field(default_factory=dict)
    diff: Sequence[str] = ()
    apart: Mapping[Address, Sequence[str]] = field(default_factory=dict)


class _Adopt:
    """One adoption, from looking to the report."""

    def __init__(self, run: Command, given: dict[str, Any], addresses: Sequence[Address]) -> None:
        self.run = run
        self.given = given
        self.addresses = addresses
        self.paths = [Path(name) for name in run.settings.manifests]

    async def carry_out(self) -> Ending:
        from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

        chosen = tuple(sorted({address.gateway for address in self.addresses}))
        desired = self.run.load((), chosen)
        async with wiring.open_session(
            self.run.settings, desired, gateways=chosen, progress=self.run.progress
        ) as session:
            seen = await engine.survey(session)
            _require([f for a in self.addresses for f in obstacles(session, seen, a)], "not everything can be adopted")
            deed = self._deed(session, seen, desired)
            if deed.entries:
                self._require_approval(deed)
                async with engine.taking_over(session, seen, deed.entries):
                    staging.write_all(deed.files)
        return Ending(OK, Report(lambda: _lines(deed), lambda: self._document(deed)))

    def _deed(self, session: Assembly, seen: Survey, desired: Desired) -> _Deed:
        from reconciler import engine, planning  # noqa: PLC0415 - start-up of other commands

        resources = session.desired.resources
        apart = {a: planning.apart(resources[a], seen.live[a]) for a in self.addresses}
        differing = {address: fields for address, fields in apart.items() if fields}
        files: Mapping[str, bytes] = {}
        if differing and self.given["from_live"]:
            wishes = [Wish(desired.resources[a], f.path, f.before) for a, fields in differing.items() for f in fields]
            files = self._rewritten(wishes)
            resources = self._tried(session, seen, desired, files)
        owned = seen.ledger.entries
        told = {} if self.given["from_live"] else {a: [f.path for f in fields] for a, fields in differing.items()}
        same = [a for a in self.addresses if a in owned and (a not in differing or a in told)]
        entries = [
            engine.as_it_lives(resources[a], seen.live[a])
            if a in told
            else engine.adopted(resources[a], seen.live[a], owned.get(a))
            for a in self.addresses
            if a not in same
        ]
        root = self.run.settings.root
        return _Deed(entries, same, {root / name: text for name, text in files.items()}, self._diff(files), told)

    def _rewritten(self, wishes: Sequence[Wish]) -> Mapping[str, bytes]:
        names = taken(self.paths, LoadOptions(self.run.settings.root))
        done = rewritten(wishes, names.variables)
        findings = [
            unwritable(
                f"{u.wish.path} of {u.wish.resource.address}: {u.why}. Change it there by hand.", u.wish.resource
            )
            for u in done.unwritable
        ]
        _require(findings, "the manifests cannot be changed")
        return {name: text.encode() for name, text in done.files.items()}

    def _tried(
        self, session: Assembly, seen: Survey, desired: Desired, files: Mapping[str, bytes]
    ) -> Mapping[Address, Resource]:
        """What the changed manifests want. Raises Blocked unless it is what lives there, and nobody else's changes."""
        root = self.run.settings.root
        instead = {str(root.absolute() / name): text for name, text in files.items()}
        trial = load(self.paths, LoadOptions(root, instead=instead))
        if has_errors(trial.diagnostics):
            raise InputError(trial.diagnostics)
        normal = {
            address: session.sites[address.gateway].platform.normalize(resource)
            for address, resource in trial.resources.items()
            if address.gateway in session.sites
        }
        findings = [f for a in self.addresses for f in left(normal[a], seen.live[a])]
        findings += bystanders(self.addresses, desired, trial, normal, seen)
        _require(findings, "the manifests cannot be changed for these objects alone")
        return normal

    def _diff(self, files: Mapping[str, bytes]) -> Sequence[str]:
        import difflib  # noqa: PLC0415 - for this command only

        lines: list[str] = []
        for name, text in files.items():
            before = (self.run.settings.root / name).read_bytes().decode().splitlines()
            lines += difflib.unified_diff(before, text.decode().splitlines(), name, name, lineterm="", n=1)
        return lines

    def _require_approval(self, deed: _Deed) -> None:
        if self.given["auto_approve"]:
            return
        if self.run.interactive:
            terminal.write(_shown(deed), sys.stderr, color=self.run.colored(sys.stderr))
            with interrupt.at_once():
                if click.confirm("Adopt these?", err=True):
                    return
        detail = "nothing was written. Give --auto-approve where nobody can be asked."
        raise Blocked("nobody approved", [Diagnostic(Severity.ERROR, "CLI005", "not approved", detail)])

    def _document(self, deed: _Deed) -> Mapping[str, Any]:
        return {
            "exit_code": OK,
            "adopted": [str(entry.address) for entry in deed.entries],
            "unchanged": [str(address) for address in deed.unchanged],
            "files": sorted(map(str, deed.files)),
            "diff": list(deed.diff),
            "differing": {str(address): list(paths) for address, paths in deed.apart.items()},
        }


def _require(findings: Sequence[Diagnostic], words: str) -> None:
    if findings:
        raise Blocked(words, findings)


_STYLES = {"+": "green", "-": "red", "@": "dim"}


def _lines(deed: _Deed) -> Iterator[terminal.Line]:
    yield from _shown(deed)
    files = f", {len(deed.files)} file(s) changed" if deed.files else ""
    yield ((f"Adopted {len(deed.entries)}, {len(deed.unchanged)} ours already{files}.", "bold"),)


def _shown(deed: _Deed) -> Iterator[terminal.Line]:
    for line in deed.diff:
        yield ((clean(line), _STYLES.get(line[:1], "")),)
    for entry in deed.entries:
        yield ((f"adopt {clean(str(entry.address))}", "cyan"), (f"  {clean(entry.remote_id)}", "dim"))
    for address, paths in deed.apart.items():
        told = f"  {clean(str(address))} differs from its manifest at {clean(', '.join(paths))}; the next plan shows it"
        yield ((told, "yellow"),)
