"""``reconciler completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli.options import shared


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@shared
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell, to be sourced."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    complete = found(ctx.find_root().command, {}, "reconciler", "_RECONCILER_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
