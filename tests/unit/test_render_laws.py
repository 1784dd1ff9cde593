"""What holds of every plan and every text, not only of the samples."""

from __future__ import annotations

import contextlib
import io
import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import render_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.conceal import HIDDEN
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.model.resource import Guard
from reconciler.render import json as documents
from reconciler.render import schema, terminal, view
from reconciler.render.excerpt import excerpt
from reconciler.render.terminal import Line

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"

names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
texts = st.text(st.characters(), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
digests = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
addresses = st.builds(Address, names, st.sampled_from(["Endpoint", "Webhook"]), names)
positions = st.none() | st.builds(Position, texts, st.integers(1, 10**6), st.integers(1, 10**4))
labels = st.integers(1, 99).map(lambda number: f"(sensitive #{number})")


@st.composite
def field_changes(draw: st.DrawFn) -> FieldChange:
    """A field whose sides are values, labels, or not there."""
    sensitive = draw(st.booleans())
    sides = st.just(ABSENT) | (labels if sensitive else values)
    path = "/spec/" + draw(names)
    return FieldChange(path, draw(sides), draw(sides), draw(st.sampled_from(Origin)), sensitive, draw(positions))


changes = st.builds(
    Change,
    addresses,
    st.sampled_from([action for action in Action if action is not Action.NOOP]),
    texts,
    st.lists(field_changes(), max_size=3).map(tuple),
    st.sampled_from(Guard),
    st.builds(Reversible, st.sampled_from(Undo), texts),
    st.lists(addresses, max_size=2).map(tuple),
    positions,
)
findings = st.builds(
    Diagnostic,
    st.sampled_from(Severity),
    st.from_regex(r"[A-Z]{3,8}[0-9]{3}", fullmatch=True),
    texts,
    texts,
    positions,
    st.none() | addresses,
    st.none() | st.just("/spec/model"),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any plan whose summary counts its changes."""
    made = tuple(draw(st.lists(changes, max_size=3)))
    counts = {a.value: sum(c.action is a for c in made) for a in Action if a is not Action.NOOP}
    return Plan(
        draw(st.sampled_from(Mode)),
        Basis(
            draw(st.none() | texts),
            draw(digests),
            draw(st.integers(0, 10**6)),
            draw(texts),
            draw(st.booleans()),
            draw(st.dictionaries(addresses.map(str), digests, max_size=2)),
        ),
        made,
        tuple(draw(st.lists(changes, max_size=2))),
        tuple(draw(st.lists(findings, max_size=2))),
        Summary(**counts, unchanged=draw(st.integers(0, 9)), drifted=draw(st.integers(0, 9))),
        draw(st.booleans()),
        draw(digests),
        draw(texts),
    )


@given(plans())
def test_a_plan_file_is_the_plan(plan: Plan) -> None:
    """What is approved from a file must be what was planned, whatever it holds."""
    read = documents.plan_from_document(json.loads(documents.text(documents.plan_document(plan))))
    assert read == plan


@given(plans())
def test_a_document_is_plain_json_that_its_schema_describes(plan: Plan) -> None:
    """Others build on the schema: it must describe every document, and every member of it."""
    document = documents.plan_document(plan)
    assert json.loads(json.dumps(document)) == document
    Draft7Validator(closed(schema.schema("plan"))).validate(document)
    Draft7Validator(schema.schema("drift")).validate(documents.drift_document(plan, 2))


def closed(node: Any) -> Any:
    """The schema without room for members that it does not name."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: closed(item) for key, item in node.items()}
    whole = node.get("type") == "object" and "required" in node
    return {**inner, "additionalProperties": False} if whole else inner


@pytest.mark.parametrize("name", schema.names())
def test_a_published_schema_is_the_one_in_the_tool(name: str) -> None:
    """A schema that only looks published would be believed for years."""
    Draft7Validator.check_schema(schema.schema(name))
    assert (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8") == schema.schema_text(name)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("plan", documents.plan_document(samples.PLAN)),
        ("plan", documents.plan_document(samples.EMPTY)),
        ("run", documents.run_document(samples.RUN)),
        ("validate", documents.validate_document(samples.FINDINGS)),
        ("validate", documents.validate_document(())),
    ],
)
def test_the_schema_knows_every_member(name: str, document: object) -> None:
    """A member that is printed and not described is used by somebody, and then changed."""
    Draft7Validator(closed(schema.schema(name))).validate(document)


def places(node: Any, at: tuple[str | int, ...] = ()) -> Iterable[tuple[str | int, ...]]:
    """Every place in a document."""
    yield at
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in pairs:
        yield from places(item, (*at, key))


def replaced(node: Any, at: tuple[str | int, ...], value: Any) -> Any:
    """A copy of the document with another value at one place."""
    if not at:
        return value
    made: Any = dict(node) if isinstance(node, dict) else list(node)
    made[at[0]] = replaced(node[at[0]], at[1:], value)
    return made


DOCUMENT = json.loads(documents.text(documents.plan_document(samples.PLAN)))


@given(st.sampled_from(list(places(DOCUMENT))), values | st.just(-1) | st.just("sha256:"))
def test_a_damaged_plan_file_is_refused_or_read_never_a_crash(at: tuple[str | int, ...], value: Any) -> None:
    """A plan file travels through artifacts and hands: damage must be said, not be a traceback."""
    with contextlib.suppress(ValueError):
        documents.plan_from_document(replaced(DOCUMENT, at, value))


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        ((), [], "the document is no object"),
        (("format_version",), "2.0", "this tool reads 1.0"),
        (("complete",), "yes", "/complete is no true or false"),
        (("summary", "delete"), 0, "/summary/delete does not count"),
        (("basis", "ledger_serial"), True, "/basis/ledger_serial is no whole number"),
        (("changes", 0, "address"), "prod/Endpoint/other", "/changes/0/address is not its gateway, kind and name"),
        (("changes", 1, "action"), "destroy", "/changes/1/action is none of"),
        (("changes", 1, "fields", 0, "sensitive"), 1, "/changes/1/fields/0/sensitive is no true or false"),
        (("changes", 1, "depends_on"), ["nonsense"], "/changes/1/depends_on"),
        (("diagnostics", 0, "line"), None, "/diagnostics/0/line is no whole number"),
    ],
)
def test_a_plan_file_is_read_strictly_and_says_where_it_is_wrong(
    at: tuple[str | int, ...], value: Any, words: str
) -> None:
    """Whoever approves by a file must not be shown a guess."""
    with pytest.raises(ValueError, match=re.escape(words)):
        documents.plan_from_document(replaced(DOCUMENT, at, value))


def test_members_of_a_later_minor_version_are_passed_over() -> None:
    """Minor versions only add: an older tool in a job must still read the newer file."""
    newer = {**DOCUMENT, "format_version": "1.7", "signature": {"by": "somebody"}}
    assert documents.plan_from_document(newer) == documents.plan_from_document(DOCUMENT)


def shown(made: Iterable[Line]) -> str:
    """Lines as a pipe gets them."""
    stream = io.StringIO()
    terminal.write(made, stream, color=False)
    return stream.getvalue()


@given(plans(), texts)
def test_nothing_invisible_reaches_a_terminal(plan: Plan, line: str) -> None:
    """What a stranger's manifest holds must not move the cursor, turn the text, or start a line of its own."""
    lines = shown(terminal.plan_lines(plan, lambda _: line)).split("\n")
    lines += shown(terminal.drift_lines(plan, lambda _: line)).split("\n")
    lines += documents.text(documents.plan_document(plan)).split("\n")
    for text in lines:
        assert view.clean(text) == text
        assert not text.lstrip().startswith(("::", "##["))
    bound = len(plan.changes) * 8 + len(plan.drift) * 4 + len(plan.diagnostics) * 5 + 6
    assert len(shown(terminal.plan_lines(plan, lambda _: line)).splitlines()) <= bound


@given(values.filter(lambda value: value not in (None, "")))
def test_a_sensitive_field_shows_labels_whatever_it_was_given(value: Any) -> None:
    """Should a value ever get into a sensitive field, no renderer is the place where it gets out."""
    field = FieldChange("/spec/apiKey", value, samples.CANARY, Origin.SECRET, sensitive=True)
    change = Change(samples.ONE, Action.UPDATE, "x", (field,))
    plan = Plan(Mode.APPLY, Basis(), (change,), (change,), (), Summary(update=1), complete=True, digest=samples.SHA)
    text = shown(terminal.plan_lines(plan, samples.source)) + documents.text(documents.plan_document(plan))
    assert samples.CANARY not in text
    [shown_field] = documents.plan_document(plan)["changes"][0]["fields"]
    assert shown_field["after"] == "(sensitive)"
    assert "(sensitive) → (sensitive)" in text or str(value).startswith("(sensitive")


def test_text_that_looks_like_a_label_stays_text() -> None:
    """A display name must not be able to pass for a secret, nor for a value that is not there."""
    fields = tuple(FieldChange(f"/spec/{n}", "(nothing)", "(sensitive #1)", Origin.CONFIG) for n in range(2))
    change = Change(samples.ONE, Action.UPDATE, "x", fields)
    plan = Plan(Mode.APPLY, Basis(), (change,), (), (), Summary(update=1), complete=True, digest=samples.SHA)
    assert '"(nothing)" → "(sensitive #1)"' in shown(terminal.plan_lines(plan, samples.source))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=250), st.integers(1, 300))
def test_the_caret_stands_below_its_character(line: str, column: int) -> None:
    """A caret under the wrong character sends people to the wrong place; wide and hidden characters included."""
    found = excerpt(line, column)
    assert len(found.text) <= 12 * 102
    if column <= len(line) and HIDDEN not in found.text:
        marked = view.clean(line[column - 1].expandtabs(1))
        rest, cells = found.text, 0
        while cells < found.indent:
            cells += excerpt(rest[0] + "|", 2).indent
            rest = rest[1:]
        marks = "".join(c for c in rest if unicodedata.combining(c))
        assert rest.startswith(marked) or rest.lstrip(marks).startswith(marked.lstrip(marks))


@pytest.mark.parametrize(
    ("line", "column", "code", "expected"),
    [
        ("apiKey: sk-in-clear-01", 9, "KIND006", "apiKey: (hidden)"),
        ("    apiKey: 'sk-in-clear-01'", 13, "YAML003", "    apiKey: (hidden)"),
        ('- {keyId: a, "apiKey": sk-in-clear-01, priority: 1}', 40, "KIND003", '- {keyId: a, "apiKey": (hidden)'),
        ("header: {name: X, value: sk-in-clear-01}", 16, "KIND005", "header: {name: X, value: (hidden)"),
        ("clientSecret: sk-in-clear-01", 1, "KIND003", "clientSecret: (hidden)"),
        ("bearer: sk-in-clear-01", 1, "KIND003", "bearer: (hidden)"),
        ("odd: sk-in-clear-01", 6, "KIND006", "odd: (hidden)"),
        ("apiKey: {env: NAME}", 1, "KIND003", "apiKey: {env: NAME}"),
        ("secretive: text", 1, "KIND003", "secretive: text"),
        ("tokenUrl: /oauth/token", 1, "KIND003", "tokenUrl: /oauth/token"),
        ("apiKey:   # see below", 1, "KIND004", "apiKey:   # see below"),
    ],
)
def test_a_secret_in_clear_is_not_repeated_in_the_log(line: str, column: int, code: str, expected: str) -> None:
    """Whoever pasted a key into a manifest must not have it printed by the check that refuses it."""
    assert excerpt(line, column, code).text == expected


@pytest.mark.parametrize(
    ("summary", "footer"),
    [
        (Summary(), "No changes."),
        (Summary(unchanged=9, unmanaged=2, drifted=1), "No changes."),
        (Summary(create=1, update=2), "Plan: 1 to create, 2 to update, 0 to delete."),
        (Summary(adopt=3), "Plan: 0 to create, 0 to update, 0 to delete, 3 to adopt."),
        (
            Summary(1, 2, 3, 4, 5, 6),
            "Plan: 1 to create, 2 to update, 4 to delete, 3 to replace, 5 to adopt, 6 to forget.",
        ),
    ],
)
def test_the_footer_counts_everything_that_would_happen(summary: Summary, footer: str) -> None:
    """It is the line that people and scripts look at first, and often the only one."""
    assert view.footer(summary) == footer
    plan = Plan(Mode.APPLY, Basis(), (), (), (), summary, complete=True, digest=samples.SHA)
    assert shown(terminal.plan_lines(plan, samples.source)).splitlines()[-1] == footer


def test_colour_adds_nothing_but_colour() -> None:
    """The words must say everything: some people and all logs see no colours."""
    stream = io.StringIO()
    terminal.write(terminal.plan_lines(samples.EMPTY, samples.source), stream, color=True)
    assert stream.getvalue().count("\x1b[") > 0
    plain = "".join(part.split("m", 1)[-1] for part in stream.getvalue().split("\x1b["))
    assert plain == shown(terminal.plan_lines(samples.EMPTY, samples.source))


@given(st.text(max_size=3), st.text(max_size=3), st.integers(0, 500), st.integers(0, 500))
def test_two_values_never_look_the_same(one: str, other: str, lead: int, tail: int) -> None:
    """A prompt of a thousand characters whose last word changed must not be approved as no change at all."""
    before, after = ("a" * lead + middle + "b" * tail for middle in (one, other))
    shown = view.words(FieldChange("/spec/prompt", before, after, Origin.CONFIG))
    assert (shown[0] == shown[1]) == (before == after)
    assert max(map(len, shown)) <= view.LONGEST_VALUE
