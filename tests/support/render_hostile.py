"""Subjects in which every text that is anybody's does its worst, and carries a letter by which it is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import render_samples as samples
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.model.resource import Guard
from reconciler.model.run import Cause, Check, Outcome, Residue, Run, RunStatus, Status, Verdict
from reconciler.render.subject import Subject

MARK = "Ж"
"""In every text that is anybody's and in none of the tool's own."""

SOURCE = "https://code.example.com/owner/name/blob/0123abc"

NASTY = (
    "@everyone",
    "#123",
    "owner/name#7",
    "https://evil.example.com/x",
    "www.evil.example.com",
    "me@evil.example.com",
    "[click](https://evil.example.com)",
    "![](https://evil.example.com/x.png)",
    "<img src=x onerror=alert(1)>",
    "</details>",
    "</summary></code><script>",
    "<!-- reconciler:plan -->",
    "-->",
    "`",
    "```",
    "```\n",
    "`" * 100,
    "~~~",
    "|",
    "\\|",
    "\\",
    "%0A::error::x",
    "\n::error::x",
    "\r\n##[error]x",
    "\n\n# heading",
    "\n- item",
    "\n    indented",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "\u2028",
    "\ufffe\uffff\ud800\x00\x0b",
    "&#64;x",
    "]]>",
    "]](",
    "{0} {x}",
    '"',
    "'",
    "../../..",
    "a,b=c::d",
    " ",
)

texts = (
    st.lists(st.sampled_from(NASTY) | st.text(max_size=5) | st.text("`|<>@#[]()!*_~\\&;:/. \n", max_size=9), max_size=4)
    .map("".join)
    .map(lambda text: f"{text}{MARK}{text}")
)
addresses = st.builds(Address, texts, st.sampled_from(["Endpoint", "Webhook"]), texts)
positions = st.none() | st.builds(Position, texts, st.integers(1, 10**6), st.integers(1, 10**4))
values = st.just(ABSENT) | texts | st.lists(texts, max_size=2) | st.dictionaries(texts, texts, max_size=2)
secrets = st.just(ABSENT) | st.just(samples.CANARY) | st.just("(sensitive #1)")
fields = st.builds(FieldChange, texts.map("/spec/{}".format), values, values, st.sampled_from(Origin)) | st.builds(
    FieldChange, texts.map("/spec/{}".format), secrets, secrets, st.just(Origin.SECRET), st.just(value=True)
)
changes = st.builds(
    Change,
    addresses,
    st.sampled_from([action for action in Action if action is not Action.NOOP]),
    texts,
    st.lists(fields, max_size=3).map(tuple),
    st.sampled_from(Guard),
    st.builds(Reversible, st.sampled_from(Undo), texts),
    position=positions,
)
findings = st.builds(
    Diagnostic, st.sampled_from(Severity), texts, texts, texts, positions, st.none() | addresses, st.none() | texts
)
checks = st.builds(Check, texts, st.sampled_from(Verdict), texts, st.none() | texts, st.none() | texts)
outcomes = st.builds(
    Outcome,
    addresses,
    st.sampled_from(Action),
    st.sampled_from(Status),
    duration_ms=st.floats(0, 10**6),
    checks=st.lists(checks, max_size=2).map(tuple),
    error=st.none() | texts,
    healthy=st.booleans(),
)
residues = st.builds(Residue, addresses, texts, st.sampled_from(Cause), texts, texts)


def plan_of(changes: Iterable[Change], drift: Iterable[Change] = (), found: Iterable[Diagnostic] = ()) -> Plan:
    """A plan whose summary counts its changes."""
    made = tuple(changes)
    counts = {a.value: sum(c.action is a for c in made) for a in Action if a is not Action.NOOP}
    moved = tuple(drift)
    summary = Summary(**counts, unchanged=3, drifted=len(moved))
    return Plan(Mode.APPLY, Basis(), made, moved, tuple(found), summary, complete=True, digest=samples.SHA)


def planning(count: int, gateways: int = 1) -> Subject:
    """A plan of many changes over some gateways, with a finding that stops it."""
    field = FieldChange("/spec/model", "gpt-4-turbo", "gpt-4o", Origin.CONFIG)
    made = (
        Change(Address(f"gw-{n % gateways}", "Endpoint", f"ep-{n}"), Action.UPDATE, "changed", (field,))
        for n in range(count)
    )
    return Subject("plan", 3, plan_of(made, (), samples.FINDINGS), diagnostics=samples.FINDINGS)


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    """Any command with any of its parts."""
    found = tuple(draw(st.lists(findings, max_size=3)))
    done = tuple(draw(st.lists(outcomes, max_size=3)))
    left = tuple(draw(st.lists(residues, max_size=2)))
    plan = plan_of(draw(st.lists(changes, max_size=3)), draw(st.lists(changes, max_size=2)), found)
    return Subject(
        draw(st.sampled_from(["validate", "plan", "drift", "apply", "verify"])),
        draw(st.sampled_from([0, 1, 2, 3, 4])),
        draw(st.none() | st.just(plan) | st.just(replace(plan, complete=False))),
        draw(st.none() | st.just(Run("0123456789ab", RunStatus.UNHEALTHY, 4, done, left, found))),
        done,
        found,
        source=draw(st.sampled_from(["", SOURCE])),
    )
