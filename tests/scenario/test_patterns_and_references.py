"""What a manifest brings as JSON Schema: judged without network, files, or more than a moment."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest
from scenario_bench import Bench, endpoint

POLICY = """\
apiVersion: reconciler/v1
kind: Policy
metadata: {{name: names}}
spec:
  match: {{kind: Endpoint}}
  rule: {rule}
  message: names are as agreed
"""

ANSWER = """\
apiVersion: reconciler/v1
kind: ResponseSchema
metadata: {{name: answer}}
spec:
  schema: {rule}
"""

LONG = "a" * 40 + "!"


def of_display_name(rule: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"spec": {"properties": {"displayName": rule}}}}


def codes(bench: Bench) -> list[str]:
    finished = bench.run("--timeout", "20", "validate", "--format", "json")
    return [each["code"] for each in finished.json["diagnostics"] if each["severity"] == "error"]


@pytest.mark.parametrize(
    "rule",
    [
        of_display_name({"pattern": "^(a+)+$"}),
        of_display_name({"allOf": [{"pattern": "^(a|a)*$"}]}),
        {"properties": {"spec": {"properties": {"labels": True}, "patternProperties": {"^(a+)+$": False}}}},
        {"properties": {"metadata": {"properties": {"labels": {"additionalProperties": False,
         "patternProperties": {"^(a+)+$": True}}}}}},
        {"properties": {"metadata": {"properties": {"labels": {"propertyNames": {"pattern": "^(a+)+$"}}}}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", **of_display_name({"pattern": "^(a+)+$"})},
    ],
)  # fmt: skip
def test_a_pattern_takes_linear_time(bench: Bench, rule: dict[str, Any]) -> None:
    """A backtracking pattern of a proposal would hold the job, past every time limit."""
    fleet = endpoint("one").replace("displayName: shown-one", f"displayName: {LONG}")
    fleet = fleet.replace("metadata: {name: one}", f'metadata: {{name: one, labels: {{"{LONG}": x}}}}')
    bench.manifests(fleet, POLICY.format(rule=json.dumps(rule)))
    assert set(codes(bench)) <= {"POLICY010"}


@pytest.mark.parametrize("document", [POLICY, ANSWER])
@pytest.mark.parametrize(
    "rule",
    [
        {"pattern": "^(?=a)b"},
        {"pattern": r"(a)\1"},
        {"patternProperties": {"(?<!a)b": True}},
        {"anyOf": [{"items": {"pattern": "("}}]},
        {"$ref": "https://127.0.0.1:1/schema"},
        {"$ref": "file:///etc/passwd"},
        {"$dynamicRef": "https://127.0.0.1:1/schema"},
        {"properties": {"spec": {"$ref": "other.json"}}},
        {"properties": {"spec": {"$ref": "#/$defs/none"}}},
        {"$ref": "#"},
        {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}},
         "$ref": "#/$defs/d0"},
        {"properties": {"spec": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}}},
        {"required": ["x" * 120_000]},
        {"$schema": "https://example.com/dialect"},
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_cannot_be_judged_is_an_error_at_its_line(bench: Bench, document: str, rule: dict[str, Any]) -> None:
    """Found at the first resource or answer it would be too late, and a reference would be a request to a stranger."""
    bench.manifests(endpoint("one"), document.format(rule=json.dumps(rule)))
    finished = bench.run("--timeout", "20", "validate", "--format", "json")
    found = [each for each in finished.json["diagnostics"] if each["severity"] == "error"]
    assert [each["code"] for each in found] == ["KIND008" if document is POLICY else "LLM007"], finished.out
    assert (finished.code, found[0]["line"] > 13) == (1, True)


def test_a_reference_reaches_nobody(bench: Bench) -> None:
    """A schema that is fetched tells a stranger that it was read, and lets them change the rule later."""
    called = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def accept() -> None:
            try:
                listener.accept()
                called.set()
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/s"
        for rule in ({"$ref": url}, {"$id": url, "properties": {"spec": {"$ref": "#/nothing"}}}):
            bench.manifests(endpoint("one"), POLICY.format(rule=json.dumps(rule)))
            assert codes(bench) == ["KIND008"]
            assert bench.plan().code == 1
        assert not called.is_set()
