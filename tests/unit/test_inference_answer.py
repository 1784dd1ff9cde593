"""The answer contract: what counts as an answer, and what is said when it does not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import SchemaUnusable
from reconciler.inference.answer import DEMAND, LONGEST_ECHO, AnswerContract
from reconciler.inference.chat import Message, Role
from reconciler.inference.excerpt import LONGEST_ANSWER
from reconciler.model.inference import ResponseSchema

DECISION: dict[str, Any] = {
    "type": "object",
    "required": ["classified_intent", "confidence"],
    "properties": {
        "classified_intent": {"type": "string"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
}
GOOD = {"classified_intent": "refund", "confidence": 0.9}


def contract(schema: dict[str, Any] | None = None) -> AnswerContract:
    return AnswerContract(ResponseSchema("decision", DECISION if schema is None else schema))


@pytest.mark.parametrize(
    "wrapped",
    [
        "{}",
        "  {}\n",
        "```json\n{}\n```",
        "```\n{}\n```",
        "Sure! Here it is:\n```json\n{}\n```\nAnything else?",
        "The decision is {} as you asked.",
        'I said "{{" once. {}',
        'First {{"draft": true}} and then {}',
        "[1, 2] is no decision, {} is",
        "```json\n{}",
    ],
)
def test_an_answer_is_found_whatever_surrounds_it(wrapped: str) -> None:
    """Models add fences and courtesies whatever they are told."""
    answer = contract().read(wrapped.replace("{{", "{").replace("}}", "}").replace("{}", json.dumps(GOOD)))
    assert answer.satisfies, answer.problems
    assert answer.value == GOOD


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_any_document_survives_prose_around_it(inner: Any) -> None:
    """Brackets and quotes within strings are what naive scanners trip over."""
    document = {"it": inner}
    assert contract({"type": "object"}).read(f"Well: {json.dumps(document)} - there.").value == document


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no idea", "the answer holds no JSON"),
        ("", "the answer holds no JSON"),
        ('{"classified_intent": "x"', "the answer holds no JSON"),
        ('{"classified_intent": "x", "confidence": NaN}', "the answer holds no JSON"),
        ('{"classified_intent": "x", "confidence": 1e999}', "the answer holds no JSON"),
        ('{"classified_intent": "\\ud800", "confidence": 1}', "the answer holds no JSON"),
        ('{"classified_intent": "x", "confidence": 1.7}', "/confidence: not maximum 1"),
        ('{"classified_intent": "x"}', '/: not required ["classified_intent", "confidence"]'),
        ("x" * (LONGEST_ANSWER + 1), f"the answer is over {LONGEST_ANSWER} characters"),
    ],
)
def test_what_is_wrong_is_said_by_place_and_rule(text: str, problem: str) -> None:
    """A problem goes into logs and prompts: it has to be useful there."""
    answer = contract().read(text)
    assert not answer.satisfies
    assert answer.problems[0].startswith(problem)
    assert answer.value is None


def test_a_problem_never_holds_the_answer() -> None:
    """An answer can hold what a customer said; a log line may not."""
    schema = {"additionalProperties": {"type": "integer"}}
    for text in ('{"classified_intent": 5, "confidence": "123-45-6789"}', '{"123-45-6789": "123-45-6789"}'):
        for made in (contract(), contract(schema)):
            assert "123-45-6789" not in " ".join(made.read(text).problems)


def test_a_repair_keeps_the_conversation() -> None:
    """Asked without its context, a model mends the form and forgets the question."""
    question = (Message(Role.SYSTEM, "Decide."), Message(Role.USER, "Where is my parcel?"))
    asked = contract().repair(question, "x" * 10_000, ["the answer holds no JSON"])
    assert asked[:2] == question
    assert asked[2] == Message(Role.ASSISTANT, "x" * LONGEST_ECHO)
    assert asked[3].content.startswith(DEMAND)
    for part in ("the answer holds no JSON", '"classified_intent"', "Previous failed output: xxx"):
        assert part in asked[3].content


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/schema.json"},
        {"properties": {"a": {"items": [{"$ref": "file:///etc/passwd"}]}}},
        {"$dynamicRef": "other.json#x"},
        {"type": "objekt"},
        {"minimum": "low"},
        {"description": "x" * 200_000},
        {"type": ["object"], "properties": {"a": object()}},
    ],
)
def test_a_schema_that_cannot_judge_is_refused_at_once(schema: dict[str, Any]) -> None:
    """Found at the first answer, it would be a customer who finds it; and nothing is ever fetched."""
    with pytest.raises(SchemaUnusable):
        contract(schema)


def test_a_schema_nested_without_end_is_refused() -> None:
    """Depth is the cheapest way to fell a recursive program."""
    schema: dict[str, Any] = {}
    for _ in range(200):
        schema = {"not": schema}
    with pytest.raises(SchemaUnusable):
        contract(schema)


def test_references_within_the_schema_work_and_data_that_looks_like_one_is_data() -> None:
    """Local definitions are how schemas stay readable."""
    made = contract({"$defs": {"n": {"type": "integer"}}, "properties": {"$ref": {"$ref": "#/$defs/n"}}})
    assert made.read('{"$ref": 1}').satisfies
    assert not made.read('{"$ref": "x"}').satisfies
    assert contract({"enum": [{"$ref": "https://example.com"}]}).read('{"$ref": "https://example.com"}').satisfies


def test_a_schema_that_refers_to_itself_without_end_is_refused() -> None:
    """It passes the meta-schema, so it would reach production."""
    with pytest.raises(SchemaUnusable, match="circle"):
        contract({"$ref": "#"})


def test_a_schema_that_unfolds_with_the_answer_is_given_up() -> None:
    """Two references for each level of an answer are a billion at its thirtieth, while all other customers wait."""
    schema = {"$defs": {"a": {"items": {"allOf": [{"$ref": "#/$defs/a"}] * 2}}}, "$ref": "#/$defs/a"}
    problems = contract(schema).read("[" * 40 + "]" * 40).problems
    assert problems == ("the schema asks more than 100000 steps for this value",)


def test_a_backtracking_pattern_costs_nothing() -> None:
    """An answer of 26 letters was enough to stop the loop that every customer's answer goes through."""
    answer = json.dumps({"a": "a" * 5_000 + "!"})
    pattern = {"properties": {"a": {"pattern": "^(a+)+$"}}, "patternProperties": {"^(a|a)*$": {"type": "string"}}}
    begin = time.process_time()
    assert not contract(pattern).read(answer).satisfies
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize(
    "hostile",
    ["[" * 100_000, '{"a":' * 50_000, "{" * 199_999 + "}", '"' * 199_999, '{"' + '\\"' * 99_000, "```" + " " * 190_000,
     "```" * 60_000, "{}" * 90_000, "[" + "1," * 90_000 + "1]", "9" * 100_000, '{"a": "' * 20_000],
)  # fmt: skip
def test_a_hostile_answer_costs_little(hostile: str) -> None:
    """Whoever can talk to the model can make it say this."""
    begin = time.process_time()
    contract({"type": "object", "uniqueItems": True, "required": ["x"]}).read(hostile)
    assert time.process_time() - begin < 1.0
