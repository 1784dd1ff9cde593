"""Secrets in files, as container platforms mount them."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from reconciler.errors import SecretForbidden, SecretMissing
from reconciler.model.secret import SecretRef
from reconciler.secrets.rules import SecretRules

LARGEST = 65_536


class FileSource:
    """``{file: path}``, below the configured root also after links are followed; one final newline is dropped."""

    def __init__(self, rules: SecretRules) -> None:
        self._rules = rules

    async def fetch(self, ref: SecretRef) -> str:
        """The file's text."""
        return await asyncio.to_thread(self._read, ref.locator[0])

    def _read(self, name: str) -> str:
        root = self._rules.file_root
        if root is None:
            raise SecretForbidden("the settings name no folder for secret files (`secrets.root`)")
        try:
            path = Path(os.path.realpath(root / name))
            if not path.is_relative_to(os.path.realpath(root)):
                raise SecretForbidden(f"the file {name} is outside of the folder for secrets (`secrets.root`)")
            return _text(path, name)
        except OSError as error:
            raise SecretMissing(f"the file {name} cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise SecretMissing(f"the file {name} is not UTF-8 text") from None


def _text(path: Path, name: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SecretMissing(f"{name} is no regular file")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise SecretMissing(f"the file {name} is larger than {LARGEST} bytes")
    text = content.decode().removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretMissing(f"the file {name} is empty")
    return text
