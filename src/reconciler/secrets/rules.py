"""Which secrets a run may read: set by whoever runs the tool, never by a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SecretRules:
    """`env_names` are patterns with ``*``; files are read below `file_root` only, commands run if allowed."""

    env_names: tuple[str, ...] = ("*",)
    file_root: Path | None = None
    allow_commands: bool = False
    command_seconds: float = 10.0
