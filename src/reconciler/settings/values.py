"""How the tool is run: flags > environment > reconciler.yaml > defaults, as one frozen value.

Manifests may come from a pull request; settings decide what those may reach (hosts, secrets, files), so
they come from whoever runs the tool: in a job for untrusted code, from variables or a file of the base branch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.errors import InputError
from reconciler.manifest import read_settings
from reconciler.model.diagnostic import Position
from reconciler.model.secret import SecretRef
from reconciler.secrets import SecretRules
from reconciler.settings.given import FILE_VARIABLE, Given, given, merged, misspelt

FILE = "reconciler.yaml"
DIRECTORY = ".reconciler"
LEDGER = "ledger.sqlite"

Locate = Callable[[str], Position | None]
"""Place of a setting (JSON pointer) in the file; None where there is no file."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of messages, and the reference of the secret that they are signed with."""

    url: str
    secret: SecretRef


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `root` is the folder that relative paths are read from, and manifests may not leave.

    `fleet` tells these manifests from others of the same repository, for comments and issues; None for what the folder
    of `root` tells.
    `directory` holds what the tool keeps: ledger, audit, the data of embedded gateways. `color` is
    auto, always or never; `ask` says whether a person may be asked. Times are in seconds; `timeout` is for
    a whole command, None for no limit. `allowed_hosts` are patterns with ``*``, empty for any host. `rotations`
    (allow, ask, forbid) says what may become of secrets whose value alone changed.
    `ledger_url` (`git:…`) stands for a ledger that is no file, and wins over `ledger_path`.
    """

    root: Path
    fleet: str | None = None
    manifests: tuple[str, ...] = ("manifests/",)
    directory: Path = Path(DIRECTORY)
    ledger_path: Path = Path(DIRECTORY) / LEDGER
    ledger_url: str | None = None
    log_format: str = "console"
    color: str = "auto"
    ask: bool = True
    lock_timeout: float = 10.0
    timeout: float | None = None
    secret_rules: SecretRules = field(default_factory=SecretRules)
    fingerprint_key: SecretRef | None = None
    allowed_hosts: tuple[str, ...] = ()
    max_change_percent: int = 30
    min_objects: int = 10
    rotations: str = "allow"
    embedded_faults: Path | None = None
    webhooks: tuple[Webhook, ...] = ()
    drift_verify: bool = False
    audit_bytes: int = 64 * 1024 * 1024

    @property
    def audit_path(self) -> Path:
        """The audit file."""
        return self.directory / "audit.jsonl"

    @property
    def cache_path(self) -> Path:
        """The folder of what can be computed again: the user's own, and none that comes with the checkout."""
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(os.path.expanduser(base)) / "reconciler" / name  # noqa: PTH111 - no home is no error


def load_settings(
    flags: Mapping[str, Any], environ: Mapping[str, str], cwd: Path, file: Path | None = None
) -> Settings:
    """Merge the sources. `flags` uses the names of `given.FLAGS`; None means not given.

    Raises InputError with every problem, at its line or by the name of the variable or flag.
    """
    if problems := tuple(misspelt(environ)):
        raise InputError(problems)
    path = settings_file(environ, cwd, file)
    written, locate = _written(path, cwd)
    over = {item.pointer: item for item in given(flags, environ, cwd)}
    root = cwd if path is None else path.parent
    if not written and not over:
        return at(root)
    return _read(written, over, locate, root)


def _read(written: Mapping[str, Any], over: Mapping[str, Given], locate: Locate, root: Path) -> Settings:
    from reconciler.settings.file import read  # noqa: PLC0415 - pydantic, only where something is set

    return read(merged(written, over), over, locate, root)


def at(root: Path) -> Settings:
    """The defaults, for the project in `root`."""
    directory = root / DIRECTORY
    rules = SecretRules(checkout=root)
    return Settings(root=root, directory=directory, ledger_path=directory / LEDGER, secret_rules=rules)


def settings_file(environ: Mapping[str, str], cwd: Path, file: Path | None = None) -> Path | None:
    """The file that `load_settings` reads: the one that is named, or the nearest; None where there is none."""
    named = file or environ.get(FILE_VARIABLE)
    if named:
        return Path(os.path.normpath(cwd / named))
    return next((folder / FILE for folder in (cwd, *cwd.parents) if os.path.lexists(folder / FILE)), None)


def _written(path: Path | None, cwd: Path) -> tuple[Mapping[str, Any], Locate]:
    if path is None:
        return {}, lambda _: None
    data, locate, diagnostics = read_settings(path)
    shown = str(path.relative_to(cwd) if path.is_relative_to(cwd) else path)
    if diagnostics:
        raise InputError([replace(d, position=d.position and d.position._replace(file=shown)) for d in diagnostics])
    return data, lambda pointer: locate(pointer)._replace(file=shown)
