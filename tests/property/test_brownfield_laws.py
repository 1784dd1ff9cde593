"""Laws of taking over: what is imported is planned empty, and text is changed where it must and nowhere else."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.engine import adopted
from reconciler.manifest import LoadOptions, load
from reconciler.manifest.arrange import arranged, example
from reconciler.manifest.compose import Taken, compose
from reconciler.manifest.emit import inline, text_of
from reconciler.manifest.parse import parse
from reconciler.manifest.splice import with_value, without
from reconciler.model.address import Address
from reconciler.model.live import Live, Observed
from reconciler.model.memory import LedgerSnapshot
from reconciler.planning import PlanOptions, World, make_plan, readdressed
from reconciler.platforms.cxone import PLATFORM

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: prod}
spec: {platform: cxone, url: "https://gateway.example.com"}
"""
WRITE_ONLY = {kind: c.write_only for kind, c in PLATFORM.capabilities.kinds.items()}

TRAPS = [
    "no",
    "~",
    "1e3",
    "0012345",
    "0x1F",
    "12:30",
    "null",
    "a: b",
    "x #y",
    "- z",
    "{",
    "'",
    '"',
    "\\",
    "\u2028",
    " b ",
]
TEXT = st.one_of(st.sampled_from(TRAPS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
WORD = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=12)
NUMBERS = {"requestsPerMinute": 10_000, "concurrentConnections": 100, "maxTokensPerRequest": 3_000_000}
LIMITS = st.one_of(
    st.just(dict.fromkeys(NUMBERS, 5)),
    st.fixed_dictionaries({name: st.integers(1, most) for name, most in NUMBERS.items()}),
)
KEYS = st.dictionaries(
    st.one_of(st.sampled_from(["key-1", "k.2", "007"]), WORD),
    st.tuples(st.integers(0, 9), st.sampled_from(["", "aaaa", "bbbb"])),
    min_size=1,
    max_size=3,
)


@st.composite
def endpoints(draw: st.DrawFn) -> Sequence[Live]:
    """Endpoints of one gateway, named by people who know no rules."""
    found = []
    ids = draw(st.lists(st.one_of(st.sampled_from(["ep-1", "EP 1", "Ep_1", "1", "no"]), TEXT), unique=True, max_size=5))
    for remote_id in ids:
        keys = draw(KEYS)
        spec = {
            "displayName": draw(TEXT),
            "provider": draw(st.sampled_from(["openai", "azure"])),
            "model": draw(st.one_of(WORD, TEXT)),
            "credentials": {key: {"priority": rank} for key, (rank, _) in keys.items()},
            "rateLimits": draw(LIMITS),
            "fallbackStrategy": "failover",
        }
        hints = {f"/spec/credentials/{key}/apiKey": hint for key, (_, hint) in keys.items()}
        found.append(Live(Address("prod", "Endpoint", remote_id), remote_id, spec, hints=hints))
    return found


@st.composite
def webhooks(draw: st.DrawFn) -> Sequence[Live]:
    """Webhooks, some of one name."""
    found = []
    for number, name in enumerate(draw(st.lists(st.one_of(st.sampled_from(["costs", "Costs"]), TEXT), max_size=4))):
        url = draw(
            st.sampled_from(["https://a.example.com/x", f"https://b.example.com/{number}", "http://a.example.com"])
        )
        spec = {"name": name, "url": url, "events": ["endpoint.created", "endpoint.updated"]}
        found.append(Live(Address("prod", "Webhook", name), f"wh-{number}", spec))
    return found


@settings(max_examples=80, deadline=None)
@given(endpoints(), webhooks())
def test_import_then_plan_is_empty(made: Sequence[Live], hooks: Sequence[Live]) -> None:
    """Whatever a gateway holds: what is imported is unchanged, what is not was said, and both together are all."""
    objects = (*made, *hooks)
    composed = compose("prod", {}, objects, WRITE_ONLY, Taken())
    assert len(composed.objects) + len(composed.left_out) == len(objects)
    files = arranged("prod", composed, ())
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for file, text in {"gateway.yaml": GATEWAY, **files}.items():
            (root / file).write_text(text, encoding="utf-8", newline="")
        desired = load([root], LoadOptions(root))
    assert desired.diagnostics == ()
    assert set(desired.resources) == set(composed.objects)
    resources = {address: PLATFORM.normalize(r) for address, r in desired.resources.items()}
    entries = {address: adopted(resources[address], live, None) for address, live in composed.objects.items()}
    world = World(
        desired=type(desired)(desired.gateways, resources),
        observed=readdressed({"prod": Observed("prod", objects)}, resources, entries),
        ledger=LedgerSnapshot(1, entries),
        capabilities={"prod": PLATFORM.capabilities},
        fingerprint=lambda _gateway, _ref: None,
    )
    plan = make_plan(world, PlanOptions())
    assert plan.changes == ()
    assert plan.drift == ()
    assert plan.summary.unchanged == len(composed.objects)
    variables = [str(ref) for resource in resources.values() for ref in resource.secrets.values()]
    named = [f"env:{variable}" for variable, _ in example(composed)]
    assert set(variables) == set(named)
    assert len(named) == len(set(named))


@settings(max_examples=80, deadline=None)
@given(endpoints())
def test_keys_are_shared_only_where_the_gateway_shows_that_they_are_equal(made: Sequence[Live]) -> None:
    """A wrong guess would send one team's key to another team's endpoint."""
    composed = compose("prod", {}, made, WRITE_ONLY, Taken())
    users: dict[str, list[Live]] = {}
    for document in composed.documents.get("Endpoint", ()):
        if isinstance(document["spec"]["credentials"], str):
            address = Address("prod", "Endpoint", document["metadata"]["name"])
            users.setdefault(document["spec"]["credentials"], []).append(composed.objects[address])
    for lives in users.values():
        assert len(lives) > 1
        for live in lives:
            assert live.hints == lives[0].hints
            assert all(live.hints.values())
            assert live.spec["credentials"] == lives[0].spec["credentials"]


VALUES = st.recursive(
    st.one_of(TEXT, st.integers(-5, 10**9), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


def read_back(text: str) -> Any:
    """What the strict reader takes from a text; nothing may be refused."""
    problems: list[Any] = []
    (document,) = parse(text, lambda *what: problems.append(what))
    assert problems == []
    return document.data


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_what_is_written_is_read_back(spec: Mapping[str, Any]) -> None:
    """A text that reads as a number, a comment or a list would be another manifest than the one that was meant."""
    document = {"kind": "Any", "metadata": {"name": "x"}, "spec": spec}
    text = text_of([document])
    assert read_back(text) == document
    assert "&" not in text or "&" in str(spec)
    assert read_back(f"a: {{b: {inline(dict(spec))}}}\n") == {"a": {"b": spec}}


SHAPES = st.sampled_from(
    [
        "a: 1  # first\nb:\n  c: old   # kept\n  d: [one, two]\ne: end",
        "# head\r\na: 1\r\nb:\r\n    c: 'old'\r\n    d: 2\r\n",
        '{a: 1, b: {c: "old",  d: 2}, e: x}  # all in one',
        "a: 1\nb: {c: old, d: 2}   # tail\n# end",
        "b:\n  c: old\n\n# gap\n\na: 1\n",
    ]
)


@settings(max_examples=150, deadline=None)
@given(SHAPES, st.one_of(TEXT, st.integers(0, 99)), st.sampled_from([("b", "c"), ("b", "new"), ("a",), ("n", "m")]))
def test_one_value_changes_and_every_other_line_stays(text: str, value: Any, keys: tuple[str, ...]) -> None:
    """Whoever reviews the diff must see the drift and nothing else."""
    changed = with_value(text, keys, value)
    expected = yaml.safe_load(text)
    place = expected
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = value
    assert read_back(changed) == expected
    before, after = text.splitlines(keepends=True), changed.splitlines(keepends=True)
    kept = [line for line in before if line in after or line + "\n" in after]
    assert len(kept) >= len(before) - 1
    assert len(after) <= len(before) + 1


@settings(max_examples=50, deadline=None)
@given(SHAPES, st.sampled_from([("b", "d"), ("a",), ("b", "nothing")]))
def test_a_member_goes_and_every_other_line_stays(text: str, keys: tuple[str, ...]) -> None:
    """The same of what has to go."""
    changed = without(text, keys)
    expected = yaml.safe_load(text)
    place = expected
    for key in keys[:-1]:
        place = place[key]
    place.pop(keys[-1], None)
    assert read_back(changed) == expected
    assert len(set(text.splitlines()) - set(changed.splitlines())) <= 1


def test_a_reference_is_of_the_environment() -> None:
    """References are named so that a shell can set them."""
    live = Live(
        Address("9-prod", "Endpoint", "Ä"),
        "Ä",
        {"provider": "openai", "model": "m", "credentials": {"k.1": {"priority": 1}}, "displayName": "x"},
    )
    composed = compose("9-prod", {}, [live], WRITE_ONLY, Taken(variables=frozenset({"_9_PROD_A_K_1"})))
    ((name, _),) = example(composed)
    assert name == "_9_PROD_A_K_1_2"
