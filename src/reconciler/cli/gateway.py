"""``reconciler gateway serve``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import OK
from reconciler.cli.options import shared
from reconciler.cli.session import Command
from reconciler.model.jsontext import json_value

if TYPE_CHECKING:
    from reconciler.embedded import FaultPlan


@click.group()
def command() -> None:
    """Run the gateway in a box."""


@command.command()
@click.option(
    "--name", default="prod", show_default=True, help="Serve the data that `url: embedded:` of this Gateway uses."
)
@click.option("--store", type=click.Path(path_type=Path), help="Data file. [default: that of NAME]")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0 takes a free one.")
@click.option("--faults", type=click.Path(path_type=Path), help="JSON file: what the gateway does wrong.")
@click.option("--admin", is_flag=True, help="Serve /_embedded, to change faults and to see requests.")
@shared
@click.pass_context
def serve(ctx: click.Context, /, **given: Any) -> None:
    """Serve the gateway on a socket until Ctrl-C."""
    run = Command.begin(ctx)
    store = given["store"] or run.settings.directory / "embedded" / f"{given['name']}.sqlite"
    place = (given["host"], given["port"])
    sys.exit(run.guarded(lambda: _serve(store, place, given["faults"], admin=given["admin"])))


def _serve(store: Path, place: tuple[str, int], faults: Path | None, *, admin: bool) -> int:
    from reconciler.embedded import serve_forever  # noqa: PLC0415 - start-up of other commands

    host, port = place
    asyncio.run(serve_forever(store, host, port, click.echo, faults=_read(faults), admin=admin))
    return OK


def _read(faults: Path | None) -> FaultPlan | None:
    if faults is None:
        return None
    from reconciler.embedded import FaultPlan  # noqa: PLC0415 - see above

    try:
        return FaultPlan.read(json_value(faults.read_bytes()))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{faults} is no fault plan: {error}") from None
