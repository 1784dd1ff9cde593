"""How the tool is run: flags > environment > reconciler.yaml > defaults, as one frozen value.

Manifests may come from a pull request; settings decide what those may reach (hosts, secrets, files), so
they come from whoever runs the tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.errors import InputError
from reconciler.manifest import read_settings
from reconciler.model.diagnostic import Position
from reconciler.model.secret import SecretRef
from reconciler.secrets import SecretRules

FILE = "reconciler.yaml"
PREFIX = "RECONCILER_"
DIRECTORY = ".reconciler"
LEDGER = "ledger.sqlite"

CODES: Mapping[str, str] = {
    "SETTINGS001": (
        "The settings hold something that they do not know or cannot take. The file `reconciler.yaml` is looked for "
        "from the working folder upwards; every setting can also be given as an environment variable that begins "
        "with RECONCILER_."
    ),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `root` is the folder that relative paths are read from, and manifests may not leave."""

    root: Path
    manifests: tuple[str, ...] = ("manifests/",)
    directory: Path = Path(".reconciler")
    ledger_path: Path = Path(".reconciler/ledger.sqlite")
    log_format: str = "console"
    lock_timeout: float = 10.0
    timeout: float | None = None
    secret_rules: SecretRules = field(default_factory=SecretRules)
    fingerprint_key: SecretRef | None = None
    allowed_hosts: tuple[str, ...] = ()
    max_change_percent: int = 30
    min_objects: int = 10
    embedded_faults: Path | None = None

    @property
    def audit_path(self) -> Path:
        """The audit file."""
        return self.directory / "audit.jsonl"

    @property
    def cache_path(self) -> Path:
        """The folder of what can be computed again."""
        return self.directory / "cache"


_FROM_ENVIRONMENT = {
    "ledger": "ledger",
    "directory": "directory",
    "log_format": "logFormat",
    "lock_timeout": "lockTimeout",
    "timeout": "timeout",
}


def load_settings(
    flags: Mapping[str, Any], environ: Mapping[str, str], cwd: Path, given: Path | None = None
) -> Settings:
    """Merge the sources. `flags` uses the names of `_FROM_ENVIRONMENT`; None means not given.

    Raises InputError with every problem at its line.
    """
    path = given or _found(cwd)
    written, locate = _written(path)
    over = {
        _FROM_ENVIRONMENT[name]: environ[PREFIX + name.upper()]
        for name in _FROM_ENVIRONMENT
        if environ.get(PREFIX + name.upper())
    }
    over |= {_FROM_ENVIRONMENT[name]: value for name, value in flags.items() if value is not None}
    root = cwd if path is None else path.parent
    if not written and not over:
        return at(root)
    from reconciler.settings.file import read  # noqa: PLC0415 - pydantic, only where something is set

    return read({**written, **over}, locate, root)


def at(root: Path) -> Settings:
    """The defaults, for the project in `root`."""
    directory = root / DIRECTORY
    return Settings(root=root, directory=directory, ledger_path=directory / LEDGER)


def _found(cwd: Path) -> Path | None:
    return next((folder / FILE for folder in (cwd, *cwd.parents) if (folder / FILE).is_file()), None)


def _written(path: Path | None) -> tuple[Mapping[str, Any], Any]:
    if path is None:
        return {}, lambda _: Position("the environment or a flag", 1, 1)
    data, locate, diagnostics = read_settings(path)
    if diagnostics:
        raise InputError(diagnostics)
    return data, locate
