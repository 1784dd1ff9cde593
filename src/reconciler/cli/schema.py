"""``reconciler schema``."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import shared


@click.command()
@click.argument("kind", required=False)
@click.option("--write", type=click.Path(path_type=Path, file_okay=False), help="Write all schemas into this folder.")
@shared
def command(kind: str | None, write: Path | None) -> None:
    """Print the JSON Schema of the language, or of one KIND."""
    from reconciler import kinds  # noqa: PLC0415 - start-up of other commands

    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for name in kinds.names():
            (write / kinds.file_name(name)).write_text(kinds.schema_text(name), encoding="utf-8")
        (write / kinds.file_name("manifest")).write_text(kinds.schema_text(), encoding="utf-8")
        return
    try:
        click.echo(kinds.schema_text(kind), nl=False)
    except LookupError as error:
        raise click.UsageError(str(error)) from None
