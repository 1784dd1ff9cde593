"""JSON Schemas, draft-07, of the documents that the tool prints.

They leave room for members that a later minor version adds; a reader must pass over what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from reconciler.model.change import Action, Origin, Undo
from reconciler.model.diagnostic import Severity
from reconciler.model.drift import DriftCause
from reconciler.model.plan import Mode
from reconciler.model.resource import Guard, Manage
from reconciler.model.run import Cause, RunStatus, Status, Verdict

Schema = dict[str, Any]

_HEAD = "urn:reconciler:schemas:1.0:"
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ADDRESS: Schema = {"type": "string", "pattern": "^[^/]+/[^/]+/[^/]+$", "description": "gateway/Kind/name"}
_DIGEST: Schema = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_VERSION: Schema = {"type": "string", "pattern": "^1\\.[0-9]+$", "description": "Minor versions only add members."}
_EXIT: Schema = {"enum": [0, 1, 2, 3, 4, 130], "description": "The exit code of the process."}
_LABEL = "^\\(sensitive( #[0-9]+)?\\)$"


def _words(words: type[Enum]) -> Schema:
    return {"enum": [word.value for word in words]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _object(about: str, optional: Mapping[str, Schema] | None = None, /, **members: Schema) -> Schema:
    return {
        "type": "object",
        "description": about,
        "required": list(members),
        "properties": {**members, **(optional or {})},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


_POSITION = _object("A place in a manifest, from 1.", file=_TEXT, line=_COUNT, column=_COUNT)

_SIDE: Schema = {"description": "Any JSON value. null together with this side's name in `absent` means: not there."}

_FIELD: Schema = {
    **_object(
        "One field: `before` is live, `after` is desired. A sensitive one holds labels, equal for equal secrets.",
        {"absent": {**_list({"enum": ["before", "after"]}), "description": "Sides that are not there, unlike null."}},
        path={"type": "string", "pattern": "^/", "description": "A JSON pointer, such as /spec/model."},
        before=_SIDE,
        after=_SIDE,
        origin=_words(Origin),
        sensitive=_FLAG,
        position=_or_null(_ref("position")),
    ),
    "if": {"properties": {"sensitive": {"const": True}}},
    "then": {
        "properties": {
            side: _or_null({"type": "string", "pattern": _LABEL, "description": "Never a value."})
            for side in ("before", "after")
        }
    },
}

_CHANGE = _object(
    "What happens to one object.",
    {"moved_from": {**_ADDRESS, "description": "Where the ledger had it; there only if it moves."}},
    address=_ADDRESS,
    gateway=_TEXT,
    kind=_TEXT,
    name=_TEXT,
    action=_words(Action),
    reason={**_TEXT, "description": "For people; never to be decided by."},
    guard={**_words(Guard), "description": "How the write is kept from overwriting what it has not seen."},
    reversible=_object("Whether it can be taken back.", level=_words(Undo), why=_TEXT),
    depends_on=_list(_ADDRESS),
    position=_or_null(_ref("position")),
    fields=_list(_ref("field")),
)

_DIAGNOSTIC = _object(
    "A finding. `reconciler explain CODE` says what it means.",
    severity=_words(Severity),
    code={"type": "string", "pattern": "^[A-Z]+[0-9]{3}$"},
    summary=_TEXT,
    detail=_TEXT,
    file=_or_null(_TEXT),
    line=_or_null(_COUNT),
    column=_or_null(_COUNT),
    address=_or_null(_ADDRESS),
    path=_or_null(_TEXT),
)

_CHECK = _object(
    "One check of one object.",
    {
        "probe": {**_TEXT, "description": "The probe that it belongs to; not there for the platform's own."},
        "advisory": {"const": True, "description": "There where it is told only, and decides nothing."},
    },
    name=_TEXT,
    status=_words(Verdict),
    message=_TEXT,
    value={"type": ["string", "number", "boolean", "null"]},
    limit={"type": ["string", "number", "null"]},
)

_OUTCOME = _object(
    "How one change ended.",
    address=_ADDRESS,
    action=_words(Action),
    status=_words(Status),
    healthy=_FLAG,
    attempts={**_COUNT, "description": "Writes that left."},
    verifications={**_COUNT, "description": "Times the gateway was asked whether it works."},
    duration_ms={"type": "number", "minimum": 0},
    checks=_list(_ref("check")),
    error=_or_null(_TEXT),
)

_RESIDUE = _object(
    "A difference that is still there after an apply.",
    address=_ADDRESS,
    path=_TEXT,
    cause=_words(Cause),
    before=_SIDE,
    after=_SIDE,
)

_DEFINITIONS: Mapping[str, Schema] = {
    "position": _POSITION,
    "field": _FIELD,
    "change": _CHANGE,
    "diagnostic": _DIAGNOSTIC,
    "check": _CHECK,
    "outcome": _OUTCOME,
}

_COUNTED = ("create", "update", "replace", "delete", "adopt", "forget", "unchanged", "unmanaged", "drifted")


def _plan() -> Schema:
    return _object(
        "What would change: `plan --format json`, and the plan file. It holds no secret.",
        {
            "gateways": {
                **_list(_ref("change")),
                "description": "Seen for the first time: where their credentials go. An apply records it; not counted.",
            }
        },
        format_version=_VERSION,
        tool_version=_TEXT,
        created_at={**_TEXT, "description": "ISO 8601, UTC."},
        mode=_words(Mode),
        complete={**_FLAG, "description": "False when something could not be read: such a plan is never applied."},
        digest={**_DIGEST, "description": "The intent: equal as long as nothing moved. What is approved."},
        basis=_object(
            "What the plan was made from.",
            commit=_or_null(_TEXT),
            manifests={"anyOf": [_DIGEST, {"const": ""}]},
            ledger_serial=_COUNT,
            secrets={"enum": ["available", "unavailable"]},
            observed={"type": "object", "additionalProperties": _DIGEST, "description": "Live digest by address."},
        ),
        summary=_object("Counts of objects.", {"move": _COUNT}, **dict.fromkeys(_COUNTED, _COUNT)),
        changes={**_list(_ref("change")), "description": "In the order of execution."},
        drift={**_list(_ref("change")), "description": "What differs from what was last applied; never executed."},
        diagnostics=_list(_ref("diagnostic")),
    )


def _run() -> Schema:
    return _object(
        "What an apply did: `apply --format json`.",
        format_version=_VERSION,
        status=_words(RunStatus),
        exit_code=_EXIT,
        run_id={**_TEXT, "description": "Empty when nothing was begun."},
        outcomes=_list(_ref("outcome")),
        residue=_list(_RESIDUE),
        diagnostics=_list(_ref("diagnostic")),
    )


def _validate() -> Schema:
    return _object(
        "Whether manifests are right: `validate --format json`.", valid=_FLAG, diagnostics=_list(_ref("diagnostic"))
    )


_CAUSED: Schema = {
    "allOf": [
        _ref("change"),
        {
            "required": ["cause"],
            "properties": {
                "cause": {**_TEXT, "description": "Why it differs: its causes in one text."},
                "causes": _list(_words(DriftCause)),
                "fields": _list({"properties": {"cause": _words(DriftCause)}}),
            },
        },
    ]
}


def _drift() -> Schema:
    counted = ("drifted", "failing", "pending", "unchanged", "unmanaged")
    optional = {
        "summary": _object("Counts of objects.", **dict.fromkeys(counted, _COUNT)),
        "defaults": {**_list(_CAUSED), "description": "Given by the server where manifests are silent; not counted."},
    }
    return _object(
        "What differs from what was last applied: `drift --format json`.",
        optional,
        format_version=_VERSION,
        complete=_FLAG,
        exit_code=_EXIT,
        drift={**_list(_CAUSED), "description": "Changed outside; `before` is live, `after` what was applied."},
        pending={**_list(_CAUSED), "description": "What waits for an apply; `cause` says whether it is merged."},
        diagnostics=_list(_ref("diagnostic")),
    )


def _snapshot() -> Schema:
    hints = {"type": "object", "additionalProperties": {"type": "string", "pattern": "^(#[0-9]+)?$"}}
    shared = {"address": _ADDRESS, "remote_id": _TEXT, "spec": {"type": "object"}, "revision": _or_null(_TEXT)}
    live = _object("One live object.", hints=hints, **shared)
    entry = _object(
        "One object as it was last applied.",
        {
            "id_stated": _FLAG,
            "manage": _words(Manage),
            "origin": {**_TEXT, "description": "The file that declared it; empty where the ledger does not know."},
            "labels": {"type": "object", "additionalProperties": _TEXT},
            "fleet": {
                **_TEXT,
                "description": "Of a Gateway: whose manifests declare it, where fleets share a ledger.",
            },
        },
        sent={**_list(_TEXT), "description": "Paths of secrets that were sent; no fingerprint stands here."},
        refs={"type": "object", "additionalProperties": _TEXT},
        protect=_FLAG,
        depends_on=_list(_ADDRESS),
        hints={**hints, "description": "Labels: equal where the gateway revealed the same. Nothing of a key."},
        **shared,
    )
    return _object(
        "What gateways and ledger held: `snapshot -o FILE`, for `plan --against FILE`. It holds no secret.",
        format_version=_VERSION,
        tool_version=_TEXT,
        taken_at={**_TEXT, "description": "ISO 8601, UTC."},
        commit=_or_null(_TEXT),
        gateways=_list(_object("One gateway.", name=_TEXT, origin=_TEXT, unseen=_list(_TEXT), objects=_list(live))),
        ledger=_object("What was last applied.", serial=_COUNT, entries=_list(entry)),
    )


_DOCUMENTS: Mapping[str, Callable[[], Schema]] = {
    "plan": _plan,
    "run": _run,
    "validate": _validate,
    "drift": _drift,
    "snapshot": _snapshot,
}


def names() -> tuple[str, ...]:
    """Documents that have a published schema."""
    return tuple(_DOCUMENTS)


def schema(name: str) -> Schema:
    """The schema of a document. Raises LookupError."""
    if name not in _DOCUMENTS:
        raise LookupError(f"there is no document {name!r}; known are {', '.join(_DOCUMENTS)}")
    body = _DOCUMENTS[name]()
    used = {part: _DEFINITIONS[part] for part in sorted(_used(body))}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$id": _HEAD + name, **body, "definitions": used}


def _used(node: Any) -> set[str]:
    """Names of the definitions that a schema refers to, also through others."""
    if isinstance(node, list):
        return {name for item in node for name in _used(item)}
    if not isinstance(node, dict):
        return set()
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[1]
        return {name} | _used(_DEFINITIONS[name])
    return {name for item in node.values() for name in _used(item)}


def schema_text(name: str) -> str:
    """The schema as it is published. Raises LookupError."""
    return json.dumps(schema(name), indent=2) + "\n"
