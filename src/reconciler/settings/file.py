"""What reconciler.yaml and the environment may hold, as models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.secret import SecretRef
from reconciler.secrets import SecretRules
from reconciler.settings.values import DIRECTORY, LEDGER, Settings


def read(data: Mapping[str, Any], locate: Callable[[str], Position], root: Path) -> Settings:
    """Settings from merged data. Raises InputError with every problem at its line."""
    try:
        model = _File.model_validate(data)
    except ValidationError as error:
        raise InputError([_problem(item, locate) for item in error.errors(include_url=False)]) from None
    return _settings(model, root)


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
    directory: str = DIRECTORY
    ledger: str | None = None
    log_format: Literal["console", "json"] = "console"
    lock_timeout: Annotated[float, Field(ge=0)] = 10.0
    timeout: Annotated[float, Field(gt=0)] | None = None
    allowed_hosts: list[str] = []
    secrets: _Secrets = Field(default_factory=_Secrets)
    safety: _Safety = Field(default_factory=_Safety)
    embedded: _Embedded = Field(default_factory=_Embedded)


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
        ledger_path=directory / LEDGER if model.ledger is None else root / _local(model.ledger),
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
