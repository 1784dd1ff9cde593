"""Snapshot files: written whole or not at all, read with suspicion, shown with their age."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from reconciler import storage
from reconciler.cli import planfile
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.jsontext import json_value
from reconciler.model.snapshot import Snapshot
from reconciler.render import json as documents
from reconciler.render.snapshot import snapshot_document, snapshot_from_document

OLD = timedelta(days=1)


def write(path: Path, taken: Snapshot) -> None:
    """Write the file, replacing an older one only once the new one is complete."""
    storage.write_whole(path, documents.text(snapshot_document(taken)))


def read(path: Path) -> Snapshot:
    """Read a file. Raises InputError when it is none."""
    try:
        taken = snapshot_from_document(json_value(storage.read_bounded(path, planfile.LARGEST)))
        _require_time(taken.taken_at)
    except (OSError, ValueError) as error:
        detail = f"{path} is no snapshot: {error}. Make one with `reconciler snapshot -o {path}`."
        raise InputError([Diagnostic(Severity.ERROR, "CLI009", "not a snapshot", detail)]) from None
    return taken


def _require_time(text: str) -> None:
    if datetime.fromisoformat(text).utcoffset() is None:
        raise ValueError(f"/taken_at {text!r} does not say its time zone")


def age(taken: Snapshot, now: str) -> Diagnostic:
    """How old what was planned against is, and where it comes from; a warning from a day on."""
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(taken.taken_at)
    places = ", ".join(f"{name} ({origin})" for name, origin in sorted(taken.origins.items()))
    detail = (
        f"planned against a snapshot of {places}, taken at {taken.taken_at}, {_words(passed)} ago"
        + (f", from commit {taken.commit}" if taken.commit else "")
        + ". What changed since is not seen; the apply looks again."
    )
    severity = Severity.WARNING if passed > OLD else Severity.INFO
    return Diagnostic(severity, "CLI010", "planned without looking at the gateways", detail)


def _words(passed: timedelta) -> str:
    minutes = max(0, round(passed.total_seconds() / 60))
    if minutes < 120:  # noqa: PLR2004 - two hours
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"  # noqa: PLR2004 - two days
