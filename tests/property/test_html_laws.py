"""What holds of every HTML report, whatever names and values are in it."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import render_samples as samples
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.resource import Guard
from reconciler.model.run import Cause, Check, Outcome, Residue, Run, RunStatus, Status, Verdict
from reconciler.render import html, view
from reconciler.render.page.layers import Layout, layout
from reconciler.render.subject import Subject

PIECES = (
    "</details>",
    "</script>",
    "</title>",
    "</style>",
    "<!--",
    "-->",
    "<img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "' x='",
    "`${1}`",
    "&lt;b&gt;",
    "&#60;",
    "$title",
    "${script}",
    "javascript:alert(1)",
    "]]>",
    "\u2028",
    "\u202e",
    "\x1b[31m",
    "\x00",
    "\ud800",
    "a",
    " ",
)
hostile = st.lists(st.sampled_from(PIECES), max_size=4).map("".join) | st.text(max_size=8)
names = hostile.filter(bool)
positions = st.builds(Position, names, st.integers(1, 99), st.integers(1, 99))
addresses = st.builds(Address, names, names, names)
fields = st.builds(
    FieldChange,
    names.map("/spec/{}".format),
    hostile | st.just(ABSENT) | st.dictionaries(hostile, hostile, max_size=1),
    hostile | st.just(ABSENT),
    st.sampled_from(Origin),
    st.booleans(),
    st.none() | positions,
)
changes = st.builds(
    Change,
    addresses,
    st.sampled_from([action for action in Action if action is not Action.NOOP]),
    hostile,
    st.lists(fields, max_size=2).map(tuple),
    st.sampled_from(Guard),
    st.builds(Reversible, st.sampled_from(Undo), hostile),
    st.lists(addresses, max_size=2).map(tuple),
    st.none() | positions,
)
findings = st.builds(
    Diagnostic,
    st.sampled_from(Severity),
    st.just("KIND001"),
    hostile,
    hostile,
    st.none() | positions,
    st.none() | addresses,
    hostile,
)
outcomes = st.builds(
    Outcome,
    addresses,
    st.sampled_from(Action),
    st.sampled_from(Status),
    duration_ms=st.floats(0, 1e6),
    checks=st.builds(Check, hostile, st.sampled_from(Verdict), hostile, hostile, hostile).map(lambda check: (check,)),
    error=st.none() | hostile,
    healthy=st.booleans(),
)


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """A report in which every text is somebody else's."""
    made = tuple(draw(st.lists(changes, max_size=3)))
    drift = tuple(draw(st.lists(changes, max_size=2)))
    basis = replace(samples.PLAN.basis, commit=draw(hostile), tool_version=draw(hostile))
    plan = replace(samples.PLAN, changes=made, drift=drift, basis=basis, created_at=draw(hostile), digest=draw(hostile))
    done = tuple(draw(st.lists(outcomes, max_size=2)))
    residue = tuple(Residue(outcome.address, draw(hostile), Cause.ORDER, draw(hostile)) for outcome in done)
    run = Run(draw(hostile), RunStatus.FAILED, 1, done, residue)
    edges = draw(st.dictionaries(addresses, st.lists(addresses, max_size=2).map(tuple), max_size=2))
    return Subject(
        draw(st.sampled_from(["plan", "apply", "drift", "verify", "validate"])),
        1,
        draw(st.none() | st.just(plan)),
        draw(st.none() | st.just(run)),
        done,
        tuple(draw(st.lists(findings, max_size=2))),
        edges,
        draw(st.sampled_from(["", "https://git.example.com/o/n/blob/c", "javascript:alert(1)//"]) | hostile),
    )


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "script", "body", "header", "nav", "main", "section", "footer"),
    *("a", "b", "button", "code", "dd", "del", "details", "div", "dl", "dt", "form", "h1", "h2", "input", "ins", "kbd"),
    *("label", "li", "mark", "option", "p", "select", "span", "summary", "table", "tbody", "td", "th", "thead", "tr"),
    *("ul", "svg", "g", "rect", "path", "text"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "href", "id", "type", "title", "hidden", "role"),
    *("aria-label", "aria-labelledby", "aria-pressed", "aria-hidden", "tabindex", "placeholder", "value", "open"),
    *("scope", "colspan", "rel", "width", "height", "viewbox", "d", "x", "y", "rx", "data-in", "data-facet"),
    *("data-value", "data-list", "data-action", "data-kind", "data-gateway", "data-status", "data-severity"),
    *("data-node", "data-ends"),
}
ALONE = {"meta", "input", "path", "rect"}


class Reader(HTMLParser):
    """Reads a page as strictly as a browser is lenient: everything that is opened must be closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.odd: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.odd.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@given(subjects())
def test_text_never_becomes_markup(subject: Subject) -> None:
    """A report shows what others wrote, to people with the right to approve it."""
    page = html.text(subject)
    page.encode()
    reader = read(page)
    assert reader.open == []
    assert reader.odd == []
    assert set(reader.seen) <= ELEMENTS
    assert reader.attributes <= ATTRIBUTES
    assert (reader.seen["script"], reader.seen["style"], reader.seen["title"] - len(_nodes(page))) == (1, 1, 1)
    assert all(link.startswith(("#", "https://", "http://")) for link in reader.links)
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)


def _nodes(page: str) -> list[str]:
    return re.findall(r'<g class="node', page)


@settings(max_examples=30)
@given(subjects())
def test_what_cannot_be_seen_is_spelled_out(subject: Subject) -> None:
    """Text that turns round, or hides, would let somebody approve another value than the one shown."""
    body = html.text(subject).split("<body>", 1)[1].rsplit("<script>", 1)[0]
    assert view.clean(body.replace("\n", "")) == body.replace("\n", "")


def test_a_sensitive_field_shows_a_label_whatever_it_holds() -> None:
    """The last gate before a page that is kept, copied and sent round."""
    field = FieldChange("/spec/apiKey", samples.CANARY, samples.CANARY + "2", Origin.BOTH, sensitive=True)
    change = Change(samples.ONE, Action.UPDATE, "changed", (field,))
    plan = replace(samples.PLAN, changes=(change,), drift=(change,))
    page = html.text(Subject("plan", 2, plan=plan))
    assert samples.CANARY not in page
    assert "(sensitive)" in page


def test_the_policy_lets_in_only_what_is_there() -> None:
    """Should text become markup after all, it must still not run."""
    page = html.text(Subject("plan", 2, plan=samples.PLAN))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for name in ("script", "style"):
        body = page.split(f"<{name}>", 1)[1].split(f"</{name}>", 1)[0]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert rules[f"{name}-src"] == f"'sha256-{digest}'"
    assert not re.search(r"""\s(?:src|action|srcset)=|url\(|@import""", page)


@given(st.lists(st.sampled_from(list(Action)[1:]), max_size=12))
def test_everything_planned_is_listed_once(actions: Sequence[Action]) -> None:
    """What the list leaves out is approved unseen."""
    made = tuple(Change(Address("prod", "Endpoint", f"ep-{n}"), action, "") for n, action in enumerate(actions))
    page = html.text(Subject("plan", 2, plan=replace(samples.PLAN, changes=made, drift=())))
    assert [page.count(f'id="change-{number}"') for number in range(1, len(made) + 2)] == [1] * len(made) + [0]


def test_two_changes_of_one_name_are_told_apart() -> None:
    """A gateway may hold two webhooks of one name: a link to the second must not lead to the first."""
    plan = replace(samples.PLAN, changes=samples.CHANGES[:1] * 2)
    assert Counter(read(html.text(Subject("plan", 2, plan=plan))).ids).most_common(1)[0][1] == 1


def test_the_same_report_is_the_same_text() -> None:
    """A page that differs from run to run cannot be compared with the one that was approved."""
    assert html.text(Subject("plan", 2, plan=samples.PLAN)) == html.text(Subject("plan", 2, plan=samples.PLAN))


small = st.integers(0, 40).map(lambda number: Address("prod", "Endpoint", f"ep-{number:02}"))
graphs = st.dictionaries(small, st.lists(small, max_size=4).map(tuple), max_size=41)


def overlapping(made: Layout) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Pairs of boxes in one column that are nearer than a row."""
    spots = sorted(made.spots.values())
    return [(a, b) for a, b in pairwise(spots) if a[0] == b[0] and b[1] - a[1] < 1 - 1e-9]


@given(graphs, st.integers(1, 8))
def test_a_graph_is_drawn_whole_and_without_overlap(edges: Mapping[Address, Sequence[Address]], width: int) -> None:
    """A box under another is a change that nobody sees; circles of dependencies are findings, not crashes."""
    nodes = {*edges, *(to for targets in edges.values() for to in targets)}
    made = layout(nodes, edges, width)
    assert set(made.spots) == nodes
    assert {(node, to) for node, to, _ in made.ways} == {(n, to) for n, all_ in edges.items() for to in all_ if n != to}
    assert overlapping(made) == []
    assert all(0 <= x < made.columns and -1e-9 <= y <= made.rows - 1 + 1e-9 for x, y in made.spots.values())


@given(graphs)
def test_dependencies_stand_to_the_left(edges: Mapping[Address, Sequence[Address]]) -> None:
    """The picture is read as the order of execution."""
    downward = {node: tuple(to for to in targets if to < node) for node, targets in edges.items()}
    made = layout([*edges, *(to for targets in edges.values() for to in targets)], downward, 5)
    assert all(made.spots[to][0] < made.spots[node][0] for node, to, _ in made.ways)


MOST_CALLS = 200_000
"""Functions that begin and end, as Python's profiler counts them: twice what it takes, which grows with the nodes."""


@pytest.mark.parametrize("shape", ["chain", "star", "alone"])
def test_five_hundred_nodes_are_laid_out_in_no_time(shape: str) -> None:
    """The graph is part of each report: it must not be what a job waits for."""
    nodes = [Address("prod", "Endpoint", f"ep-{number:03}") for number in range(500)]
    edges = {
        "chain": {node: (nodes[at],) for at, node in enumerate(nodes[1:])},
        "star": dict.fromkeys(nodes[1:], (nodes[0],)),
        "alone": {},
    }[shape]
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        made = layout(nodes, edges, 5)
    finally:
        sys.setprofile(before)
    assert calls < MOST_CALLS
    assert len(made.spots) == 500
    assert overlapping(made) == []
