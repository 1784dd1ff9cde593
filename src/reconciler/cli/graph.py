"""``reconciler graph``."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import paths, shared
from reconciler.cli.session import Command
from reconciler.cli.subject import edges_of


@click.command()
@paths
@click.option("--as", "language", type=click.Choice(["mermaid", "dot"]), default="mermaid", show_default=True)
@shared
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], language: str) -> None:
    """Draw what depends on what, for a Markdown page (Mermaid) or Graphviz (DOT)."""
    run = Command.begin(ctx)
    ctx.exit(run.guarded(lambda: _drawn(run, paths, language)))


def _drawn(run: Command, paths: tuple[Path, ...], language: str) -> int:
    from reconciler.render import diagram  # noqa: PLC0415 - start-up of `--help`

    desired = run.load(paths)
    click.echo(diagram.text(edges_of(desired), diagram.Language(language)), nl=False)
    return 0
