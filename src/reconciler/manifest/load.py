"""The door of this room: paths to what is desired."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.manifest import declared
from reconciler.manifest.compose import Taken
from reconciler.manifest.document import Document, SourceFile
from reconciler.manifest.parse import parse
from reconciler.manifest.problems import diagnostic
from reconciler.manifest.read import LoadOptions, read
from reconciler.manifest.resolve import resolve
from reconciler.manifest.source import split
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Position, has_errors, ordered

CONSEQUENCES = frozenset({"REF001", "REF003", "REF004", "REF005", "REF007", "REF009", "REF010", "REF011", "LLM010"})
"""What may only be said because another document could not be read; said once that one is mended."""


def load(paths: Sequence[Path], options: LoadOptions) -> Desired:
    """Read manifests. Bad input raises nothing: all that is wrong stands in `Desired.diagnostics`."""
    documents = read(paths, options)
    resolution = resolve(documents.valid)
    found = resolution.diagnostics
    if has_errors(documents.diagnostics):
        found = [finding for finding in found if finding.code not in CONSEQUENCES]
    return Desired(
        resolution.gateways,
        resolution.resources,
        declared.policies(documents.valid),
        documents.digest,
        ordered((*documents.diagnostics, *found)),
        resolution.inference,
    )


def taken(paths: Sequence[Path], options: LoadOptions) -> Taken:
    """Names that the manifests give to documents, and variables that they refer to."""
    names: dict[str, set[str]] = {}
    variables: set[str] = set()
    for document in read(paths, options).valid:
        names.setdefault(document.kind, set()).add(document.name)
        variables.update(_variables(document.data))
    return Taken({kind: frozenset(found) for kind, found in names.items()}, frozenset(variables))


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("env"), str):
            yield value["env"]
        for member in value.values():
            yield from _variables(member)
    elif isinstance(value, list):
        for item in value:
            yield from _variables(item)


def read_settings(path: Path) -> tuple[Mapping[str, Any], Callable[[str], Position], tuple[Diagnostic, ...]]:
    """One strict YAML mapping, a way from JSON pointers to lines, and what is wrong with it."""
    found: list[Diagnostic] = []
    nowhere = Position(str(path), 1, 1)

    def report(code: str, detail: str, line: int, column: int) -> None:
        found.append(diagnostic(code, detail, Position(str(path), line, column)))

    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        return {}, lambda _: nowhere, (diagnostic("FILE003", f"{error}.", nowhere),)
    parsed = parse(text, report)
    if not parsed:
        return {}, lambda _: nowhere, tuple(found)
    if len(parsed) > 1 or not isinstance(parsed[0].data, dict):
        found.append(diagnostic("KIND005", "the settings are one mapping; write one.", nowhere))
        return {}, lambda _: nowhere, tuple(found)
    only = parsed[0]
    document = Document(SourceFile(str(path), text), only.data, only.start, only.end, only.line)
    return only.data, lambda pointer: document.key_position(split(pointer)), tuple(found)


def source_line(position: Position, root: Path) -> str | None:
    """The line that a position is in, None where the file is not there any more."""
    try:
        with (root / position.file).open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if number == position.line:
                    return line.rstrip("\n")
    except OSError:
        return None
    return None
