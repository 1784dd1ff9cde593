"""The one place that decides what is shown, whatever the format: order, counts, words, escaping."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.diagnostic import Severity
from reconciler.model.plan import Plan, Summary

SYMBOLS: Mapping[Action, str] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.ADOPT: "=",
    Action.FORGET: "x",
    Action.NOOP: " ",
}

LONGEST_VALUE = 200
_ALLOWED_CONTROLS = frozenset("\t")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def clean(text: str) -> str:
    """Text that cannot move a cursor, colour a terminal, or turn the direction of reading."""
    if text.isprintable():
        return text
    return "".join(
        c if c in _ALLOWED_CONTROLS or unicodedata.category(c) not in _INVISIBLE else _escaped(c) for c in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def value(shown: Any) -> str:
    """A value on one line; nothing where there is none."""
    if shown is ABSENT:
        return "(nothing)"
    if isinstance(shown, str) and shown.startswith("(sensitive"):
        return shown
    text = clean(json.dumps(shown, ensure_ascii=False, default=dict))
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def field_path(field: FieldChange) -> str:
    """A path as people read it: without the ``/spec`` that all have in common."""
    return clean(field.path.removeprefix("/spec/").replace("/", "."))


_NOTES: Mapping[Origin, str] = {
    Origin.CONFIG: "",
    Origin.DRIFT: "changed outside",
    Origin.BOTH: "changed here and outside",
    Origin.RELEASE: "no longer managed",
    Origin.TAKEOVER: "existed before",
    Origin.SECRET: "secret",
}


def note(field: FieldChange) -> str:
    """Why a field is in the plan, where that is not plain."""
    return _NOTES[field.origin]


def footer(summary: Summary) -> str:
    """The last line of a plan."""
    if not any((summary.create, summary.update, summary.replace, summary.delete, summary.adopt, summary.forget)):
        return "No changes."
    extra = [f"{count} to {word}" for word, count in _rarer(summary) if count]
    usual = f"{summary.create} to create, {summary.update} to update, {summary.delete} to delete"
    return f"Plan: {', '.join([usual, *extra])}."


def _rarer(summary: Summary) -> Sequence[tuple[str, int]]:
    return (("replace", summary.replace), ("adopt", summary.adopt), ("forget", summary.forget))


def asides(plan: Plan) -> str:
    """What is collapsed: unchanged, unmanaged and drifted objects, in one line; empty when there are none."""
    counts = (
        ("unchanged", plan.summary.unchanged),
        ("unmanaged", plan.summary.unmanaged),
        ("drifted", plan.summary.drifted),
    )
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def pending(plan: Plan) -> tuple[Change, ...]:
    """Changes that only wait for an apply: what is in the manifests and was never drifted."""
    drifted = {change.address for change in plan.drift}
    return tuple(change for change in plan.changes if change.address not in drifted)


def cause(change: Change) -> str:
    """Why a drifted object differs."""
    if any(field.sensitive for field in change.fields):
        only = all(field.sensitive for field in change.fields)
        return "secret replaced" if only else "out-of-band edit, secret replaced"
    return "out-of-band edit" if change.fields else "deleted out of band"


SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.INFO)
