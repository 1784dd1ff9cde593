"""``reconciler serve``."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.exits import OK
from reconciler.cli.options import paths, shared
from reconciler.cli.session import Command
from reconciler.errors import Blocked, InputError
from reconciler.manifest import everything
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.memory import Entry
from reconciler.settings import FILE, load_settings, settings_file

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

    project = _Project(run, tuple(given["paths"]), Path.cwd())

    async def opening() -> Table:
        """What is wrong is also said in full, to whoever reads standard error."""
        try:
            now = await asyncio.to_thread(project.read) if begun else run
            desired = await asyncio.to_thread(now.load, given["paths"])
            table = await wiring.open_routes(
                now.settings,
                desired,
                run.progress,
                at_once=given["turns"],
                dialect=given["dialect"],
                began=project.gateways,
            )
        except (InputError, Blocked) as error:
            if begun and error.diagnostics != project.said:
                await asyncio.to_thread(run.say_findings, error.diagnostics)
                project.said = error.diagnostics
            raise
        project.gateways = wiring.gateways_of(desired)
        return table

    begun: list[str] = []

    def ready(url: str) -> None:
        begun.append(url)
        click.echo(url)
        sys.stdout.flush()

    serving = Serving(given["host"], given["port"], given["turns"], given["queue"], given["cache"])
    kept = wiring.open_interactions(run.settings, run.progress)
    asyncio.run(serve_until_signalled(serving, opening, project.stamp, SystemClock(), run.progress, ready, kept))
    return OK


@dataclass(slots=True)
class _Project:
    """The settings and the manifests that a router is made of, while they change under it. `said` was said last.

    `gateways` are those of the table in use, as the ledger would have them.
    """

    run: Command
    paths: tuple[Path, ...]
    home: Path
    said: tuple[Diagnostic, ...] = ()
    gateways: Mapping[Address, Entry] = field(default_factory=dict)

    def read(self) -> Command:
        """The command with the settings of now. Raises InputError, and OSError where the working folder is gone."""
        self._go_home()
        given = self.run.given
        read = load_settings(given, os.environ, self.home, given.get("settings"))
        self.run = replace(self.run, settings=read)
        return self.run

    def stamp(self) -> Any:
        """What changes when settings or manifests do, without reading them; what cannot be seen is part of it."""
        self._go_home()
        settings = self.run.settings
        roots = [self.home / path for path in self.paths] or [Path(settings.root, name) for name in settings.manifests]
        file = settings_file(os.environ, self.home, self.run.given.get("settings"))
        return tuple(
            sorted(entry for place in (*roots, file or Path(settings.root, FILE)) for entry in _entries(place))
        )

    def _go_home(self) -> None:
        """A working folder that was replaced by another of its name is not the one that we stand in."""
        home = self.home.stat()
        try:
            here = Path().stat()
        except OSError:
            here = None
        if here is None or (here.st_dev, here.st_ino) != (home.st_dev, home.st_ino):
            os.chdir(self.home)


def _entries(root: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A file, or a folder with all below it; what cannot be looked at is there as well, by the error's number."""
    for name in (str(root), *everything(root)) if root.is_dir() else (str(root),):
        try:
            known = os.stat(name)  # noqa: PTH116 - names are texts here
        except OSError as error:
            yield name, (error.errno or 0,)
            continue
        if stat.S_ISDIR(known.st_mode):
            yield name, (known.st_ino, known.st_mode)
        else:
            yield name, (known.st_mtime_ns, known.st_ctime_ns, known.st_size, known.st_ino, known.st_mode)
