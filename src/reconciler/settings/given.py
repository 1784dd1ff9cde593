"""What flags and environment variables say, each with its name, so that a mistake can be called by it.

| stands in        | relative paths count from  |
|------------------|----------------------------|
| reconciler.yaml  | `root`: the file's folder  |
| a variable, flag | the working folder         |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity

PREFIX = "RECONCILER_"
FILE_VARIABLE = "RECONCILER_SETTINGS"

VARIABLES: Mapping[str, str] = {
    "RECONCILER_ROOT": "/root",
    "RECONCILER_FLEET": "/fleet",
    "RECONCILER_MANIFESTS": "/manifests",
    "RECONCILER_DIRECTORY": "/directory",
    "RECONCILER_LEDGER": "/ledger",
    "RECONCILER_LOG_FORMAT": "/logFormat",
    "RECONCILER_COLOR": "/color",
    "RECONCILER_INPUT": "/input",
    "RECONCILER_TIMEOUT": "/timeout",
    "RECONCILER_LOCK_TIMEOUT": "/lockTimeout",
    "RECONCILER_ALLOWED_HOSTS": "/allowedHosts",
    "RECONCILER_SECRETS_ENV": "/secrets/env",
    "RECONCILER_SECRETS_ROOT": "/secrets/root",
    "RECONCILER_SECRETS_COMMANDS": "/secrets/commands",
    "RECONCILER_SECRETS_FINGERPRINT_KEY": "/secrets/fingerprintKey",
    "RECONCILER_SAFETY_MAX_CHANGE_PERCENT": "/safety/maxChangePercent",
    "RECONCILER_SAFETY_MIN_OBJECTS": "/safety/minObjects",
    "RECONCILER_ROTATIONS": "/rotations",
    "RECONCILER_EMBEDDED_FAULTS": "/embedded/faults",
    "RECONCILER_DRIFT_VERIFY": "/drift/verify",
}
"""Setting, as a JSON pointer, by variable."""

FLAGS: Mapping[str, str] = {
    "ledger": "/ledger",
    "log_format": "/logFormat",
    "timeout": "/timeout",
    "lock_timeout": "/lockTimeout",
}
"""Setting by flag."""

_LISTS = frozenset({"/manifests", "/allowedHosts", "/secrets/env", "/secrets/commands"})
_PATHS = frozenset({"/root", "/manifests", "/directory", "/ledger", "/secrets/root", "/embedded/faults"})
_SOURCES = frozenset({"env", "file"})
_SWITCHES = {"true": True, "false": False}
_NEAR = 0.88


@dataclass(frozen=True, slots=True)
class Given:
    """One setting from outside the file. `origin` is the variable or flag that said it."""

    pointer: str
    value: Any
    origin: str


def given(flags: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Iterator[Given]:
    """Variables first, then flags, which win. An empty variable counts as not set, as CI systems leave them."""
    for name, pointer in VARIABLES.items():
        if environ.get(name):
            yield Given(pointer, _read(pointer, environ[name], cwd), name)
    for name, pointer in FLAGS.items():
        if flags.get(name) is not None:
            yield Given(pointer, _read(pointer, flags[name], cwd), "--" + name.replace("_", "-"))


def _read(pointer: str, value: Any, cwd: Path) -> Any:
    if pointer == "/secrets/commands" and value.strip().lower() in _SWITCHES:
        return _SWITCHES[value.strip().lower()]
    if pointer in _LISTS:
        items = [item.strip() for item in value.split(",") if item.strip()]
        return [_from(cwd, item) for item in items] if pointer in _PATHS else items
    if pointer == "/secrets/fingerprintKey":
        source, _, locator = value.partition(":")
        return {source: locator} if source in _SOURCES else value
    return _from(cwd, value) if pointer in _PATHS else value


def _from(cwd: Path, path: str) -> str:
    """The path counted from the working folder; a URL (`scheme:…`) keeps its scheme, and `git:` may hold a path."""
    scheme, colon, rest = path.partition(":")
    if colon and scheme.isalnum():
        local = scheme == "sqlite" or (scheme == "git" and rest.startswith("."))
        return f"{scheme}:{cwd / rest}" if local else path
    return str(cwd / path)


def merged(written: Mapping[str, Any], over: Mapping[str, Given]) -> dict[str, Any]:
    """The file's content with what was given laid over it, setting by setting."""
    result = dict(written)
    for item in over.values():
        *parents, last = item.pointer.strip("/").split("/")
        target = result
        for name in parents:
            inner = target.get(name)
            # A parent that is no mapping is a mistake in the file, which is left to be found there.
            target[name] = dict(inner) if isinstance(inner, Mapping) else {} if inner is None else inner
            target = target[name]
        if isinstance(target, dict):
            target[last] = item.value
    return result


def misspelt(environ: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Variables that are nearly called like a setting. Others that begin alike may be somebody's secrets."""
    known = (*VARIABLES, FILE_VARIABLE)
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        import difflib  # noqa: PLC0415 - for the rare case

        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        if near:
            detail = f"{name} is no setting. Did you mean {near[0]}?"
            yield Diagnostic(Severity.ERROR, "SETTINGS003", "a variable that is nearly a setting", detail)
