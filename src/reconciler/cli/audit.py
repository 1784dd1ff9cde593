"""``reconciler audit verify``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import FAILED, OK
from reconciler.cli.options import reporting
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.render.terminal import Line
from reconciler.render.view import clean

if TYPE_CHECKING:
    from reconciler.ledger import AuditReport


@click.group()
def command() -> None:
    """Check the audit file."""


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]...")
@click.option("--since", type=click.IntRange(min=1), default=1, help="The first line's number: those before are kept.")
@reporting
@click.pass_context
def verify(ctx: click.Context, files: tuple[Path, ...], since: int) -> None:
    """Check that no line of the audit was changed, dropped or moved, nor cut from the end that the ledger knows.

    FILE: the parts of an audit that was moved away and begun anew, the oldest first. [default: the audit file, and
    before it what was moved aside when it was full]
    """
    run = Command.begin(ctx)
    run.run(lambda: _verify(run, files, since), failed_ending)


async def _verify(run: Command, files: tuple[Path, ...], since: int) -> Ending:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands
    from reconciler.ledger import verify_audit  # noqa: PLC0415 - the same

    mark = await wiring.audited(run.settings)
    paths: Sequence[Path] = ()
    while paths != (paths := files or _parts(run.settings.audit_path)):  # moved aside meanwhile: once more
        found = verify_audit(paths, mark, since)
    code = OK if found.broken_at is None else FAILED
    document = {
        "exit_code": code,
        "lines": found.lines,
        "broken_at": found.broken_at,
        "why": found.why,
        "file": None if found.file is None else str(found.file),
        "anchor": None if found.mark is None else found.mark._asdict(),
        "since_anchor": found.since,
    }
    return Ending(code, Report(lambda: _lines(found), lambda: document))


def _parts(path: Path) -> Sequence[Path]:
    """All of an audit; without a file in use that is not there yet: the one before it was moved aside just now."""
    from reconciler.ledger import parts_of  # noqa: PLC0415 - start-up of other commands

    parts = parts_of(path)
    return (*parts, path) if not parts or path.exists() else parts


def _lines(found: AuditReport) -> Iterator[Line]:
    if found.broken_at is not None:
        where = f"{clean(str(found.file))}:{found.broken_at}"
        yield ((f"{where}: {clean(found.why)}. Keep the file and find out who wrote to it.", "bold red"),)
        return
    entries = "1 entry" if found.lines == 1 else f"{found.lines} entries"
    yield ((f"Audit chain verified ({entries}).", "bold"),)
    if found.mark is None:
        yield (("The ledger keeps no anchor of it yet: lines cut from its end would not be found.", "yellow"),)
    elif found.since:
        yield ((f"{found.since} of them came after the last anchor, which the next run moves on.", ""),)
