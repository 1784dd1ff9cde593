"""Findings and drift as a SARIF 2.1.0 document, for the code-scanning page of a repository."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.diagnostic import Diagnostic, Position, Severity, has_errors
from reconciler.planning import is_whole, waiting_causes
from reconciler.render import overview, view
from reconciler.render.subject import Subject

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
DRIFT = "DRIFT"
DRIFT_RULE = (
    "An object on the gateway differs from what was last applied: somebody changed or deleted it outside of the "
    "manifests. Apply again to put it back, or take the change over with `reconciler adopt --from-live`."
)
PENDING = "PENDING"
PENDING_RULE = "What the manifests want of an object was not applied yet: look at the job that applies, or run it."
REMOVAL = "REMOVAL"
REMOVAL_RULE = (
    "Objects of the gateway are to be deleted, or deleted and made anew. Approve the plan only if that is meant."
)
ROOT = "%SRCROOT%"
NOWHERE = "manifests"
"""Where a result is shown that stands in no file: a document with a result that has no place is refused as a whole."""

_OWN_RULES = {DRIFT: DRIFT_RULE, PENDING: PENDING_RULE, REMOVAL: REMOVAL_RULE}
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


class _Result(NamedTuple):
    """A result before it is written; `identity` stays the same when lines move."""

    code: str
    level: str
    message: str
    position: Position | None
    address: Address | None
    identity: tuple[str, ...]


def document(subject: Subject, rules: Mapping[str, str], version: str) -> dict[str, Any]:
    """The document, in plain JSON types. `rules` maps each code to the text that explains it."""
    results = [*_going(subject), *map(_finding, overview.ranked(subject.diagnostics)), *_drift(subject)]
    known = {**{result.code: result.code for result in results}, **rules, **_OWN_RULES}
    order = {code: index for index, code in enumerate(sorted(known))}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(version, [_rule(code, known[code]) for code in order])},
                "invocations": [_invocation(subject)],
                "originalUriBaseIds": {ROOT: {"description": {"text": "The top folder of the repository."}}},
                "columnKind": "unicodeCodePoints",
                "results": _results(results, order),
            }
        ],
    }


def _driver(version: str, rules: Sequence[Any]) -> dict[str, Any]:
    return {"name": "reconciler", "version": version, "rules": rules}


def _invocation(subject: Subject) -> dict[str, Any]:
    """A run that could not look everywhere has not found everything: what it does not report may still be there."""
    read = subject.command == "validate" or not has_errors(subject.diagnostics)
    seen_all = read if subject.plan is None else is_whole(subject.plan)
    return {"executionSuccessful": seen_all, "exitCode": subject.exit_code}


def _rule(code: str, text: str) -> dict[str, Any]:
    said = {"text": view.clean(text)}
    return {
        "id": code,
        "shortDescription": {"text": _first_sentence(said["text"])},
        "fullDescription": said,
        "help": said,
    }


def _first_sentence(text: str) -> str:
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]


def _finding(item: Diagnostic) -> _Result:
    message = f"{item.summary}: {item.detail}" if item.detail else item.summary
    identity = (item.code, item.position.file if item.position else "", str(item.address or ""), item.path or "")
    return _Result(item.code, _LEVELS[item.severity], message, item.position, item.address, identity)


def _going(subject: Subject) -> Iterator[_Result]:
    """What a plan takes away comes before all else."""
    going = overview.removals(subject)
    if going:
        identity = (REMOVAL, *map(str, going.named))
        yield _Result(REMOVAL, "warning", going.sentence(), None, None, identity)


def _drift(subject: Subject) -> Iterator[_Result]:
    places = overview.positions(subject)
    waiting = waiting_causes(subject.plan) if subject.plan and subject.command == "drift" else {}
    for address, cause in waiting.items():
        yield _Result(PENDING, "warning", f"{address}: {cause}", places.get(address), address, (PENDING, str(address)))
    for change in subject.plan.drift if subject.plan else ():
        address = change.address
        yield _Result(DRIFT, "warning", _drifted(change), places.get(address), address, (DRIFT, str(address)))


def _drifted(change: Change) -> str:
    fields = "; ".join(f"{view.field_path(f.path)}: {view.live_words(f)}" for f in view.fields(change))
    words = f"{change.address}: {view.cause(change)}"
    return f"{words}; {fields}" if fields else words


def _results(results: Sequence[_Result], order: Mapping[str, int]) -> Sequence[Any]:
    """Results; of those that are alike in all that lasts, the second is told from the first by its number."""
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    for result in results:
        seen[result.identity] += 1
        made.append(_result(result, order[result.code], seen[result.identity]))
    return made


def _result(result: _Result, index: int, number: int) -> dict[str, Any]:
    parts = "\0".join([*result.identity, str(number)])
    return {
        "ruleId": result.code,
        "ruleIndex": index,
        "level": result.level,
        "message": {"text": _message(result.message)},
        "locations": [_location(result)],
        "partialFingerprints": {
            "reconcilerFinding/v1": hashlib.sha256(parts.encode("utf-8", "backslashreplace")).hexdigest()
        },
    }


def _message(text: str) -> str:
    """A plain message: the format takes braces for places to fill in, and ``[words](address)`` for a link."""
    shown = view.clean(text).replace("{", "{{").replace("}", "}}")
    if "](" not in shown:
        return shown
    return shown.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(result: _Result) -> dict[str, Any]:
    logical = [{"fullyQualifiedName": view.clean(str(result.address)), "kind": "resource"}] if result.address else []
    return {"physicalLocation": _place(result.position), **({"logicalLocations": logical} if logical else {})}


def _place(position: Position | None) -> dict[str, Any]:
    if position is None:
        return {"artifactLocation": {"uri": NOWHERE, "uriBaseId": ROOT}}
    region = {"startLine": position.line, "startColumn": position.column}
    return {"artifactLocation": _artifact(position.file), "region": region}


def _artifact(file: str) -> dict[str, str]:
    """A file below the repository's top folder, or wherever else it is."""
    return {"uri": f"file://{view.uri(file)}"} if file.startswith("/") else {"uri": view.uri(file), "uriBaseId": ROOT}
