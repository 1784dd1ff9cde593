"""``reconciler init``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from reconciler import storage
from reconciler.cli.options import shared

UNPINNED = "OWNER/reconciler@0000000000000000000000000000000000000000 # the commit that you trust"
_ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}( # \S+)?")
_VARIABLE = re.compile(r"\{env: ([A-Z][A-Z0-9_]*)\}")
_FOLDERS: Mapping[str, str] = {"manifests": "manifests", "workflows": ".github/workflows"}
_IGNORED = ".reconciler/\n"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--action", metavar="OWNER/NAME@COMMIT", help="Where the workflows take the tool from, by full commit.")
@click.option("--no-workflows", is_flag=True, help="Manifests and settings only, for other CI systems.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@shared
def command(folder: Path, action: str | None, *, no_workflows: bool, force: bool) -> None:
    """Begin in FOLDER: manifests on a gateway in a box, settings, and the three workflows for GitHub."""
    if action is not None and not _ACTION.fullmatch(action):
        raise click.UsageError(f"{action!r} is not OWNER/NAME@COMMIT with all 40 digits of a commit")
    wanted = dict(_wanted(action or UNPINNED))
    if no_workflows:
        wanted = {name: text for name, text in wanted.items() if not name.startswith(".github/")}
    there = [name for name in wanted if os.path.lexists(folder / name)]
    if there and not force:
        raise click.ClickException(f"{', '.join(there)} is there already; --force writes over it. Nothing was written.")
    try:
        for name in (*wanted, ".gitignore"):
            storage.require_no_link(folder / name)
    except storage.LinkInTheWay as error:
        raise click.ClickException(f"{error}. Nothing was written.") from None
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_whole(path, text)
        click.echo(f"wrote {path}")
    _ignore(folder / ".gitignore")
    for line in _next(wanted, pinned=action is not None):
        click.echo(line)


def _wanted(action: str) -> Iterator[tuple[str, str]]:
    """Each file by its name in the checkout."""
    scaffold = files("reconciler.cli") / "scaffold"
    yield "reconciler.yaml", (scaffold / "reconciler.yaml").read_text(encoding="utf-8")
    names = sorted({name for part in _parts(scaffold / "manifests") for name in _VARIABLE.findall(part[1])})
    for folder, target in _FOLDERS.items():
        for name, text in _parts(scaffold / folder):
            yield f"{target}/{name}", _filled(text, action, names)


def _parts(folder: Traversable) -> list[tuple[str, str]]:
    return sorted((part.name, part.read_text(encoding="utf-8")) for part in folder.iterdir())


def _filled(text: str, action: str, names: list[str]) -> str:
    """The workflows hand the secrets over that the manifests name, and no others."""
    secrets = "\n          ".join(f"{name}: ${{{{ secrets.{name} }}}}" for name in names)
    return text.replace("@ACTION@", action).replace("@SECRETS@", secrets)


def _ignore(path: Path) -> None:
    """What the tool keeps beside the manifests is no business of Git."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if _IGNORED not in text.splitlines(keepends=True):
        storage.write_whole(path, text + ("" if not text or text.endswith("\n") else "\n") + _IGNORED)


def _next(wanted: Mapping[str, str], *, pinned: bool) -> Iterator[str]:
    yield ""
    yield "Next: `reconciler validate`, then set the variables that manifests/ names and `reconciler plan`."
    if not pinned and any(name.startswith(".github/") for name in wanted):
        yield "In .github/workflows/, replace OWNER/reconciler@000… by the commit of the action that you trust."
