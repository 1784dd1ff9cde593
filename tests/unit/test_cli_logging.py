"""Log lines and the journal: closed lists, so that nothing gets into a log that nobody decided on."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest
import render_samples as samples
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.journal import Journal
from reconciler.cli.logging import CALL_FIELDS, EVENTS, FIELDS, LogProgress, loggable
from reconciler.inference.audit import EVENT, Call, audit_fields
from reconciler.inference.chat import Usage
from reconciler.model.run import Status

SRC = Path(__file__).resolve().parents[2] / "src" / "reconciler"


def told() -> Iterator[tuple[str, set[str]]]:
    """Every event that the source tells a Progress of, with its fields."""
    for path in SRC.rglob("*.py"):
        if "cli" in path.parts or "testing" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in {
                "progress",
                "listen",
                "_listen",
            }:
                fields = {
                    k.value for a in node.args if isinstance(a, ast.Dict) for k in a.keys if isinstance(k, ast.Constant)
                }
                named = node.args[0]
                events = {named.value} if isinstance(named, ast.Constant) else words & set(EVENTS)
                yield from ((str(event), {str(field) for field in fields}) for event in events)


def test_the_lists_are_what_the_source_tells() -> None:
    """An event that is not listed would be dropped in silence; one that nothing tells misleads whoever greps for it."""
    events = list(told())
    assert {EVENT} | {event for event, _ in events} == set(EVENTS)
    assert set().union(*(fields for _, fields in events)) | CALL_FIELDS == FIELDS
    assert audit_fields(Call("", "", "", "", Usage(0, 0), 0)).keys() - FIELDS == set()


@given(st.text(), st.dictionaries(st.text() | st.sampled_from(sorted(FIELDS)), st.text() | st.integers()))
def test_a_log_line_never_ends_a_run_and_never_says_more(event: str, fields: dict[str, Any]) -> None:
    """An unknown event, a stray field, a name with an escape in it: none is worth a fleet half written."""
    shown = loggable(event, fields)
    assert shown is None or set(shown) <= FIELDS
    assert loggable("change_finished", {"secret": samples.CANARY, **fields}).keys() <= FIELDS  # type: ignore[union-attr]  # listed


def lines_of(log_format: str, level: int, event: str, fields: dict[str, Any]) -> list[str]:
    """What one event leaves on standard error."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        LogProgress(log_format, level)(event, fields)
    return stream.getvalue().splitlines()


FINISHED = {
    "address": "prod/Endpoint/\x1b[31mone\n::error::",
    "action": "create",
    "status": "applied",
    "duration_ms": 3.14159,
}


def test_a_json_line_is_one_document_with_the_names_of_the_list() -> None:
    """Log stores index these names."""
    [line] = lines_of("json", logging.INFO, "change_finished", FINISHED | {"body": samples.CANARY})
    read = json.loads(line)
    assert set(read) == {"event", "level", "timestamp", "address", "action", "status", "duration_ms"}
    assert (read["event"], read["level"], read["duration_ms"]) == ("change_finished", "info", 3.1)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_hostile_name_stays_on_its_line(log_format: str) -> None:
    """A name in a stranger's manifest must not write log lines of its own, nor colour those of others."""
    [line] = lines_of(log_format, logging.INFO, "change_finished", FINISHED)
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("event", "level", "shown"),
    [
        ("change_finished", logging.INFO, 1),
        ("change_finished", logging.ERROR, 0),
        ("change_started", logging.INFO, 0),
        ("change_started", logging.DEBUG, 1),
        ("preflight_skipped", logging.INFO, 1),
    ],
)
def test_quiet_and_verbose_are_levels(event: str, level: int, shown: int) -> None:
    """One line for each finished change, no more and no less, unless somebody asks."""
    assert len(lines_of("console", level, event, dict(FINISHED))) == shown


def test_the_journal_tells_done_from_begun_from_not_begun() -> None:
    """After an abort this is all that a person has to decide by: a doubt must be shown as one."""
    passed: list[str] = []
    journal = Journal(lambda event, _: passed.append(event))
    first, second, third, *_ = samples.PLAN.changes
    assert not journal.begun
    for change in (first, second):
        journal("change_started", {"address": str(change.address), "action": change.action.value})
    with journal.shown_by(lambda event, _: passed.append("bar " + event)):
        journal("change_finished", {"address": str(first.address), "action": "create", "status": "applied"})
    found = {outcome.address: outcome for outcome in journal.outcomes(samples.PLAN)}
    assert found[first.address].status is Status.APPLIED
    assert found[second.address].status is Status.UNKNOWN
    assert found[third.address].status is Status.SKIPPED
    assert "ledger knows" in str(found[second.address].error)
    assert passed == ["change_started", "change_started", "bar change_finished"]
