"""``reconciler serve``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import OK
from reconciler.cli.options import paths, shared
from reconciler.cli.session import Command
from reconciler.errors import InputError
from reconciler.manifest import everything

if TYPE_CHECKING:
    from reconciler.router import Table

DIALECTS = ("openai", "openai-websocket", "cognigy", "genesys")


@click.command()
@paths
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 1), default=1, help="Always 1: for more, run more behind a balancer.")
@click.option("--turns", type=click.IntRange(1, 10_000), default=256, show_default=True, help="Answered at once.")
@click.option("--queue", type=click.IntRange(0, 100_000), default=512, show_default=True, help="In line; 503 beyond.")
@click.option("--cache", type=click.FloatRange(0, 86_400), default=0, help="Seconds that answers are kept; 0: not.")
@click.option("--dialect", type=click.Choice(DIALECTS), help="What gateways speak. [default: the platform's]")
@click.option("--openapi", is_flag=True, help="Print the OpenAPI document and end.")
@shared
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Answer bots: the webhooks of the Routes in the manifests, which are read again when they change."""
    run = Command.begin(ctx)
    sys.exit(run.guarded(lambda: _document() if given["openapi"] else _serve(run, given)))


def _document() -> int:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    wiring.check_serve_extra()
    from reconciler.router import document  # noqa: PLC0415 - the same

    click.echo(document.text(), nl=False)
    return OK


def _serve(run: Command, given: dict[str, Any]) -> int:
    from reconciler import wiring  # noqa: PLC0415 - start-up of other commands

    wiring.check_serve_extra()
    from reconciler.engine import SystemClock  # noqa: PLC0415 - the same
    from reconciler.router.server import Serving, serve_until_signalled  # noqa: PLC0415 - the same

    async def opening() -> Table:
        """What is wrong is also said in full, to whoever reads standard error."""
        try:
            desired = await asyncio.to_thread(run.load, given["paths"])
            return await wiring.open_routes(
                run.settings, desired, run.progress, at_once=given["turns"], dialect=given["dialect"]
            )
        except InputError as error:
            if begun:
                run.say_findings(error.diagnostics)
            raise

    begun: list[str] = []

    def ready(url: str) -> None:
        begun.append(url)
        click.echo(url)
        sys.stdout.flush()

    serving = Serving(given["host"], given["port"], given["turns"], given["queue"], given["cache"])
    stamp = _stamp(run, given["paths"])
    asyncio.run(serve_until_signalled(serving, opening, stamp, SystemClock(), run.progress, ready))
    return OK


def _stamp(run: Command, given: Sequence[Path]) -> Any:
    """A way to see whether manifests have changed without reading them."""
    roots = [Path.cwd() / path for path in given] or [Path(run.settings.root, name) for name in run.settings.manifests]

    def stamp() -> Any:
        return tuple(sorted(entry for root in roots for entry in _entries(root)))

    return stamp


def _entries(root: Path) -> list[tuple[str, int, int]]:
    found = []
    for name in (str(root), *everything(root)) if root.is_dir() else (str(root),):
        try:
            known = os.stat(name)  # noqa: PTH116 - names are texts here
        except OSError:
            continue
        found.append((name, known.st_mtime_ns, known.st_size))
    return found
