"""Documents that were read and found valid, by the SHA-256 of their file's bytes.

It lies in the user's own cache folder and never in the checkout, and every byte of it is under a key that lies beside
it and was made on this machine: what a proposal, a restored CI cache or a broken disk put there is no cache. JSON,
never pickle: reading it must not run anything. It is only ever a shortcut: whatever is wrong with it means that files
are read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import multiprocessing
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler import storage
from reconciler.manifest.parse import Parsed

FORMAT = "2"
NAME = "manifests"
KEY = "key"
KEY_BYTES = 32
LARGEST = 512 * 1024 * 1024
WORTH_A_PROCESS = 50
"""Files from which writing the cache is left to a child process."""

_WRITABLE_BY_OTHERS = 0o022


class Cache:
    """One file of entries. `version` names the language; entries of another one are not used."""

    def __init__(self, folder: Path | None, version: str) -> None:
        self._folder = folder
        self._version = f"{FORMAT}/{version}"
        self._key = None if folder is None else _key(folder)
        self._known = self._read()
        self._used: dict[str, Any] = {}
        self._new = False

    def _read(self) -> Mapping[str, Any]:
        if self._folder is None or self._key is None:
            return {}
        content = _own(self._folder / NAME, LARGEST)
        mac, _, body = content.partition(b"\n")
        if not hmac.compare_digest(mac, _mac(self._key, self._version, body)):
            return {}
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) else {}

    def get(self, key: str) -> Sequence[Parsed] | None:
        """The valid documents of a file, None when it has to be read."""
        kept = self._known.get(key)
        if kept is None:
            return None
        documents = [Parsed(*item) for item in kept]
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
        if self._folder is None or not (self._new or len(self._used) < len(self._known)):
            return
        wanted = (self._folder, self._version, self._used)
        if len(self._used) < WORTH_A_PROCESS or not may_fork():
            _write(*wanted)
            return
        multiprocessing.get_context("fork").Process(target=_write, args=wanted).start()


def _write(folder: Path, version: str, files: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        body = json.dumps(files, separators=(",", ":")).encode()
        storage.private_folder(folder)
        key = _key(folder) or _made_key(folder)
        storage.write_whole(folder / NAME, _mac(key, version, body) + b"\n" + body)


def _mac(key: bytes, version: str, body: bytes) -> bytes:
    return hmac.new(key, version.encode() + b"\0" + body, hashlib.sha256).hexdigest().encode()


def _key(folder: Path) -> bytes | None:
    key = _own(folder / KEY, KEY_BYTES)
    return key if len(key) == KEY_BYTES else None


def _made_key(folder: Path) -> bytes:
    key = os.urandom(KEY_BYTES)
    storage.write_whole(folder / KEY, key)
    return key


def _own(path: Path, largest: int) -> bytes:
    """The content of a file that this user alone may have written, in such a folder; nothing where it is another."""
    try:
        folder = path.parent.lstat()
        if not stat.S_ISDIR(folder.st_mode) or not _is_ours(folder):
            return b""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            fit = stat.S_ISREG(about.st_mode) and _is_ours(about) and about.st_size <= largest
            return file.read(largest) if fit else b""
    except OSError:
        return b""


def _is_ours(about: os.stat_result) -> bool:
    return about.st_uid == os.geteuid() and not about.st_mode & _WRITABLE_BY_OTHERS


def may_fork() -> bool:
    """Whether a second processor can be used: a fork beside other threads could inherit their locks."""
    return hasattr(os, "fork") and (os.cpu_count() or 1) > 1 and threading.active_count() == 1


def key_of(content: bytes) -> str:
    """Under which key a file's documents are kept."""
    return hashlib.sha256(content).hexdigest()
