"""``reconciler version``."""

from __future__ import annotations

import click

from reconciler import __version__
from reconciler.cli.options import shared


@click.command()
@shared
def command() -> None:
    """Print the version."""
    click.echo(__version__)
