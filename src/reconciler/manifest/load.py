"""The door of this room: paths to what is desired."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from reconciler.manifest import declared, files
from reconciler.manifest.compose import Taken
from reconciler.manifest.document import Document, SourceFile
from reconciler.manifest.parse import parse
from reconciler.manifest.problems import diagnostic, left_out
from reconciler.manifest.read import LoadOptions, decoded, read
from reconciler.manifest.resolve import resolve
from reconciler.manifest.source import split
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Position, Severity, has_errors, ordered

CONSEQUENCES = frozenset({"REF001", "REF003", "REF004", "REF005", "REF007", "REF009", "REF010", "REF011", "LLM010"})
"""What may only be said because another document could not be read; said once that one is mended."""

LARGEST_SETTINGS = 1_048_576
LARGEST_SHOWN = 16 * LARGEST_SETTINGS
"""Bytes."""


def load(paths: Sequence[Path], options: LoadOptions) -> Desired:
    """Read manifests. Bad input raises nothing: all that is wrong stands in `Desired.diagnostics`."""
    documents = read(paths, options)
    resolution = resolve(documents.valid)
    found = resolution.diagnostics
    consequences: tuple[Diagnostic, ...] = ()
    if has_errors(documents.diagnostics):
        consequences = tuple(finding for finding in found if finding.code in CONSEQUENCES)
        found = [finding for finding in found if finding.code not in CONSEQUENCES]
    return Desired(
        resolution.gateways,
        resolution.resources,
        declared.policies(documents.valid),
        documents.digest,
        _bounded(ordered((*documents.diagnostics, *found))),
        resolution.inference,
        consequences=consequences,
    )


MOST_FINDINGS = 1000
"""Nobody reads more, and a report of a hundred megabytes is none."""


def _bounded(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """At most so many, and no error lost among warnings."""
    if len(found) <= MOST_FINDINGS:
        return tuple(found)
    errors = [each for each in found if each.severity is Severity.ERROR]
    kept = errors[:MOST_FINDINGS] or found[:MOST_FINDINGS]
    last = left_out(len(found) - len(kept), kept[-1].position)
    return (*kept, last if errors else replace(last, severity=Severity.WARNING))


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

    content = files.content(str(path), LARGEST_SETTINGS, lambda code, detail, _: report(code, detail, 1, 1))
    text = None if content is None else decoded(content, str(path), found)
    parsed = [] if text is None else parse(text, report)
    if text is None or not parsed:
        return {}, lambda _: nowhere, tuple(found)
    if len(parsed) > 1 or not isinstance(parsed[0].data, dict):
        found.append(diagnostic("KIND005", "the settings are one mapping; write one.", nowhere))
        return {}, lambda _: nowhere, tuple(found)
    only = parsed[0]
    document = Document(SourceFile(str(path), text), only.data, only.start, only.end, only.line)
    return only.data, lambda pointer: document.key_position(split(pointer)), tuple(found)


def source_line(position: Position, root: Path) -> str | None:
    """The line that a position is in, None where the file is not there any more."""
    name = root / position.file
    try:
        about = name.stat()
        lines = _lines(name, about.st_size, about.st_mtime_ns)
    except (OSError, ValueError):
        return None
    return lines[position.line - 1] if 0 < position.line <= len(lines) else None


@lru_cache(maxsize=16)
def _lines(name: Path, size: int, _changed: int) -> Sequence[str]:
    """A file's lines, read once for all that is found in it. Raises OSError."""
    if size > LARGEST_SHOWN or not stat.S_ISREG(name.stat().st_mode):
        return ()
    return name.read_text(encoding="utf-8", errors="replace").split("\n")
