"""Which secrets a run may read: set by whoever runs the tool, never by a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SecretRules:
    """`env_names` are patterns with ``*``; files are read below `file_root` only; of `commands` alone one is run.

    Commands are names of programs, looked up in PATH, or absolute paths. Nothing below `checkout` is ever taken for a
    program by its name.
    """

    env_names: tuple[str, ...] = ("*",)
    file_root: Path | None = None
    commands: tuple[str, ...] = ()
    checkout: Path | None = None
    command_seconds: float = 10.0
