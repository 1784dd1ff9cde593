"""``reconciler approved``."""

from __future__ import annotations

import asyncio
import os

import click

from reconciler.cli.options import shared
from reconciler.cli.session import Command
from reconciler.cli.subject import fleet_of
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity


@click.command()
@click.option("--commits", type=click.IntRange(1, 500), default=50, show_default=True, help="How far back to look.")
@click.option("--base", metavar="BRANCH", help="Into which they were merged. [default: the one that is worked on]")
@shared
@click.pass_context
def command(ctx: click.Context, commits: int, base: str | None) -> None:
    """Print the digests that merged pull requests approved, one a line, for `apply --expect-file`.

    Counted are comments that this tool wrote on this fleet, with the identity of the token that is given now.
    """
    run = Command.begin(ctx)
    ctx.exit(run.guarded(lambda: asyncio.run(_approved(run, commits, base))))


async def _approved(run: Command, most: int, base: str | None) -> int:
    from reconciler import forge, wiring  # noqa: PLC0415 - start-up of `--help`
    from reconciler.render import markdown  # noqa: PLC0415 - the same

    commits = wiring.commits_of(run.settings.root, most)
    if not commits:
        detail = f"{run.settings.root} is no checkout of git, so no pull request can be found. Check it out first."
        raise InputError([Diagnostic(Severity.ERROR, "CLI011", "no commits to look at", detail)])
    branch = base or wiring.branch_of(run.settings.root)
    if branch is None:
        detail = "no branch is checked out, so where pull requests should have gone is not known. Name it with --base."
        raise InputError([Diagnostic(Severity.ERROR, "CLI012", "no branch to look at", detail)])
    async with wiring.open_forge(os.environ) as found:
        digests = await forge.approved(found, commits, markdown.marker("plan", fleet_of(run)), branch)
    for digest in digests:
        click.echo(digest)
    return 0
