"""What an import has to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnostic, Severity, has_errors
from reconciler.model.live import Live
from reconciler.model.resource import Resource
from reconciler.render import json as documents
from reconciler.render import terminal
from reconciler.render.view import clean

if TYPE_CHECKING:
    from reconciler.manifest.compose import Composed
    from reconciler.model.memory import Entry

EXAMPLE = ".env.example"
"""Where the variables to fill in are listed."""


@dataclass(slots=True)
class Found:
    """What an import comes to."""

    files: dict[Path, bytes] = field(default_factory=dict)
    composed: dict[str, Composed] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    findings: list[Diagnostic] = field(default_factory=list)
    recorded: bool = False


def objects(found: Found) -> Iterator[tuple[Any, Live]]:
    """What is imported: address and live object."""
    for composed in found.composed.values():
        yield from composed.objects.items()


def _blanks(found: Found) -> Iterator[Any]:
    for composed in found.composed.values():
        for blanks in composed.blanks.values():
            yield from blanks


def lines(
    found: Found, findings: Sequence[Diagnostic], root: Path, source: terminal.SourceLine
) -> Iterator[terminal.Line]:
    """For people."""
    yield from terminal.diagnostic_lines(findings, source)
    for path in sorted(found.files):
        yield ((f"  wrote {clean(str(path.relative_to(root.absolute())))}", "green"),)
    count, blanks = len(found.entries), sum(1 for _ in _blanks(found))
    if not found.files and has_errors(findings):
        yield (("Nothing was imported: not everything could be read.", "bold red"),)
        return
    if not found.files:
        yield (("Nothing to import: every object is declared, owned, or cannot be written.", "bold"),)
        return
    taken_over = "taken over" if found.recorded else "not taken over"
    yield ((f"Imported {count} object(s), {taken_over}; {blanks} secret(s) to fill in ({EXAMPLE}).", "bold"),)


def left_out(live: Live, why: str) -> Diagnostic:
    """An object that stays as it is."""
    detail = (
        f"{live.address} (id {live.remote_id}) stays unmanaged: {why} Change it there, or write its manifest by hand."
    )
    return Diagnostic(Severity.WARNING, "ADOPT002", "not imported", detail, address=live.address)


def differs(resource: Resource, paths: Sequence[str]) -> Diagnostic:
    """An object that the next plan would change."""
    detail = f"{resource.address} differs at {', '.join(paths)}; the next plan shows the change."
    return Diagnostic(Severity.WARNING, "ADOPT004", "a default that is not there", detail, address=resource.address)


def unrecorded(folder: Path) -> Diagnostic:
    """Manifests without ownership."""
    detail = (
        f"the manifests in {folder} were written, and the ledger was left alone. Put them among the configured "
        "manifests, then `reconciler adopt` their addresses, or apply, which sends their secrets."
    )
    return Diagnostic(Severity.WARNING, "ADOPT005", "imported, and not taken over", detail)


def document(found: Found, findings: Sequence[Diagnostic], code: int) -> Mapping[str, Any]:
    """For programs."""
    return {
        "exit_code": code,
        "recorded": found.recorded,
        "files": sorted(map(str, found.files)),
        "imported": [
            {"address": str(address), "remote_id": live.remote_id}
            for address, live in sorted(objects(found), key=_first)
        ],
        "secrets": [{"variable": blank.variable, "purpose": blank.purpose} for blank in _blanks(found)],
        "diagnostics": documents.diagnostic_documents(findings),
    }


def _first(pair: tuple[Any, Live]) -> Any:
    return pair[0]
