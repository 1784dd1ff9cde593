"""``reconciler snapshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli.exits import OK
from reconciler.cli.options import beside_a_folder, gateways, paths, reporting, selector
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_ending
from reconciler.model.snapshot import Snapshot


@click.command()
@paths
@selector
@gateways
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    required=True,
    callback=beside_a_folder,
    help="Write the snapshot here. It holds no secret.",
)
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Keep what gateways and ledger hold, so that a pull request can be planned without credentials.

    PATHs and --selector choose the gateways: those that hold something of that part. Each is kept whole.
    """
    run = Command.begin(ctx)
    run.run(lambda: _snapshot(run, given), failed_ending)


async def _snapshot(run: Command, given: dict[str, Any]) -> Ending:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands
    from reconciler.cli import snapshotfile  # noqa: PLC0415 - the same

    desired = run.load(given["paths"], given["gateways"], given["selector"])
    async with wiring.open_session(run.settings, desired, gateways=given["gateways"], progress=run.progress) as session:
        taken = await engine.snapshot(session)
    snapshotfile.write(given["output"], taken)
    return Ending(OK, Report(lambda: iter([((_words(taken, given["output"]), ""),)]), lambda: _document(taken)))


def _words(taken: Snapshot, output: Path) -> str:
    counts = ", ".join(f"{len(seen.objects)} on {name}" for name, seen in sorted(taken.observed.items()))
    return f"Snapshot of {counts} written to {output}."


def _document(taken: Snapshot) -> Any:
    return {
        "taken_at": taken.taken_at,
        "gateways": {name: len(seen.objects) for name, seen in sorted(taken.observed.items())},
    }
