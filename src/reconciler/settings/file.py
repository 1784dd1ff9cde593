"""What reconciler.yaml and the environment may hold, as models."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from reconciler.errors import InputError
from reconciler.model.conceal import looks_like_key
from reconciler.model.diagnostic import Diagnostic, Severity, ordered
from reconciler.model.secret import SecretRef
from reconciler.secrets import SecretRules
from reconciler.settings.given import Given
from reconciler.settings.values import DIRECTORY, LEDGER, Locate, Settings, Webhook


def read(data: Mapping[str, Any], over: Mapping[str, Given], locate: Locate, root: Path) -> Settings:
    """Settings from merged data; `over` says which of them came from flags and variables.

    Raises InputError with every problem at its line, or by the name of the flag or variable.
    """
    try:
        model = _File.model_validate(data)
    except ValidationError as error:
        raise InputError(ordered(_problem(item, over, locate) for item in error.errors(include_url=False))) from None
    return _settings(model, Path(os.path.normpath(root / model.root)))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False)


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Key(_Part):
    """A reference to a secret."""

    env: str | None = None
    file: str | None = None
    command: list[str] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> _Key:
        if sum(source is not None for source in (self.env, self.file, self.command)) != 1:
            raise ValueError("must be one of {env: NAME}, {file: path} and {command: [...]}")
        if (self.env is not None and not _NAME.fullmatch(self.env)) or any(map(looks_like_key, self.ref().locator)):
            raise ValueError("must say where a secret is, and never hold the secret itself")
        return self

    def ref(self) -> SecretRef:
        """The reference as the rest of the project knows it."""
        if self.command is not None:
            return SecretRef("command", tuple(self.command))
        return SecretRef("env", (self.env,)) if self.env is not None else SecretRef("file", (str(self.file),))


class _Secrets(_Part):
    env: list[str] = ["*"]
    root: str | None = None
    commands: list[str] = []
    fingerprint_key: _Key | None = None

    @field_validator("commands", mode="before")
    @classmethod
    def _listed(cls, commands: Any) -> Any:
        """Whatever may be run is named: a proposal writes the words behind a program's name, and a shell is one too."""
        if commands is False:
            return []
        if commands is True:
            raise ValueError("must list the programs that may be run, such as [vault, /usr/bin/op]; true allowed any")
        return commands

    @field_validator("commands")
    @classmethod
    def _programs(cls, commands: list[str]) -> list[str]:
        if any(not name.strip() or ("/" in name and not name.startswith("/")) for name in commands):
            raise ValueError("must hold names of programs or absolute paths: others would be files of the checkout")
        return commands


class _Safety(_Part):
    max_change_percent: Annotated[int, Field(ge=0, le=100)] = 30
    min_objects: Annotated[int, Field(ge=1)] = 10


class _Embedded(_Part):
    faults: str | None = None


class _Drift(_Part):
    verify: bool = False


class _Audit(_Part):
    max_bytes: Annotated[int, Field(ge=4096)] = 64 * 1024 * 1024


class _Webhook(_Part):
    """A receiver of messages."""

    url: str
    secret: _Key

    @field_validator("url")
    @classmethod
    def _private(cls, url: str) -> str:
        """Signed is not secret: a report goes through a network encrypted, or not at all."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        local = host in {"localhost", "::1"} or host.startswith("127.")
        if not host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise ValueError("must be an https URL; http is for this machine alone")
        if parts.username is not None or parts.fragment:
            raise ValueError("must hold no user and no fragment")
        return url


class _Notify(_Part):
    webhook: _Webhook


class _File(_Part):
    """What reconciler.yaml may hold."""

    root: str = "."
    fleet: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")] | None = None
    manifests: list[str] = ["manifests/"]
    directory: str = DIRECTORY
    ledger: str | None = None
    log_format: Literal["console", "json"] = "console"
    color: Literal["auto", "always", "never"] = "auto"
    ask: Annotated[bool, Field(alias="input")] = True
    lock_timeout: Annotated[float, Field(ge=0)] = 10.0
    timeout: Annotated[float, Field(gt=0)] | None = None
    allowed_hosts: list[str] = []
    rotations: Literal["allow", "ask", "forbid"] = "allow"
    secrets: _Secrets = Field(default_factory=_Secrets)
    safety: _Safety = Field(default_factory=_Safety)
    embedded: _Embedded = Field(default_factory=_Embedded)
    drift: _Drift = Field(default_factory=_Drift)
    audit: _Audit = Field(default_factory=_Audit)
    notify: list[_Notify] = []

    @field_validator("ledger")
    @classmethod
    def _known(cls, url: str | None) -> str | None:
        """`git:remote`, `sqlite:path` or a path; other ledgers are not built in."""
        scheme, colon, rest = (url or "").partition(":")
        if not colon or not scheme.isalnum() or scheme == "git":
            return url
        if scheme != "sqlite":
            raise ValueError(f"must be a path, sqlite:PATH or git:REMOTE; there is no ledger {scheme!r}")
        return rest


def _problem(item: Any, over: Mapping[str, Given], locate: Locate) -> Diagnostic:
    pointer = "".join(f"/{part}" for part in item["loc"])
    name = pointer.strip("/").replace("/", ".")
    source = next((given for at, given in over.items() if pointer == at or pointer.startswith(at + "/")), None)
    position = locate(pointer) if source is None else None
    if item["type"] == "extra_forbidden":
        detail = f"{name} is no setting.{_suggestion(item['loc'])}"
        return Diagnostic(Severity.ERROR, "SETTINGS001", "an unknown setting", detail, position)
    said = name if source is None else f"{source.origin} (the setting {name})"
    detail = f"{said} {_plain(item['msg'])}. Correct it, or leave it out."
    return Diagnostic(Severity.ERROR, "SETTINGS002", "a setting with a wrong value", detail, position)


def _suggestion(keys: Sequence[str | int]) -> str:
    known = sorted(_names(keys[:-1]))
    near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else f" Known here: {', '.join(known)}."


def _names(parents: Sequence[str | int]) -> Iterator[str]:
    part: type[BaseModel] = _File
    for key in parents:
        part = part if isinstance(key, int) else _PARTS[str(key)]
    return (field.alias or name for name, field in part.model_fields.items())


_PARTS: Mapping[str, type[BaseModel]] = {
    "secrets": _Secrets,
    "safety": _Safety,
    "embedded": _Embedded,
    "fingerprintKey": _Key,
    "drift": _Drift,
    "audit": _Audit,
    "notify": _Notify,
    "webhook": _Webhook,
    "secret": _Key,
}


def _plain(message: str) -> str:
    """Pydantic's words, turned towards whoever wrote the setting. They never hold the value."""
    text = message.removeprefix("Value error, ").split(", unable to parse", 1)[0].replace("Input should be", "must be")
    text = re.sub(r"a valid dictionary or instance of \w+", "a mapping", text)
    for pydantics, ours in _TYPES.items():
        text = text.replace(pydantics, ours)
    return text.rstrip(".")


_TYPES: Mapping[str, str] = {
    "a valid list": "a list",
    "a valid string": "text",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}


def _settings(model: _File, root: Path) -> Settings:
    directory = root / model.directory
    secrets = model.secrets
    elsewhere = model.ledger is not None and model.ledger.startswith("git:")
    return Settings(
        root=root,
        fleet=model.fleet,
        manifests=tuple(model.manifests),
        directory=directory,
        ledger_path=directory / LEDGER if model.ledger is None or elsewhere else root / model.ledger,
        ledger_url=model.ledger if elsewhere else None,
        log_format=model.log_format,
        color=model.color,
        ask=model.ask,
        lock_timeout=model.lock_timeout,
        timeout=model.timeout,
        secret_rules=SecretRules(
            tuple(secrets.env),
            None if secrets.root is None else root / secrets.root,
            tuple(secrets.commands),
            root,
        ),
        fingerprint_key=None if secrets.fingerprint_key is None else secrets.fingerprint_key.ref(),
        allowed_hosts=tuple(model.allowed_hosts),
        max_change_percent=model.safety.max_change_percent,
        min_objects=model.safety.min_objects,
        rotations=model.rotations,
        embedded_faults=None if model.embedded.faults is None else root / model.embedded.faults,
        webhooks=tuple(Webhook(one.webhook.url, one.webhook.secret.ref()) for one in model.notify),
        drift_verify=model.drift.verify,
        audit_bytes=model.audit.max_bytes,
    )
