"""Plan files: written whole or not at all, and read with suspicion."""

from __future__ import annotations

from pathlib import Path

from reconciler import __version__, storage
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.jsontext import json_value
from reconciler.model.plan import Plan
from reconciler.planning import intent_digest
from reconciler.render import json as documents

LARGEST = 256 * 1024 * 1024
"""Bytes of a file that another job wrote: many thousand changes, and not what a device gives without end."""
_MANIFESTS = frozenset({".yaml", ".yml"})


def write(path: Path, plan: Plan) -> None:
    """Write a plan file, replacing an older one only once the new one is complete."""
    storage.write_whole(path, documents.text(documents.plan_document(plan)))


def is_plan_file(path: Path) -> bool:
    """Whether an argument of apply means a plan file: a file that is no YAML by its name."""
    return path.is_file() and path.suffix not in _MANIFESTS


def read(path: Path) -> Plan:
    """Read a plan file. Raises InputError when it is none, or was edited after it was written."""
    try:
        document = json_value(storage.read_bounded(path, LARGEST))
        plan = documents.plan_from_document(document)
        _require_untouched(plan)
    except (OSError, ValueError) as error:
        detail = f"{path} is no plan file: {error}. Make one with `reconciler plan --out {path}`."
        raise InputError([Diagnostic(Severity.ERROR, "CLI001", "not a plan file", detail)]) from None
    return plan


def _require_untouched(plan: Plan) -> None:
    """Whoever approves by what is shown must be shown what the digest stands for, whichever version wrote the file."""
    if intent_digest(plan.reviewed) == plan.digest:
        return
    made = plan.basis.tool_version
    other = "" if made == __version__ else f", or version {made!r} of the tool made digests otherwise than this one"
    raise ValueError(f"its changes are not those that its digest stands for: it was edited{other}")
