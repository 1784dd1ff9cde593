"""Plans, runs and findings as JSON documents, in plain JSON types. `reading.py` is the way back.

`format_version` is 1.0: minor versions only add members. A side of a field that is not there is null and
named in the field's `absent`; null without that is a null. The schemas are in `schema.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reconciler.model.change import ABSENT, Action, Change, FieldChange
from reconciler.model.diagnostic import Diagnostic, Position, has_errors
from reconciler.model.drift import DriftCause
from reconciler.model.plan import Plan
from reconciler.model.run import Check, Outcome, Residue, Run, RunRecord
from reconciler.planning import (
    drift_causes,
    field_cause,
    is_whole,
    planned_causes,
    planned_field_cause,
    waiting_causes,
)
from reconciler.render.reading import FORMAT_VERSION, plan_from_document
from reconciler.render.view import invisible, pending, sides

__all__ = [
    "FORMAT_VERSION",
    "diagnostic_documents",
    "drift_document",
    "history_document",
    "outcome_document",
    "plain",
    "plan_document",
    "plan_from_document",
    "run_document",
    "text",
    "validate_document",
    "verify_document",
]


def text(document: Any) -> str:
    """A document as indented text, readable and safe to print: what cannot be seen is escaped, as JSON allows."""
    written = json.dumps(document, indent=2, ensure_ascii=False, default=dict) + "\n"
    return written if written.isascii() else _NOT_ASCII.sub(_escaped, written)


_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return json.dumps(character)[1:-1] if invisible(character) else character


def plain(value: Any) -> Any:
    """The same value in dicts, lists and scalars."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan, which is the plan file as well."""
    basis = plan.basis
    return {
        "format_version": FORMAT_VERSION,
        "tool_version": basis.tool_version,
        "created_at": plan.created_at,
        "mode": plan.mode.value,
        "complete": plan.complete,
        "digest": plan.digest,
        "basis": {
            "commit": basis.commit,
            "manifests": basis.manifests,
            "ledger_serial": basis.ledger_serial,
            "secrets": "available" if basis.secrets_available else "unavailable",
            "observed": dict(basis.observed),
        },
        "summary": asdict(plan.summary),
        **({"gateways": [_change(change) for change in plan.gateways]} if plan.gateways else {}),
        "changes": [_change(change) for change in plan.changes],
        "drift": [_change(change) for change in plan.drift],
        "diagnostics": diagnostic_documents(plan.diagnostics),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "gateway": change.address.gateway,
        "kind": change.address.kind,
        "name": change.address.name,
        "action": change.action.value,
        "reason": change.reason,
        "guard": change.guard.value,
        "reversible": {"level": change.reversible.level.value, "why": change.reversible.why},
        "depends_on": [str(address) for address in change.depends_on],
        "position": _position(change.position),
        "fields": [_field(field) for field in change.fields],
        **({} if change.moved_from is None else {"moved_from": str(change.moved_from)}),
    }


def _field(field: FieldChange) -> dict[str, Any]:
    before, after = sides(field)
    absent = [name for name, side in (("before", before), ("after", after)) if side is ABSENT]
    return {
        "path": field.path,
        "before": None if before is ABSENT else plain(before),
        "after": None if after is ABSENT else plain(after),
        "origin": field.origin.value,
        "sensitive": field.sensitive,
        "position": _position(field.position),
        **({"absent": absent} if absent else {}),
    }


def _position(position: Position | None) -> dict[str, Any] | None:
    return None if position is None else position._asdict()


def diagnostic_documents(found: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Findings."""
    return [_diagnostic(item) for item in found]


def _diagnostic(item: Diagnostic) -> dict[str, Any]:
    file, line, column = item.position or (None, None, None)
    return {
        "severity": item.severity.value,
        "code": item.code,
        "summary": item.summary,
        "detail": item.detail,
        "file": file,
        "line": line,
        "column": column,
        "address": str(item.address) if item.address else None,
        "path": item.path,
    }


def validate_document(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """The outcome of validate."""
    return {"valid": not has_errors(found), "diagnostics": diagnostic_documents(found)}


def run_document(run: Run) -> dict[str, Any]:
    """The outcome of an apply."""
    return {
        "format_version": FORMAT_VERSION,
        "status": run.status.value,
        "exit_code": run.exit_code,
        "run_id": run.run_id,
        "outcomes": [outcome_document(outcome) for outcome in run.outcomes],
        "residue": [_residue(item) for item in run.residue],
        "diagnostics": diagnostic_documents(run.diagnostics),
    }


def _residue(item: Residue) -> dict[str, Any]:
    return {
        "address": str(item.address),
        "path": item.path,
        "cause": item.cause.value,
        "before": plain(item.before),
        "after": plain(item.after),
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """How one change ended."""
    return {
        "address": str(outcome.address),
        "action": outcome.action.value,
        "status": outcome.status.value,
        "healthy": outcome.healthy,
        "attempts": outcome.attempts,
        "verifications": outcome.verifications,
        "duration_ms": round(outcome.duration_ms, 1),
        "checks": [_check(check) for check in outcome.checks],
        "error": outcome.error,
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "status": check.verdict.value,
        "message": check.message,
        "value": check.value,
        "limit": check.limit,
        **({"probe": check.probe} if check.probe is not None else {}),
        **({"advisory": True} if check.advisory else {}),
    }


def verify_document(exit_code: int, outcomes: Sequence[Outcome], found: Sequence[Diagnostic] = ()) -> dict[str, Any]:
    """The outcome of verify."""
    return {
        "format_version": FORMAT_VERSION,
        "exit_code": exit_code,
        "outcomes": [outcome_document(outcome) for outcome in outcomes],
        "diagnostics": diagnostic_documents(found),
    }


def drift_document(plan: Plan, exit_code: int) -> dict[str, Any]:
    """What differs from what was last applied, each object and field with its cause, and the counts."""
    drift = {change.address: change for change in plan.drift if change.action is not Action.NOOP}
    waiting, causes = pending(plan), waiting_causes(plan)
    return {
        "format_version": FORMAT_VERSION,
        "complete": is_whole(plan),
        "exit_code": exit_code,
        "summary": {
            "drifted": sum(change.action is not Action.NOOP for change in plan.drift),
            "failing": sum(change.action is Action.NOOP for change in plan.drift),
            "pending": len(waiting),
            "unchanged": plan.summary.unchanged,
            "unmanaged": plan.summary.unmanaged,
        },
        "drift": [_caused(change, drift_causes(change), field_cause) for change in plan.drift],
        "pending": [_pending(change, drift.get(change.address), causes[change.address]) for change in waiting],
        "defaults": [_caused(change, (DriftCause.DEFAULT,), field_cause) for change in plan.defaults],
        "diagnostics": diagnostic_documents(plan.diagnostics),
    }


def _pending(change: Change, drift: Change | None, waiting: DriftCause) -> dict[str, Any]:
    def cause_of(field: FieldChange) -> DriftCause:
        return planned_field_cause(field, waiting)

    return {**_caused(change, planned_causes(change, drift, waiting), cause_of), "cause": waiting.value}


def _caused(
    change: Change, causes: Sequence[DriftCause], cause_of: Callable[[FieldChange], DriftCause]
) -> dict[str, Any]:
    """A change with the causes of the whole and of each field; `cause` are the first in one text."""
    fields = [{**_field(field), "cause": cause_of(field).value} for field in change.fields]
    return {**_change(change), "fields": fields, "cause": ", ".join(causes), "causes": [one.value for one in causes]}


def history_document(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Runs, the newest first."""
    return {"runs": [_record(record) for record in records]}


def _record(record: RunRecord) -> dict[str, Any]:
    return {
        "run_id": record.run_id,
        "started": record.started,
        "ended": record.ended,
        "status": record.status,
        "gateways": list(record.gateways),
        "holder": record.holder,
        "counts": dict(record.counts),
        "outcomes": [plain(outcome) for outcome in record.outcomes],
    }
