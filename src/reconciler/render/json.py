"""Plans, runs and findings as JSON documents. `format_version` 1.0; minor versions only add members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.model.resource import Guard
from reconciler.model.run import Check, Outcome, Run, RunRecord
from reconciler.render.view import cause, pending

FORMAT_VERSION = "1.0"


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
        "changes": [_change(change) for change in plan.changes],
        "drift": [_change(change) for change in plan.drift],
        "diagnostics": diagnostics(plan.diagnostics),
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
    }


def _field(field: FieldChange) -> dict[str, Any]:
    """`absent` tells a missing side from a null one."""
    absent = [name for name, side in (("before", field.before), ("after", field.after)) if side is ABSENT]
    return {
        "path": field.path,
        "before": None if field.before is ABSENT else field.before,
        "after": None if field.after is ABSENT else field.after,
        "origin": field.origin.value,
        "sensitive": field.sensitive,
        "position": _position(field.position),
        **({"absent": absent} if absent else {}),
    }


def _position(position: Position | None) -> dict[str, Any] | None:
    return None if position is None else position._asdict()


def diagnostics(found: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Findings."""
    return [
        {
            "severity": d.severity.value,
            "code": d.code,
            "summary": d.summary,
            "detail": d.detail,
            "file": d.position.file if d.position else None,
            "line": d.position.line if d.position else None,
            "column": d.position.column if d.position else None,
            "address": str(d.address) if d.address else None,
            "path": d.path,
        }
        for d in found
    ]


def validate_document(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """The outcome of validate."""
    return {"valid": all(d.severity is not Severity.ERROR for d in found), "diagnostics": diagnostics(found)}


def run_document(run: Run) -> dict[str, Any]:
    """The outcome of an apply."""
    return {
        "status": run.status.value,
        "exit_code": run.exit_code,
        "run_id": run.run_id,
        "outcomes": [outcome_document(outcome) for outcome in run.outcomes],
        "residue": [
            {
                "address": str(item.address),
                "path": item.path,
                "cause": item.cause.value,
                "before": item.before,
                "after": item.after,
            }
            for item in run.residue
        ],
        "diagnostics": diagnostics(run.diagnostics),
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """How one change ended."""
    return {
        "address": str(outcome.address),
        "action": outcome.action.value,
        "status": outcome.status.value,
        "attempts": outcome.attempts,
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
    }


def drift_document(plan: Plan, exit_code: int) -> dict[str, Any]:
    """What differs from what was last applied, each with its cause."""
    waiting = [{**_change(change), "cause": "merged but not applied"} for change in pending(plan)]
    return {
        "format_version": FORMAT_VERSION,
        "complete": plan.complete,
        "exit_code": exit_code,
        "drift": [{**_change(change), "cause": cause(change)} for change in plan.drift],
        "pending": waiting,
        "diagnostics": diagnostics(plan.diagnostics),
    }


def history_document(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Runs, the newest first."""
    return {
        "runs": [
            {
                "run_id": r.run_id,
                "started": r.started,
                "ended": r.ended,
                "status": r.status,
                "gateways": list(r.gateways),
                "holder": r.holder,
                "counts": dict(r.counts),
                "outcomes": [dict(outcome) for outcome in r.outcomes],
            }
            for r in records
        ]
    }


def plan_from_document(document: Mapping[str, Any]) -> Plan:
    """Read a plan file. Raises KeyError, TypeError or ValueError for anything else."""
    if str(document["format_version"]).split(".")[0] != FORMAT_VERSION.split(".", maxsplit=1)[0]:
        raise ValueError(f"format version {document['format_version']}; this tool reads {FORMAT_VERSION}")
    basis = document["basis"]
    return Plan(
        Mode(document["mode"]),
        Basis(
            basis["commit"],
            basis["manifests"],
            basis["ledger_serial"],
            document["tool_version"],
            basis["secrets"] == "available",
            basis["observed"],
        ),
        tuple(map(_read_change, document["changes"])),
        tuple(map(_read_change, document["drift"])),
        tuple(map(_read_diagnostic, document["diagnostics"])),
        Summary(**document["summary"]),
        bool(document["complete"]),
        document["digest"],
        document["created_at"],
    )


def _read_change(read: Mapping[str, Any]) -> Change:
    return Change(
        Address(read["gateway"], read["kind"], read["name"]),
        Action(read["action"]),
        read["reason"],
        tuple(map(_read_field, read["fields"])),
        Guard(read["guard"]),
        Reversible(Undo(read["reversible"]["level"]), read["reversible"]["why"]),
        tuple(map(Address.parse, read["depends_on"])),
        _read_position(read["position"]),
    )


def _read_field(read: Mapping[str, Any]) -> FieldChange:
    absent = read.get("absent", ())
    return FieldChange(
        read["path"],
        ABSENT if "before" in absent else read["before"],
        ABSENT if "after" in absent else read["after"],
        Origin(read["origin"]),
        read["sensitive"],
        _read_position(read["position"]),
    )


def _read_position(read: Mapping[str, Any] | None) -> Position | None:
    return None if read is None else Position(read["file"], read["line"], read["column"])


def _read_diagnostic(read: Mapping[str, Any]) -> Diagnostic:
    position = None if read["file"] is None else Position(read["file"], read["line"], read["column"])
    address = None if read["address"] is None else Address.parse(read["address"])
    return Diagnostic(
        Severity(read["severity"]), read["code"], read["summary"], read["detail"], position, address, read["path"]
    )
