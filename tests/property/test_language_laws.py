"""Laws of the language: no input breaks the reader, and models and schemas agree."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from reconciler import kinds
from reconciler.manifest import LoadOptions, load
from reconciler.manifest.parse import parse
from reconciler.manifest.scalars import AMBIGUOUS, resolve

VALIDATORS = {kind: Draft7Validator(schema) for kind, schema in kinds.schemas().items()}

REF = st.sampled_from([{"env": "KEY"}, {"file": "a/b"}, {"command": ["pass"]}, {"env": "K", "expiresOn": "2027-01-31"}])
BROKEN: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        "",
        "x",
        0,
        -1,
        1.5,
        True,
        [],
        {},
        ["a"],
        {"env": "A", "file": "b"},
        {"env": "9"},
        {"expiresOn": "2027-01-31"},
        10**9,
        "A B",
        {"a": {}},
    ]
)
MATRIX = st.lists(
    st.fixed_dictionaries({"keyId": st.sampled_from("abc"), "priority": st.integers(0, 5), "apiKey": REF}),
    min_size=1,
    max_size=3,
    unique_by=(lambda c: c["keyId"], lambda c: c["priority"]),
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "requestsPerMinute": st.integers(1, 10_000),
        "concurrentConnections": st.integers(1, 100),
        "maxTokensPerRequest": st.integers(1, 2_000_000),
    },
)
METADATA = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "a-b", "x9"])},
    optional={
        "labels": st.dictionaries(st.sampled_from("ab"), st.text(max_size=3), max_size=2),
        "gateways": st.sampled_from(["a", ["a", "b"], {"matchLabels": {"env": "dev"}}]),
    },
)
LIFECYCLE = st.fixed_dictionaries(
    {},
    optional={
        "manage": st.sampled_from(["full", "observe", "create-only", "no-delete"]),
        "protect": st.booleans(),
        "adopt": st.booleans(),
        "ignore": st.lists(st.sampled_from(["/spec/model", "/spec"]), max_size=2),
        "dependsOn": st.lists(st.sampled_from(["Endpoint/a", "Webhook/b"]), max_size=2),
    },
)
SPECS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Endpoint": st.fixed_dictionaries(
        {
            "provider": st.sampled_from(["openai", "azure"]),
            "model": st.sampled_from(["gpt-4o", "m.1:0"]),
            "credentials": st.one_of(st.just("keys"), MATRIX),
        },
        optional={
            "displayName": st.text(st.characters(categories=["L"]), min_size=1, max_size=5),
            "rateLimits": st.one_of(st.just("standard"), LIMITS),
            "timeoutMs": st.integers(1, 1000),
            "rollout": st.sampled_from(["candidate", "in-place"]),
            "readiness": st.just({"quotaBaseline": 5, "deadlineSeconds": 1}),
        },
    ),
    "CredentialMatrix": st.fixed_dictionaries({"credentials": MATRIX}),
    "RateLimit": LIMITS,
    "Webhook": st.fixed_dictionaries(
        {
            "url": st.sampled_from(["https://a.example.com/x", "http://127.0.0.1:8080/x"]),
            "events": st.lists(st.sampled_from(["a.b", "c"]), min_size=1, unique=True),
        },
        optional={"secret": REF},
    ),
}

ROOT_METADATA = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "a-b"])}, optional={"labels": st.just({"team": "support"})}
)
SAMPLING = st.fixed_dictionaries(
    {}, optional={"temperature": st.floats(0, 2), "maxTokens": st.integers(1, 9), "topP": st.just(0.5)}
)
VARIABLES = st.dictionaries(
    st.sampled_from(["last_message", "_x", "x9"]),
    st.fixed_dictionaries(
        {}, optional={"required": st.booleans(), "default": st.text(max_size=3), "maxLength": st.integers(1, 9)}
    ),
    max_size=2,
)
SIGNATURE = st.one_of(
    st.fixed_dictionaries(
        {"secrets": st.lists(REF, min_size=1, max_size=2)},
        optional={"scheme": st.just("hmac"), "header": st.just("X-A")},
    ),
    st.fixed_dictionaries(
        {"scheme": st.just("standard"), "secrets": st.lists(REF, min_size=1, max_size=2)},
        optional={"toleranceSeconds": st.integers(1, 3600)},
    ),
    st.fixed_dictionaries(
        {"scheme": st.sampled_from(["hmac", "standard", "md5"]), "secrets": st.just([{"env": "A"}])},
        optional={"header": st.just("X-A"), "toleranceSeconds": st.just(5)},
    ),
)
SPECS |= {
    "PromptTemplate": st.fixed_dictionaries(
        {"engine": st.sampled_from(["jinja2", "braces", "dollar"]), "user": st.text(min_size=1, max_size=5)},
        optional={"system": st.text(max_size=5), "variables": VARIABLES},
    ),
    "SafetyPolicy": st.fixed_dictionaries(
        {},
        optional={
            "pii": st.lists(
                st.sampled_from(["email", "iban", "presidio:PERSON", "emial", "presidio:x", "plugin:x", "plugin:X"]),
                max_size=3,
            ),
            "onInput": st.sampled_from(["redact", "block", "report"]),
            "onOutput": st.just("block"),
            "blockedTerms": st.lists(
                st.sampled_from(["illegal", "exploit*", "ab*", "a* b", "by-pass* now"]), max_size=3
            ),
            "maxInputCharacters": st.integers(1, 9),
            "region": st.sampled_from(["US", "DE", "us"]),
        },
    ),
    "ResponseSchema": st.fixed_dictionaries(
        {"schema": st.sampled_from([{"type": "object"}, {"properties": {"a": {"type": "string"}}}])},
        optional={"repairAttempts": st.integers(0, 5)},
    ),
    "Pricing": st.fixed_dictionaries(
        {
            "models": st.dictionaries(
                st.sampled_from(["gpt-4o", "m.1:0", "no model"]),
                st.fixed_dictionaries(
                    {"prompt": st.floats(0, 9), "completion": st.integers(0, 9)},
                    optional={"retiresOn": st.sampled_from(["2027-01-31", "2027-1-31", "soon"])},
                ),
                min_size=1,
            )
        },
        optional={"currency": st.sampled_from(["USD", "EUR", "euro"])},
    ),
    "Probe": st.fixed_dictionaries(
        {"endpoints": st.sampled_from(["a", ["a", "b"], {"matchLabels": {"x": "y"}}]), "prompt": st.just("p")},
        optional={
            "variables": st.just({"last_message": "ping"}),
            "expect": st.fixed_dictionaries(
                {},
                optional={
                    "schema": st.just("s"),
                    "maxLatencyMs": st.integers(1, 9),
                    "maxTimeToFirstTokenMs": st.just(5),
                    "maxCostUsd": st.floats(0, 1),
                    "minTokens": st.just(1),
                    "safety": st.just("strict"),
                    "finishReason": st.just("stop"),
                },
            ),
            "sampling": SAMPLING,
            "pricing": st.just("list"),
            "gate": st.booleans(),
            "budget": st.floats(0, 1),
            "cheapest": st.just("models"),
            "deadlineMs": st.integers(1, 9),
        },
    ),
    "Route": st.fixed_dictionaries(
        {"channel": st.sampled_from(["cxone", "cognigy"]), "prompt": st.just("p"), "endpoint": st.just("a")},
        optional={
            "path": st.sampled_from(["/a", "/a/b.c", "/a/", "/a/../b", "a", "/a?b"]),
            "signature": SIGNATURE,
            "history": st.fixed_dictionaries(
                {}, optional={"path": st.just("/b/{botId}"), "turns": st.integers(1, 9), "timeoutMs": st.just(5)}
            ),
            "fallbackModels": st.lists(st.sampled_from(["m", "n.1"]), max_size=2),
            "safety": st.just("strict"),
            "response": st.just("s"),
            "fallback": st.just("Later."),
            "pricing": st.just("list"),
            "sampling": SAMPLING,
            "threshold": st.sampled_from([0, 0.75, 1, 1.01]),
            "deadlineMs": st.integers(1, 9),
        },
    ),
}
FLEET_WIDE = {"PromptTemplate", "SafetyPolicy", "ResponseSchema", "Pricing"}


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in a document."""
    found = [here] if here else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found += paths(child, (*here, key))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The document with another value at a place."""
    if not path:
        return new
    if isinstance(value, dict):
        return {k: changed(v, path[1:], new) if k == path[0] else v for k, v in value.items()}
    return [changed(v, path[1:], new) if i == path[0] else v for i, v in enumerate(value)]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Valid documents, and documents with one thing wrong or added."""
    kind = draw(st.sampled_from(sorted(SPECS)))
    document: dict[str, Any] = {
        "apiVersion": "reconciler/v1",
        "kind": kind,
        "metadata": draw(ROOT_METADATA if kind in FLEET_WIDE else METADATA),
        "spec": draw(SPECS[kind]),
    }
    if kind in {"Endpoint", "Webhook"} and draw(st.booleans()):
        document["lifecycle"] = draw(LIFECYCLE)
    if draw(st.booleans()):
        place = draw(st.sampled_from([p for p in paths(document) if p != ("kind",)]))
        document = changed(document, place, draw(BROKEN))
    if draw(st.integers(0, 5)) == 0:
        document["surprise"] = 1
    return document


def is_twice(document: dict[str, Any]) -> bool:
    """Whether two keys share an id or a priority, which no JSON Schema can forbid: it has a test of its own."""
    spec = document["spec"]
    listed = spec.get("credentials") if isinstance(spec, dict) else None
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    values = [[repr(key.get(name)) for key in keys] for name in ("keyId", "priority")]
    return any(len(set(of_one)) < len(of_one) for of_one in values)


@given(documents().filter(lambda document: not is_twice(document)))
@settings(max_examples=800)
def test_models_and_schemas_accept_the_same_documents(document: dict[str, Any]) -> None:
    """An editor that is content with what the tool refuses, or the other way round, is worse than no editor help."""
    by_model = not list(kinds.problems([document]))
    by_schema = VALIDATORS[document["kind"]].is_valid(document)
    assert by_model == by_schema


def test_uniqueness_within_a_matrix_is_the_one_thing_that_a_schema_cannot_say() -> None:
    """The known exception, so that it stays the only one."""
    twice = [{"keyId": "a", "priority": n, "apiKey": {"env": "A"}} for n in (1, 2)]
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "CredentialMatrix",
        "metadata": {"name": "a"},
        "spec": {"credentials": twice},
    }
    assert VALIDATORS["CredentialMatrix"].is_valid(document)
    assert [problem.keys for _, problem in kinds.problems([document])] == [("spec", "credentials")]


@given(st.one_of(st.binary(max_size=300), st.text(st.sampled_from("ab:-?[]{}&*!|>'\"%@`#,\n\t ~<="), max_size=60)))
@settings(max_examples=400)
def test_no_bytes_break_the_reader(content: bytes | str) -> None:
    """Whatever stands in a file, the user reads findings whose places lie inside of it, never a traceback."""
    raw = content.encode() if isinstance(content, str) else content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.yaml"
        path.write_bytes(raw)
        desired = load([path], LoadOptions(Path(folder)))
    lines = raw.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for finding in desired.diagnostics:
        assert finding.position is not None
        assert finding.position.file == "x.yaml"
        assert 1 <= finding.position.line <= len(lines) + 1
        assert finding.position.column >= 1


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), PLAIN, min_size=1, max_size=4))
def test_what_is_unambiguous_is_read_as_any_reader_would(data: dict[str, Any]) -> None:
    """Strictness may refuse, but must never read something else than the rest of the world does."""
    text = yaml.safe_dump(data, default_style='"', allow_unicode=True) if not _plain(data) else yaml.safe_dump(data)
    found: list[str] = []
    parsed = parse(text, lambda code, *_: found.append(code))
    if not found:
        assert [p.data for p in parsed] == [yaml.safe_load(text)]


def _plain(data: Any) -> bool:
    if isinstance(data, dict):
        return all(map(_plain, data.values()))
    return all(map(_plain, data)) if isinstance(data, list) else not isinstance(data, str)


@given(st.text(st.sampled_from("0123456789.-+_:xoeEyYnNtTrRuUfFaAlLsSiI~"), min_size=1, max_size=8))
def test_a_plain_scalar_means_what_yaml_says_or_is_refused(text: str) -> None:
    """A value that two readers read differently is how `no` became a country that does not exist."""
    ours = resolve(text)
    theirs = yaml.safe_load(f"[{text}]")[0] if text[-1] != ":" and ":" not in text else AMBIGUOUS
    if ours is not AMBIGUOUS and theirs is not AMBIGUOUS and not isinstance(ours, str):
        assert ours == theirs or isinstance(theirs, str)
