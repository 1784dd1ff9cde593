"""``reconciler approved``."""

from __future__ import annotations

import asyncio
import os

import click

from reconciler.cli.options import shared
from reconciler.cli.session import Command
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity


@click.command()
@click.option("--commits", type=click.IntRange(1, 500), default=50, show_default=True, help="How far back to look.")
@shared
@click.pass_context
def command(ctx: click.Context, commits: int) -> None:
    """Print the digests that merged pull requests approved, one a line, for `apply --expect-file`."""
    run = Command.begin(ctx)
    ctx.exit(run.guarded(lambda: asyncio.run(_approved(run, commits))))


async def _approved(run: Command, most: int) -> int:
    from reconciler import forge, wiring  # noqa: PLC0415 - start-up of `--help`
    from reconciler.render import markdown  # noqa: PLC0415 - the same

    commits = wiring.commits_of(run.settings.root, most)
    if not commits:
        detail = f"{run.settings.root} is no checkout of git, so no pull request can be found. Check it out first."
        raise InputError([Diagnostic(Severity.ERROR, "CLI011", "no commits to look at", detail)])
    async with wiring.open_forge(os.environ) as found:
        digests = await forge.approved(found, commits, markdown.marker("plan"))
    for digest in digests:
        click.echo(digest)
    return 0
