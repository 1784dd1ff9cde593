"""Documents that were read and found valid, by the SHA-256 of their file's bytes.

JSON, never pickle: a cache may come from elsewhere, and reading it must not run anything. It is only
ever a shortcut: whatever is wrong with it means that files are read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.manifest.parse import Parsed

FORMAT = "1"
NAME = "manifests.json"
WORTH_A_PROCESS = 50
"""Files from which writing the cache is left to a child process."""


class Cache:
    """One file of entries. `version` names the language; entries of another one are not used."""

    def __init__(self, folder: Path | None, version: str) -> None:
        self._path = None if folder is None else folder / NAME
        self._version = f"{FORMAT}/{version}"
        self._known = self._read()
        self._used: dict[str, Any] = {}
        self._new = False

    def _read(self) -> Mapping[str, Any]:
        if self._path is None:
            return {}
        try:
            read = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(read, dict) or read.get("version") != self._version:
            return {}
        files = read.get("files")
        return files if isinstance(files, dict) else {}

    def get(self, key: str) -> Sequence[Parsed] | None:
        """The valid documents of a file, None when it has to be read."""
        kept = self._known.get(key)
        if kept is None:
            return None
        try:
            documents = [Parsed(*item) for item in kept]
        except TypeError:
            return None
        self._used[key] = kept
        return documents

    def put(self, key: str, documents: Sequence[Parsed]) -> None:
        """Remember a file all of whose documents are valid."""
        self._used[key] = [[d.data, d.start, d.end, d.line] for d in documents]
        self._new = True

    def save(self) -> None:
        """Keep what was used this time, if anything is new. A folder that cannot be written is no error.

        A large cache is written by a child process, which the run need not wait for before its end.
        """
        if self._path is None or not (self._new or len(self._used) < len(self._known)):
            return
        content = {"version": self._version, "files": self._used}
        if len(self._used) < WORTH_A_PROCESS or not may_fork():
            _write(self._path, content)
            return
        child = multiprocessing.get_context("fork").Process(target=_write, args=(self._path, content))
        child.start()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, separators=(",", ":"))
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=NAME)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)


def may_fork() -> bool:
    """Whether a second processor can be used: a fork beside other threads could inherit their locks."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and threading.active_count() == 1


def key_of(content: bytes) -> str:
    """Under which key a file's documents are kept."""
    return hashlib.sha256(content).hexdigest()
