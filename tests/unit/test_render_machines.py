"""Annotations, step outputs, SARIF and JUnit XML: what programs read, checked by reading it as they do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import render_samples as samples
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from render_hostile import plan_of, planning, subjects, texts
from sarif_pydantic import Sarif  # type: ignore[import-untyped]  # it has types, and does not say so

from reconciler.cli.explain import all_codes
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.render import github, junit, overview, sarif, view
from reconciler.render import json as documents
from reconciler.render.subject import Subject

SCHEMA = json.loads((Path(__file__).parents[1] / "golden/schemas/sarif-2.1.0.part.json").read_text(encoding="utf-8"))
RULES = dict.fromkeys(all_codes(), "A rule. What it means {here}.")


def commands(text: str) -> list[tuple[str, Mapping[str, str], str]]:
    """Workflow commands as the runner reads them: name, properties, message."""
    read: list[tuple[str, Mapping[str, str], str]] = []
    for line in text.removesuffix("\n").split("\n") if text else []:
        found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        assert found, line
        pairs = [pair.split("=", 1) for pair in found[2].split(",")]
        read.append((found[1], {key: decoded(value) for key, value in pairs}, decoded(found[3])))
    return read


def decoded(text: str) -> str:
    """Percent escapes of the runner undone, the percent sign last."""
    for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


@given(subjects())
def test_annotations_are_commands_of_their_own_and_nothing_else(subject: Subject) -> None:
    """A value that can end its line or its property writes annotations in the name of the tool."""
    read = commands(github.text(subject))
    levels = [level for level, _, _ in read[1 if overview.removals(subject) else 0 :]]
    assert levels == sorted(levels, key=["error", "warning", "notice"].index)
    for level, properties, message in read:
        assert levels.count(level) <= 10
        assert set(properties) in ({"title"}, {"file", "line", "col", "title"})
        assert view.clean(message) == message
        assert int(properties.get("line", 1)) > 0
    assert samples.CANARY not in github.text(subject)


@given(st.sampled_from(Severity), texts, texts, texts)
@example(Severity.ERROR, "a%2Cb,c:d.yaml", "%3A%25", "%0A::error::x%")
def test_an_annotation_says_what_was_found_where(severity: Severity, file: str, summary: str, detail: str) -> None:
    """Escapes that are not undone alike lead to a file that does not exist."""
    item = Diagnostic(severity, "KIND001", summary, detail, Position(file, 7, 3))
    [(level, properties, message)] = commands(github.text(Subject("validate", 1, diagnostics=(item,))))
    assert level == github.LEVELS[severity]
    assert properties["file"] == view.clean(file)
    assert (properties["line"], properties["col"]) == ("7", "3")
    assert properties["title"] == view.clean(f"KIND001 {summary}")
    assert message == view.clean(detail)


@pytest.mark.parametrize(("count", "shown", "more"), [(10, 10, None), (11, 10, "2 more"), (5000, 10, "4991 more")])
def test_the_tenth_annotation_counts_what_is_not_shown(count: int, shown: int, more: str | None) -> None:
    """GitHub drops the eleventh without a word: whoever fixes ten errors must know of the others."""
    found = tuple(Diagnostic(Severity.WARNING, "POLICY002", "one key", str(n)) for n in range(count))
    worst = Diagnostic(Severity.ERROR, "KIND006", "a secret in clear", "x")
    read = commands(github.text(Subject("validate", 1, diagnostics=(*found, worst))))
    assert read[0][0] == "error"
    assert len(read) == shown + 1
    assert (read[-1][1]["title"] == more) is (more is not None)


def test_drift_and_outcomes_are_annotated_by_weight() -> None:
    """A write of unknown end is an error, one that waits a warning, and one that went well no annotation."""
    subject = Subject("apply", 4, samples.PLAN, samples.RUN, samples.RUN.outcomes)
    levels = {properties["title"]: level for level, properties, _ in commands(github.text(subject))}
    assert levels == {
        "rolled back (not healthy): update prod/Endpoint/ep-two": "error",
        "unknown: delete prod/Endpoint/ep-gone": "error",
        "blocked (not healthy): replace prod/Webhook/costs": "warning",
        "drift: prod/Endpoint/ep-two": "warning",
        "drift: prod/Webhook/old": "warning",
    }


def outputs_read(text: str) -> dict[str, str]:
    """Outputs as the runner reads them: ``key=value``, or ``key<<END`` and lines until END."""
    read, lines = {}, iter(text.split("\n")[:-1])
    for line in lines:
        equals, here = line.find("="), line.find("<<")
        if equals >= 0 and (here < 0 or equals < here):
            read[line[:equals]] = line[equals + 1 :]
            continue
        key, end = line.split("<<", 1)
        held = []
        while (inner := next(lines)) != end:
            held.append(inner)
        read[key] = "\n".join(held)
    return read


@given(st.dictionaries(st.from_regex("[a-z][a-z-]{0,9}", fullmatch=True), texts | st.text() | st.just(""), max_size=4))
def test_outputs_arrive_as_they_were_given(values: dict[str, str]) -> None:
    """A plan file's name with a newline must not set an output that later steps trust."""
    once = github.outputs(values)
    assert outputs_read(once) == values
    again = {**values, "whole": once + "\n"}
    assert outputs_read(github.outputs(again)) == again


def test_outputs_say_true_and_false_as_workflows_do() -> None:
    """`if: outputs.has-changes == 'true'` compares with small letters."""
    assert github.outputs({"has-changes": True, "blocked": False, "to-create": 0, "plan-file": ""}) == (
        "has-changes=true\nblocked=false\nto-create=0\nplan-file=\n"
    )


@given(subjects())
def test_junit_counts_what_it_holds(subject: Subject) -> None:
    """CI systems show the counts of the attributes and the list of the elements: they must agree."""
    text = junit.text(subject)
    root = ET.fromstring(text)  # noqa: S314 - written by the tool under test
    assert root.tag == "testsuites"
    assert {child.tag for child in root} == {"testsuite"}
    for element in (root, *root):
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[attribute]) == sum(1 for _ in element.iter(tag))
        assert re.fullmatch(r"[0-9]+\.[0-9]{3}", element.attrib["time"])
    assert all(int(suite.attrib["skipped"]) == sum(1 for _ in suite.iter("skipped")) for suite in root)
    for case in root.iter("testcase"):
        assert set(case.attrib) == {"classname", "name", "time"}
        assert [child.tag for child in case] in ([], ["failure"], ["error"], ["skipped"], ["system-out"])
    assert not re.search(r"(?m)^\s*(::|##\[)", text)
    assert all(view.clean(line) == line for line in text.split("\n"))
    assert samples.CANARY not in text


@pytest.mark.parametrize(
    ("subject", "tests", "failures", "errors", "skipped"),
    [
        (Subject("plan", 3, samples.PLAN, diagnostics=samples.FINDINGS), 13, 2, 0, 0),
        (Subject("plan", 1, replace(samples.EMPTY, complete=False)), 1, 0, 1, 0),
        (Subject("plan", 0, samples.EMPTY), 1, 0, 0, 0),
        (Subject("validate", 0), 1, 0, 0, 0),
        (Subject("validate", 1, diagnostics=samples.FINDINGS), 4, 2, 0, 0),
        (Subject("drift", 2, samples.PLAN), 9, 8, 0, 0),
        (Subject("apply", 4, samples.PLAN, samples.RUN, samples.RUN.outcomes), 6, 1, 1, 1),
        (Subject("apply", 3, samples.PLAN, diagnostics=samples.FINDINGS), 13, 2, 0, 6),
        (Subject("verify", 4, outcomes=samples.RUN.outcomes), 4, 1, 1, 1),
    ],
)
def test_junit_tells_failure_error_and_skipped_apart(
    subject: Subject, tests: int, failures: int, errors: int, skipped: int
) -> None:
    """Red for a check that said no, an error for what nobody knows, grey for what was not tried."""
    root = ET.fromstring(junit.text(subject))  # noqa: S314 - written by the tool under test
    kinds = ("testcase", "failure", "error", "skipped")
    assert [sum(1 for _ in root.iter(kind)) for kind in kinds] == [tests, failures, errors, skipped]


def test_junit_times_are_seconds() -> None:
    """Milliseconds in a field for seconds make every run look like half an hour."""
    root = ET.fromstring(junit.text(Subject("verify", 4, outcomes=samples.RUN.outcomes)))  # noqa: S314 - as above
    assert [case.attrib["time"] for case in root.iter("testcase")] == ["0.031", "1.503", "0.000", "0.000"]
    assert root.attrib["time"] == "1.534"


@given(subjects())
def test_sarif_is_what_the_standard_describes(subject: Subject) -> None:
    """A document with one wrong member is refused as a whole, and with it every finding."""
    made = sarif.document(subject, RULES, "0.1.0")
    text = documents.text(made)
    Draft7Validator(SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER).validate(json.loads(text))
    assert len(Sarif.model_validate(json.loads(text)).runs) == 1  # and as somebody else reads the standard
    [run] = made["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    pending = [result for result in run["results"] if result["ruleId"] == sarif.PENDING]
    going = [result for result in run["results"] if result["ruleId"] == sarif.REMOVAL]
    assert run["results"][: len(going)] == going
    assert len(going) == (overview.removals(subject) is not None)
    shown = len(going) + len(subject.diagnostics) + len(subject.plan.drift if subject.plan else ())
    assert len(run["results"]) - len(pending) == shown
    assert not pending or subject.command == "drift"
    prints = [result["partialFingerprints"]["reconcilerFinding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    assert samples.CANARY not in text


@given(texts, texts)
def test_a_message_of_sarif_is_text_without_links_or_gaps(summary: str, detail: str) -> None:
    """The format has its own links and placeholders even in plain text."""
    found = (Diagnostic(Severity.ERROR, "KIND001", summary, detail),)
    [result] = sarif.document(Subject("validate", 1, diagnostics=found), RULES, "0.1.0")["runs"][0]["results"]
    text = result["message"]["text"]
    assert not re.search(r"(?<!\\)(\\\\)*\[[^\[\]]*(?<!\\)(\\\\)*\]\(", text)
    assert not re.search(r"[{}]", text.replace("{{", "").replace("}}", ""))
    assert view.clean(text) == text


def test_fingerprints_of_sarif_outlive_moved_lines() -> None:
    """A finding that was dismissed must not come back because somebody added a line above it."""

    def prints(found: tuple[Diagnostic, ...]) -> list[str]:
        subject = Subject("plan", 3, samples.PLAN, diagnostics=found)
        results = sarif.document(subject, RULES, "0.1.0")["runs"][0]["results"]
        return [result["partialFingerprints"]["reconcilerFinding/v1"] for result in results]

    moved = tuple(
        replace(item, position=item.position._replace(line=item.position.line + 9)) if item.position else item
        for item in samples.FINDINGS
    )
    assert prints(moved) == prints(samples.FINDINGS)
    other = replace(samples.FINDINGS[0], path="/spec/model")
    assert prints((other, *samples.FINDINGS[1:]))[1] != prints(samples.FINDINGS)[1]


def test_sarif_places_every_result_and_names_its_rule() -> None:
    """Pages that show results drop, or refuse, what stands nowhere."""
    subject = Subject("plan", 3, samples.PLAN, diagnostics=samples.FINDINGS)
    [run] = sarif.document(subject, RULES, "0.1.0")["runs"]
    assert [result["level"] for result in run["results"]] == [
        *("warning", "error", "error", "warning", "note", "warning", "warning")
    ]
    assert run["results"][0]["ruleId"] == "REMOVAL"
    assert [result["ruleId"] for result in run["results"]][-2:] == ["DRIFT", "DRIFT"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert all(place["artifactLocation"]["uriBaseId"] == "%SRCROOT%" for place in places)
    assert places[1]["region"] == {"startLine": 7, "startColumn": 13}
    assert places[4] == {"artifactLocation": {"uri": "manifests", "uriBaseId": "%SRCROOT%"}}
    assert places[5]["region"] == {"startLine": 15, "startColumn": 3}


def test_machines_get_five_thousand_changes_whole() -> None:
    """What people are shown is cut; what programs count is not."""
    root = ET.fromstring(junit.text(planning(5000)))  # noqa: S314 - written by the tool under test
    assert root.attrib["tests"] == "5004"
    drifted = Subject("drift", 2, plan_of((), [change for n in range(5000) for change in samples.DRIFT[:1]]))
    assert len(sarif.document(drifted, RULES, "0.1.0")["runs"][0]["results"]) == 5000
    assert len(commands(github.text(drifted))) == 10
