"""Which files there are, and their bytes. Nothing outside of the root is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

SUFFIXES = (".yaml", ".yml")

Report = Callable[[str, str, str], None]
"""Told of a problem with a file: code, detail, name."""


def found(paths: Sequence[Path], root: Path, report: Report) -> list[str]:
    """Absolute names of all manifests below `paths`, each once, in the order of names."""
    names: dict[str, None] = {}
    inside = os.path.realpath(root)
    for path in paths:
        start = os.path.abspath(path if path.is_absolute() else root / path)  # noqa: PTH100 - links stay as named
        if os.path.isdir(start):  # noqa: PTH112 - one call in a hot path
            names |= dict.fromkeys(sorted(_below(start, inside, report)))
        elif os.path.isfile(start):  # noqa: PTH113 - the same
            names |= dict.fromkeys(_allowed(start, inside, report))
        elif os.path.lexists(start):
            report("FILE003", "the file cannot be read: it is no file, or a link that leads nowhere.", start)
        else:
            report("FILE001", "there is no such file or folder; check the path.", start)
    return list(names)


def among(names: Iterable[str], paths: Sequence[Path], root: Path) -> list[str]:
    """Those of the absolute `names` that are manifests below `paths`."""
    folders = [os.path.abspath(root / path) for path in paths]  # noqa: PTH100 - links stay as named
    read = [n for n in sorted(names) if n.endswith(SUFFIXES) and not os.path.basename(n).startswith(".")]  # noqa: PTH119 - as above
    return [name for name in read if any(name == f or name.startswith(f + os.sep) for f in folders)]


def _below(folder: str, inside: str, report: Report) -> Iterator[str]:
    """However deep the folders are: those still to be looked at wait in a list."""
    folders = [folder]
    while folders:
        for entry in _entries(folders.pop(), report):
            try:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    yield from _linked(entry, inside, report)
                elif entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.endswith(SUFFIXES):
                    yield entry.path
            except OSError as error:
                report("FILE003", f"the file cannot be read ({error.strerror}).", entry.path)


def _entries(folder: str, report: Report) -> Sequence[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        report("FILE003", f"the folder cannot be read ({error.strerror}).", folder)
        return ()


def _linked(entry: os.DirEntry[str], inside: str, report: Report) -> Iterator[str]:
    """A link to a file within the root is a file; a link to a folder could lead in circles."""
    if entry.is_dir():
        report("FILE002", "a link to a folder is not followed; put the files here.", entry.path)
    elif entry.name.endswith(SUFFIXES):
        yield from _allowed(entry.path, inside, report)


def _allowed(name: str, inside: str, report: Report) -> Iterator[str]:
    real = os.path.realpath(name)
    if real == inside or real.startswith(inside + os.sep):
        yield name
    else:
        report("FILE002", "the file lies outside of the project, or a link leads out of it; move it inside.", name)


def everything(folder: str | os.PathLike[str]) -> Iterator[str]:
    """All names below a folder, folders among them, as far as it can be looked into; links are not followed."""
    folders = [os.fspath(folder)]
    while folders:
        for entry in _entries(folders.pop(), lambda *_: None):
            yield entry.path
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)


def content(name: str, largest: int, report: Report) -> bytes | None:
    """A file's bytes; None when it cannot be used."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        report("FILE003", f"the file cannot be read ({error.strerror}).", name)
        return None
    try:
        about = os.fstat(descriptor)
        size = about.st_size
        if not stat.S_ISREG(about.st_mode):
            report("FILE003", "this is no regular file; put a file here.", name)
            return None
        if size > largest:
            report("FILE004", f"the file has {size} bytes, more than the {largest} allowed; split it.", name)
            return None
        return os.read(descriptor, largest + 1)
    except OSError as error:
        report("FILE003", f"the file cannot be read ({error.strerror}).", name)
        return None
    finally:
        os.close(descriptor)


def shown(name: str, root: Path) -> str:
    """A file's name as people know it: relative to the root when it lies below."""
    base = os.path.abspath(root) + os.sep  # noqa: PTH100 - no links are followed for a name
    return name.removeprefix(base)
