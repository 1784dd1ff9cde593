"""How the tool is run: flags > environment > reconciler.yaml > defaults, as one frozen value.

Manifests may come from a pull request; settings decide what those may reach (hosts, secrets, files), so
they come from whoever runs the tool.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.errors import InputError
from reconciler.manifest import read_settings
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.secret import SecretRef
from reconciler.secrets import SecretRules

FILE = "reconciler.yaml"
PREFIX = "RECONCILER_"

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


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False)


class _Key(_Part):
    env: str | None = None
    file: str | None = None


class _Secrets(_Part):
    env: list[str] = ["*"]
    root: str | None = None
    commands: bool = False
    fingerprint_key: _Key | None = None


class _Safety(_Part):
    max_change_percent: Annotated[int, Field(ge=0, le=100)] = 30
    min_objects: Annotated[int, Field(ge=1)] = 10


class _Embedded(_Part):
    faults: str | None = None


class _File(_Part):
    """What reconciler.yaml may hold."""

    manifests: list[str] = ["manifests/"]
    directory: str = ".reconciler"
    ledger: str | None = None
    log_format: Literal["console", "json"] = "console"
    lock_timeout: Annotated[float, Field(ge=0)] = 10.0
    timeout: Annotated[float, Field(gt=0)] | None = None
    allowed_hosts: list[str] = []
    secrets: _Secrets = Field(default_factory=_Secrets)
    safety: _Safety = Field(default_factory=_Safety)
    embedded: _Embedded = Field(default_factory=_Embedded)


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
    try:
        model = _File.model_validate({**written, **over})
    except ValidationError as error:
        raise InputError([_problem(item, locate) for item in error.errors(include_url=False)]) from None
    return _settings(model, cwd if path is None else path.parent)


def _found(cwd: Path) -> Path | None:
    return next((folder / FILE for folder in (cwd, *cwd.parents) if (folder / FILE).is_file()), None)


def _written(path: Path | None) -> tuple[Mapping[str, Any], Any]:
    if path is None:
        return {}, lambda _: Position("the environment or a flag", 1, 1)
    data, locate, diagnostics = read_settings(path)
    if diagnostics:
        raise InputError(diagnostics)
    return data, locate


def _problem(item: Any, locate: Any) -> Diagnostic:
    path = "".join(f"/{part}" for part in item["loc"])
    detail = f"{path.strip('/').replace('/', '.')}: {item['msg']}. Correct it, or take it out."
    return Diagnostic(Severity.ERROR, "SETTINGS001", "a wrong setting", detail, locate(path))


def _settings(model: _File, root: Path) -> Settings:
    directory = root / model.directory
    secrets = model.secrets
    made = Settings(
        root=root,
        manifests=tuple(model.manifests),
        directory=directory,
        ledger_path=directory / "ledger.sqlite" if model.ledger is None else root / _local(model.ledger),
        log_format=model.log_format,
        lock_timeout=model.lock_timeout,
        timeout=model.timeout,
        secret_rules=SecretRules(
            tuple(secrets.env), None if secrets.root is None else root / secrets.root, secrets.commands
        ),
        allowed_hosts=tuple(model.allowed_hosts),
        max_change_percent=model.safety.max_change_percent,
        min_objects=model.safety.min_objects,
        embedded_faults=None if model.embedded.faults is None else root / model.embedded.faults,
    )
    return made if secrets.fingerprint_key is None else replace(made, fingerprint_key=_key(secrets.fingerprint_key))


def _local(url: str) -> str:
    """`sqlite:path` or a path; other ledgers come as plug-ins."""
    scheme, colon, rest = url.partition(":")
    if not colon or os.sep in scheme:
        return url
    if scheme == "sqlite":
        return rest
    detail = f"there is no ledger {scheme!r}; write sqlite:PATH or a path."
    raise InputError([Diagnostic(Severity.ERROR, "SETTINGS001", "a wrong setting", detail)])


def _key(model: _Key) -> SecretRef:
    if model.env is not None:
        return SecretRef("env", (model.env,))
    if model.file is not None:
        return SecretRef("file", (model.file,))
    detail = "secrets.fingerprintKey takes {env: NAME} or {file: path}."
    raise InputError([Diagnostic(Severity.ERROR, "SETTINGS001", "a wrong setting", detail)])
