"""``reconciler schema``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from reconciler import storage
from reconciler.cli.options import shared


@click.command()
@click.argument("kind", required=False)
@click.option("--write", type=click.Path(path_type=Path, file_okay=False), help="Write all schemas into this folder.")
@shared
def command(kind: str | None, write: Path | None) -> None:
    """Print the JSON Schema of the language, of one KIND, or of an output: plan, run, validate, drift."""
    if write is not None and kind is not None:
        raise click.UsageError("--write writes all schemas: leave KIND out")
    if write is not None:
        storage.require_no_link(write)
        write.mkdir(parents=True, exist_ok=True)
        for name, text in _all():
            storage.write_whole(write / name, text)
        return
    click.echo(_one(kind), nl=False)


def _one(kind: str | None) -> str:
    from reconciler import kinds  # noqa: PLC0415 - start-up of other commands
    from reconciler.render import schema as outputs  # noqa: PLC0415 - the same

    if kind in outputs.names():
        return outputs.schema_text(str(kind))
    try:
        return kinds.schema_text(kind)
    except LookupError as error:
        raise click.UsageError(f"{error}; outputs are {', '.join(outputs.names())}") from None


def _all() -> Iterator[tuple[str, str]]:
    """Every published schema by its file's name."""
    from reconciler import kinds  # noqa: PLC0415 - start-up of other commands
    from reconciler.render import schema as outputs  # noqa: PLC0415 - the same

    for name in kinds.names():
        yield kinds.file_name(name), kinds.schema_text(name)
    yield kinds.file_name("manifest"), kinds.schema_text()
    for name in outputs.names():
        yield kinds.file_name(name), outputs.schema_text(name)
