"""A report as JUnit XML, which most CI systems show as a list of tests.

=================================== ==========================================
test case                           result
=================================== ==========================================
what a plan takes away              passed, the first of all
planned change                      passed; skipped if ``apply`` did not begin
change that waits for an apply      failure (only of ``drift``)
object changed outside              failure (only of ``drift``), else passed
server default                      passed
outcome: well                       passed
outcome: unhealthy, rolled back     failure
outcome: failed, unknown            error
outcome: blocked, skipped           skipped
finding: error                      failure
finding: warning, info              passed
what could not be read              error
nothing to say                      one case that passed
=================================== ==========================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from reconciler.model.address import Address
from reconciler.model.change import Change, FieldChange
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Plan
from reconciler.model.run import Outcome
from reconciler.planning import waiting_causes
from reconciler.render import overview, view
from reconciler.render.overview import Ended
from reconciler.render.subject import Subject

_RESULTS = {Ended.WELL: "", Ended.FAILURE: "failure", Ended.ERROR: "error", Ended.SKIPPED: "skipped"}


class _Case(NamedTuple):
    """One test case. `result` is the element that says so, empty for passed; `kind` is its type."""

    group: str
    name: str
    result: str
    kind: str
    message: str
    body: Sequence[str]
    seconds: float = 0.0


def text(subject: Subject) -> str:
    """The document. Times are in seconds."""
    suites = {name: cases for name, cases in _suites(subject).items() if cases}
    if not suites:
        suites = {"report": [_Case("reconciler", subject.command, "", "", "", [overview.headline(subject)])]}
    every = [case for cases in suites.values() for case in cases]
    root = ET.Element("testsuites", {"name": f"reconciler {view.clean(subject.command)}", **_totals(every)})
    for name, cases in suites.items():
        _suite(root, name, cases)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suites(subject: Subject) -> Mapping[str, Sequence[_Case]]:
    plan, going = subject.plan, overview.removals(subject)
    return {
        "removals": [_Case("reconciler", going.words, "", "", "", [going.sentence()])] if going else [],
        "outcomes": [_outcome(outcome) for outcome in subject.outcomes],
        "changes": [] if subject.outcomes or plan is None else _changes(subject, plan),
        "drift": [_drift(change, subject) for change in (plan.drift if plan else ())],
        "defaults": [_default(change) for change in (plan.defaults if plan else ())],
        "findings": [_finding(item) for item in subject.diagnostics],
        "reading": [] if plan is None or plan.complete else [_UNREAD],
    }


_UNREAD = _Case("reconciler", "everything could be read", "error", "incomplete", overview.INCOMPLETE, ())


def _changes(subject: Subject, plan: Plan) -> Sequence[_Case]:
    if subject.command == "drift":
        causes = waiting_causes(plan)
        return [_change(change, "failure", causes[change.address]) for change in view.pending(plan)]
    result, why = ("skipped", "not applied") if subject.command == "apply" else ("", "")
    return [_change(change, result, why) for change in plan.reviewed]


def _change(change: Change, result: str, why: str) -> _Case:
    lines = [_field(field) for field in view.fields(change)]
    body = [*_place(change.position), change.reason, *lines, *view.remarks(change)]
    return _Case(_group(change.address), f"{change.action.value} {change.address.name}", result, "pending", why, body)


def _field(field: FieldChange) -> str:
    before, after = view.words(field)
    return f"{view.field_path(field.path)}: {before} → {after}"


def _drift(change: Change, subject: Subject) -> _Case:
    lines = [f"{view.field_path(field.path)}: {view.live_words(field)}" for field in view.fields(change)]
    body = [*_place(change.position), view.cause(change), *lines]
    result = "failure" if subject.command == "drift" else ""
    return _Case(_group(change.address), f"drift {change.address.name}", result, "drift", view.cause(change), body)


def _default(change: Change) -> _Case:
    lines = [f"{view.field_path(field.path)}: {view.default_words(field)}" for field in view.fields(change)]
    return _Case(_group(change.address), f"server default {change.address.name}", "", "", "", lines)


def _outcome(outcome: Outcome) -> _Case:
    body = [*map(view.check_words, outcome.checks), *([outcome.error] if outcome.error else [])]
    result, words = _RESULTS[overview.ended(outcome)], view.status_words(outcome)
    name = f"{outcome.action.value} {outcome.address.name}"
    message = view.trouble(outcome) or words
    return _Case(_group(outcome.address), name, result, words, message, body, outcome.duration_ms / 1000)


def _finding(item: Diagnostic) -> _Case:
    where = str(item.position or item.address or "")
    result = "failure" if item.severity is Severity.ERROR else ""
    body = [*_place(item.position), item.detail]
    return _Case(item.code, f"{item.summary} {where}".strip(), result, item.severity.value, item.summary, body)


def _group(address: Address) -> str:
    return f"{address.gateway}.{address.kind}"


def _place(position: Position | None) -> Sequence[str]:
    return [str(position)] if position else []


def _totals(cases: Sequence[_Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.result == "failure" for case in cases)),
        "errors": str(sum(case.result == "error" for case in cases)),
        "time": _seconds(sum(case.seconds for case in cases)),
    }


def _seconds(time: float) -> str:
    return f"{time:.3f}"


def _suite(root: ET.Element, name: str, cases: Sequence[_Case]) -> None:
    skipped = str(sum(case.result == "skipped" for case in cases))
    suite = ET.SubElement(root, "testsuite", {"name": name, **_totals(cases), "skipped": skipped})
    for case in cases:
        _element(suite, case)


def _element(suite: ET.Element, case: _Case) -> None:
    """A case with its text: below the result if there is one, else as output of the test."""
    named = {"classname": view.clean(case.group), "name": view.clean(case.name), "time": _seconds(case.seconds)}
    element = ET.SubElement(suite, "testcase", named)
    body = "\n".join(view.inert(view.clean(line)) for line in case.body if line)
    if case.result:
        said = {"message": view.clean(case.message), **({} if case.result == "skipped" else {"type": case.kind})}
        ET.SubElement(element, case.result, said).text = body
    elif body:
        ET.SubElement(element, "system-out").text = body
