"""``reconciler explain``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from reconciler.cli.codes import CODES
from reconciler.cli.options import shared


def all_codes() -> Mapping[str, str]:
    """Every diagnostic code of every room, with what it means."""
    from reconciler import (  # noqa: PLC0415 - start-up
        forge,
        ledger,
        manifest,
        notify,
        planning,
        platforms,
        secrets,
        settings,
        wiring,
    )
    from reconciler.engine import codes as engine_codes  # noqa: PLC0415 - the same
    from reconciler.router import codes as router_codes  # noqa: PLC0415 - the same

    rooms = (ledger, manifest, planning, platforms, secrets, settings, forge, notify, wiring)
    tables = [*(room.CODES for room in rooms), engine_codes.CODES, router_codes.CODES, CODES]
    return {code: text for table in tables for code, text in table.items()}


@click.command()
@click.argument("what", metavar="KIND[.path] | CODE")
@shared
def command(what: str) -> None:
    """Explain a field of a kind, such as Endpoint.spec.rollout, or a diagnostic code."""
    codes = all_codes()
    if what.upper() in codes:
        click.echo(f"{what.upper()}\n\n{codes[what.upper()]}")
        return
    kind, _, path = what.partition(".")
    for line in _field(kind, path.split(".") if path else []):
        click.echo(line)


def _field(kind: str, path: list[str]) -> Iterator[str]:
    from reconciler import kinds  # noqa: PLC0415 - start-up of other commands

    schema = next((s for name, s in kinds.schemas().items() if name.lower() == kind.lower()), None)
    if schema is None:
        raise click.UsageError(f"there is no kind or code {kind!r}.{_near(kind, (*kinds.names(), *all_codes()))}")
    options, required = [schema], False
    for key in path:
        required = any(key in option.get("required", ()) for option in options)
        child = next((o["properties"][key] for o in options if key in o.get("properties", {})), None)
        if child is None:
            known = [name for option in options for name in option.get("properties", {})]
            raise click.UsageError(f"{kind} has no {'.'.join(path)}; here are {', '.join(known) or 'no fields'}.")
        options = list(_spread(schema, child))
    yield f"{kind}{''.join('.' + key for key in path)}{'  (required)' if required else ''}"
    yield from _described(schema, options)


def _near(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - for a mistake only

    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1)
    kinds = ", ".join(name for name in names.values() if not name.isupper())
    return f" Did you mean {names[near[0]]}?" if near else f" Kinds are {kinds}."


def _described(schema: Mapping[str, Any], options: list[Mapping[str, Any]]) -> Iterator[str]:
    for option in options:
        for word in ("description", "type", "enum", "pattern", "minimum", "maximum", "default"):
            if word in option:
                yield f"  {word}: {option[word]}"
        for name, child in option.get("properties", {}).items():
            about = next((o["description"] for o in _spread(schema, child) if "description" in o), "")
            mark = " (required)" if name in option.get("required", ()) else ""
            yield f"    {name}{mark}  {about}".rstrip()


def _spread(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A node, its references followed and its alternatives, items and members of free names spread out."""
    from reconciler import kinds  # noqa: PLC0415 - start-up of other commands

    yield node
    if "$ref" in node:
        yield from _spread(schema, schema["definitions"][node["$ref"].rsplit("/", 1)[1]])
    for word in ("anyOf", "oneOf", "allOf"):
        for part in node.get(word, ()):
            yield from _spread(schema, part)
    for inner in (node.get("items"), kinds.values(node)):
        if isinstance(inner, dict):
            yield from _spread(schema, inner)
