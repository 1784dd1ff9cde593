"""Each value in each format, letter by letter. `UPDATE_GOLDEN=1` writes the files anew, to be read in the diff."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
import render_samples as samples

from reconciler.render import github, html, junit, markdown, sarif, terminal
from reconciler.render import json as documents
from reconciler.render.subject import Subject
from reconciler.render.terminal import Line

HERE = Path(__file__).parent
SOURCE = "https://code.example.com/owner/name/blob/0123abc"
PLAN = Subject("plan", 3, samples.PLAN, diagnostics=samples.FINDINGS, source=SOURCE)
EMPTY = Subject("plan", 0, samples.EMPTY)
DRIFT = Subject("drift", 2, samples.PLAN, diagnostics=samples.FINDINGS[2:])
RUN = Subject("apply", 4, samples.PLAN, samples.RUN, samples.RUN.outcomes, samples.RUN.diagnostics)
VALIDATE = Subject("validate", 1, diagnostics=samples.FINDINGS)
VERIFY = Subject("verify", 4, outcomes=samples.RUN.outcomes)
SUBJECTS = {"plan": PLAN, "plan-empty": EMPTY, "drift": DRIFT, "run": RUN, "validate": VALIDATE, "verify": VERIFY}
RULES = {item.code: f"What {item.code} means. And what to do about it." for item in samples.FINDINGS}


def lines(made: Iterable[Line]) -> str:
    """Lines as a pipe gets them."""
    stream = io.StringIO()
    terminal.write(made, stream, color=False)
    return stream.getvalue()


REPORT = Subject(
    "apply",
    4,
    plan=samples.PLAN,
    run=samples.RUN,
    diagnostics=samples.FINDINGS,
    edges={samples.TWO: (samples.ONE,), samples.HOOK: (samples.ONE, samples.TWO)},
    source="https://git.example.com/owner/name/blob/0123abc",
)

CASES: dict[str, Callable[[], str]] = {
    "plan.txt": lambda: lines(terminal.plan_lines(samples.PLAN, samples.source)),
    "plan.json": lambda: documents.text(documents.plan_document(samples.PLAN)),
    "plan-empty.txt": lambda: lines(terminal.plan_lines(samples.EMPTY, samples.source)),
    "plan-empty.json": lambda: documents.text(documents.plan_document(samples.EMPTY)),
    "drift.txt": lambda: lines(terminal.drift_lines(samples.PLAN, samples.source)),
    "drift.json": lambda: documents.text(documents.drift_document(samples.PLAN, 2)),
    "drift-none.txt": lambda: lines(terminal.drift_lines(samples.EMPTY, samples.source)),
    "run.txt": lambda: lines(terminal.run_lines(samples.RUN)),
    "run.json": lambda: documents.text(documents.run_document(samples.RUN)),
    "verify.txt": lambda: lines(terminal.outcome_lines(samples.RUN.outcomes)),
    "verify.json": lambda: documents.text(documents.verify_document(4, samples.RUN.outcomes)),
    "validate.txt": lambda: lines(terminal.diagnostic_lines(samples.FINDINGS, samples.source)),
    "validate.json": lambda: documents.text(documents.validate_document(samples.FINDINGS)),
    "report.html": lambda: html.text(REPORT),
    "history.txt": lambda: lines(terminal.history_lines(samples.HISTORY)),
    "history.json": lambda: documents.text(documents.history_document(samples.HISTORY)),
}

for _name, _subject in SUBJECTS.items():
    CASES[f"{_name}.md"] = partial(markdown.text, _subject)
    CASES[f"{_name}.github.txt"] = partial(github.text, _subject)
    CASES[f"{_name}.junit.xml"] = partial(junit.text, _subject)
CASES["plan.sarif.json"] = lambda: documents.text(sarif.document(PLAN, RULES, "0.1.0"))
CASES["validate.sarif.json"] = lambda: documents.text(sarif.document(VALIDATE, RULES, "0.1.0"))


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_report_reads_as_agreed(name: str) -> None:
    """Jobs parse these and people know them by heart: a change must be seen in review, not in production."""
    shown = CASES[name]()
    if os.environ.get("UPDATE_GOLDEN"):
        (HERE / name).write_text(shown, encoding="utf-8")
    assert shown == (HERE / name).read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_case() -> None:
    """A file that nothing compares looks like a promise and is none."""
    assert {path.name for path in HERE.iterdir() if path.suffix not in {".py", ".pyc", ""}} == set(CASES)
