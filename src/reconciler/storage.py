"""Files of this tool: for their owner alone where they are its memory, whole or not at all, and never through a link.

| what is written                                   | a link in its way                                   |
|---------------------------------------------------|-----------------------------------------------------|
| the tool's own folder and all within it           | refused, wherever the folder is                     |
| a report, plan, snapshot, manifest in a checkout  | refused: a proposal may have put it there           |
| the same outside of the checkout                  | followed: whoever runs the tool named the place     |
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
_OTHERS = 0o077


class LinkInTheWay(OSError):
    """Something would be written through a symbolic link."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is a symbolic link, and nothing is written through one. Remove it, or name its target"
        )


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone from the first moment on."""
    for folder in reversed((path, *path.parents)):
        if not folder.is_dir():
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=PRIVATE_FOLDER)
    if path.is_symlink():
        raise LinkInTheWay(path)


def require_file(path: Path) -> None:
    """Raise LinkInTheWay where a link stands in a file's place."""
    if path.is_symlink():
        raise LinkInTheWay(path)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file for this user alone, not of what a link leads to. Raises OSError."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise LinkInTheWay(path) from None
        raise
    _mend(descriptor, os.fstat(descriptor).st_mode, PRIVATE_FILE)
    return descriptor


OWN = ".reconciler"
_KEPT = ("ledger.sqlite", "audit.", "fingerprint.key", "defect.txt")


def mend(folder: Path) -> None:
    """Close the tool's own folder, and what it keeps there, to others where it was open. Raises LinkInTheWay.

    In a folder of another name, which may hold what is not the tool's, only its own files are looked at.
    """
    if not os.path.lexists(folder):
        return
    whole = folder.name == OWN
    if whole and folder.is_symlink():
        raise LinkInTheWay(folder)
    if whole and folder.is_dir():
        _mend(folder, folder.stat().st_mode, PRIVATE_FOLDER)
    for entry in _within(folder, "" if whole else _KEPT):
        if entry.is_symlink():
            raise LinkInTheWay(Path(entry.path))
        wanted = PRIVATE_FOLDER if entry.is_dir() else PRIVATE_FILE
        _mend(Path(entry.path), entry.stat().st_mode, wanted)


def _within(folder: Path, kept: str | tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(NotADirectoryError, FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(kept):
                yield entry
                if entry.is_dir(follow_symlinks=False) and not kept:
                    yield from _within(Path(entry.path), kept)


def _mend(target: Path | int, mode: int, wanted: int) -> None:
    """What is another user's, or on a disk that is read-only, stays as it is: it can be read and not be changed."""
    if mode & _OTHERS and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        with contextlib.suppress(OSError):
            os.chmod(target, wanted)  # noqa: PTH101 - also of a descriptor


def require_no_link(path: Path) -> None:
    """Raise LinkInTheWay where a place within the checkout is reached through a link that lies in it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as named
    base = checkout_around(Path.cwd())
    if base not in absolute.parents:
        return
    link = next((each for each in (absolute, *absolute.parents) if base in each.parents and each.is_symlink()), None)
    if link is not None:
        raise LinkInTheWay(link)


def checkout_around(folder: Path) -> Path:
    """The folder that a proposal may have filled: that of the repository around `folder`, else `folder` itself."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def read_bounded(path: Path, largest: int) -> bytes:
    """What a file holds, or a pipe gives. Raises OSError, also where there is more than `largest` bytes of it."""
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"it has more than {largest} bytes", str(path))
    return content


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that nobody ever reads half of it. In a folder for one user it is for that user too.

    What is there and no regular file (a terminal, a pipe) is written to as it is. Raises OSError.
    """
    require_no_link(path)
    made = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    real = Path(os.path.realpath(path))
    if real.exists() and not real.is_file():
        real.write_bytes(made)
        return
    half = real.with_name(f".{real.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _mode(real))
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
        half.replace(real)
    finally:
        half.unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """Of the file that is there, else of its folder, for the umask to narrow."""
    if path.is_file():
        return stat.S_IMODE(path.stat().st_mode)
    closed = path.parent.is_dir() and not path.parent.stat().st_mode & _OTHERS
    return PRIVATE_FILE if closed else 0o666
