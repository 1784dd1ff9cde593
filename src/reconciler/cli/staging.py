"""Several files written as one: all are complete beside their places before the first takes its place."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write the files. Whatever cannot be written at all is found before any file has changed.

    A link stays a link: the file that it leads to is replaced. Where that may not be, ask `storage.require_no_link`.
    """
    contents = {Path(os.path.realpath(path)): content for path, content in files.items()}
    halves = {path: path.with_name(f".{path.name}.{secrets.token_hex(6)}") for path in contents}
    try:
        for path, half in halves.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with half.open("xb") as file:
                file.write(contents[path])
            if path.exists():
                half.chmod(path.stat().st_mode & 0o777)
        for path, half in halves.items():
            half.replace(path)
    finally:
        for half in halves.values():
            half.unlink(missing_ok=True)
