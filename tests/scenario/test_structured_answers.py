"""Answers in JSON, asked for as the gateway can, and what of them a bot says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from router_bench import CXONE, SECRET, hex_of
from router_process import command
from scenario_bench import Bench
from source_hosts import Arrangement, Refusal, Whole, delta, run_with, spoken

HOOK = "/webhook/cognigy/fallback"
FLEET = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: models}
spec:
  platform: openai
  url: MODELS
  auth: {bearer: {file: model}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: answers}
spec:
  provider: openai
  model: gpt-4o-mini
  credentials: [{keyId: k, priority: 1, apiKey: {file: model}}]
lifecycle: {manage: observe}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {name: talk}
spec:
  engine: jinja2
  system: Answer in JSON.
  user: "Last user message: {{ last_message }}"
  variables: {last_message: {}}
---
apiVersion: reconciler/v1
kind: ResponseSchema
metadata: {name: intents}
spec:
  repairAttempts: 1
  schema:
    type: object
    properties:
      intent: {type: string}
      confidence: {type: number, minimum: 0, maximum: 1}
      entities: {type: array, items: {type: string}}
    required: [intent, confidence, entities]
"""
ROUTE = """\
---
apiVersion: reconciler/v1
kind: Route
metadata: {name: bot}
spec:
  channel: CHANNEL
  signature: {scheme: hmac, secrets: [{file: hook}]}
  prompt: talk
  endpoint: answers
"""
INTENT = {"intent": "order.status", "confidence": 0.9, "entities": ["order 7"]}
DECISION = {
    "classified_intent": "order.status",
    "confidence": 0.82,
    "extracted_parameters": {},
    "suggested_response": "It is on its way.",
    "requires_human_agent": False,
}


def fleet(channel: str, response: str = "", *, used: bool = True) -> str:
    """One route of this channel, which asks like this."""
    text = FLEET if used else FLEET[: FLEET.index("---\napiVersion: reconciler/v1\nkind: ResponseSchema")]
    return text + ROUTE.replace("CHANNEL", channel) + (f"  response: {response}\n" if response else "")


async def turn(at: Arrangement, channel: str = "cxone") -> Any:
    """One signed turn; the answer's body."""
    event: dict[str, Any]
    if channel == "cxone":
        path, event = CXONE, {"botId": "b", "sessionId": "s", "lastMessage": "Where is it?"}
    else:
        path, event = HOOK, {"conversationId": "c", "userId": "u", "lastMessage": "Where is it?"}
        event |= {"confidenceScore": 0.4, "detectedIntent": None, "metadata": {}}
    body = json.dumps(event).encode()
    answer = await at.client.post(path, content=body, headers={"X-Webhook-Signature": hex_of(body)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def in_words(document: Any) -> Any:
    """A document as a model streams it."""
    return spoken(json.dumps(document))


def test_the_fallback_document_s_own_request_is_sent_to_the_letter(tmp_path: Path) -> None:
    """Gateways of that document know these five members, and one more could be refused."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [Whole(json.dumps(DECISION))]
        said = await turn(at, "cognigy")
        assert said == {"status": "success", "conversationId": "c", "routing_decision": DECISION}
        (asked,) = at.models.of("/v1/chat/completions")
        document = {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "Answer in JSON."},
                {"role": "user", "content": "Last user message: Where is it?"},
            ],
            "temperature": 0.2,
            "response_format": {"type": "json_object"},
            "max_tokens": 500,
        }
        assert asked.body == json.dumps(document, separators=(",", ":"))
        assert (asked.headers["accept"], asked.headers["content-type"]) == ("application/json", "application/json")

    run_with(tmp_path, fleet("cognigy", "{mode: json_object, stream: false}", used=False), {"hook": SECRET}, talk)


SENT: dict[str, Any] = {
    "json_schema": "json_schema",
    "json_object": "json_object",
    "prompt": None,
}
"""What `response_format` says in each mode."""


@pytest.mark.parametrize("mode", SENT)
def test_json_is_asked_for_as_the_route_says(tmp_path: Path, mode: str) -> None:
    """Gateways differ in what they take, and whoever runs one knows."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [in_words(INTENT)]
        assert (await turn(at))["document"] == INTENT
        (asked,) = at.models.asked
        assert asked.get("response_format", {}).get("type") == SENT[mode]
        assert ("JSON Schema: {" in asked["messages"][0]["content"]) is (mode == "prompt")
        if mode == "json_schema":
            assert asked["response_format"]["json_schema"]["schema"]["required"] == [*INTENT]

    run_with(tmp_path, fleet("cxone", f"{{schema: intents, mode: {mode}}}"), {"hook": SECRET}, talk)


REFUSALS = [
    Refusal(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."),
    Refusal(404, "response_format json_schema: no such feature"),
    Refusal(400, "Unsupported value", "response_format"),
    Refusal(422, "body.response_format.type: Input should be 'text' or 'json_object'"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["400", "404", "a member of its own", "422"])
def test_a_form_that_is_refused_is_asked_for_otherwise_and_remembered(tmp_path: Path, refusal: Refusal) -> None:
    """Many models know `json_object` alone: a turn must not fail for it, nor each turn find it out anew."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [refusal, in_words(INTENT)]
        for _ in range(3):
            assert (await turn(at))["document"] == INTENT
        forms = [asked["response_format"]["type"] for asked in at.models.asked]
        assert forms == ["json_schema", "json_object", "json_object", "json_object"]
        assert "JSON Schema: {" in at.models.asked[1]["messages"][0]["content"]
        said = [fields for event, fields in at.told.told if event == "response_format_refused"]
        assert [(one["model"], one["refused"]) for one in said] == [("gpt-4o-mini", "json_schema")]

    run_with(tmp_path, fleet("cxone", "intents"), {"hook": SECRET}, talk)


def test_a_gateway_that_knows_no_form_at_all_is_told_in_words(tmp_path: Path) -> None:
    """A schema can be said to any model."""

    async def talk(at: Arrangement) -> None:
        no = Refusal(400, "Unknown field: response_format")
        at.models.answers = [no, no, in_words(INTENT)]
        assert (await turn(at))["document"] == INTENT
        assert "response_format" not in at.models.asked[-1]
        assert "JSON Schema: {" in at.models.asked[-1]["messages"][0]["content"]

    run_with(tmp_path, fleet("cxone", "intents"), {"hook": SECRET}, talk)


def test_another_refusal_is_no_reason_to_ask_otherwise(tmp_path: Path) -> None:
    """A question that is wrong for another reason would only be wrong twice."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [Refusal(400, "the context window is exceeded")]
        assert (await turn(at))["error"] == "gateway-refused"
        assert len(at.models.asked) == 1

    run_with(tmp_path, fleet("cxone", "intents"), {"hook": SECRET}, talk)


SPOKEN: list[tuple[str, Any]] = [
    ("intents", json.dumps(INTENT)),
    ("{schema: intents}", json.dumps(INTENT)),
    ("{schema: intents, speak: ''}", json.dumps(INTENT)),
    ("{schema: intents, speak: /intent}", "order.status"),
    ("{schema: intents, speak: /entities/0}", "order 7"),
]


@pytest.mark.parametrize(("response", "text"), SPOKEN)
def test_a_cxone_route_says_the_declared_member_or_the_whole_document(tmp_path: Path, response: str, text: str) -> None:
    """A team's own schema has its own words for what is said."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [in_words(INTENT)]
        said = await turn(at)
        assert (said["source"], said["messages"], said["document"]) == ("llm_gateway", [{"text": text}], INTENT)

    run_with(tmp_path, fleet("cxone", response), {"hook": SECRET}, talk)


@pytest.mark.parametrize("response", ["intents", "{schema: intents, speak: /intent}"])
def test_a_cognigy_route_hands_on_what_the_schema_asks_for(tmp_path: Path, response: str) -> None:
    """A flow that routes by intents and entities of its own needs them, and no decision of another contract."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [in_words(INTENT)]
        said = await turn(at, "cognigy")
        assert (said["status"], said["routing_decision"]) == ("success", INTENT)
        assert said.get("suggested_response") == ("order.status" if "speak" in response else None)

    run_with(tmp_path, fleet("cognigy", response), {"hook": SECRET}, talk)


def test_an_answer_with_nothing_to_say_is_mended(tmp_path: Path) -> None:
    """An empty text satisfies many a schema, and no customer."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [in_words(INTENT | {"intent": " "}), in_words(INTENT)]
        assert (await turn(at))["messages"] == [{"text": "order.status"}]
        assert "/intent: nothing to say" in at.models.asked[-1]["messages"][-1]["content"]

    run_with(tmp_path, fleet("cxone", "{schema: intents, speak: /intent}"), {"hook": SECRET}, talk)


def test_an_answer_in_one_piece_is_taken_for_a_stream(tmp_path: Path) -> None:
    """Some gateways stream nothing, whatever they are asked for."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [Whole("It is on its way.")]
        said = await turn(at)
        assert said["messages"] == [{"text": "It is on its way."}]
        assert (said["metrics"]["prompt_tokens"], said["metrics"]["completion_tokens"]) == (340, 85)
        assert at.models.asked[0]["stream"] is True

    run_with(tmp_path, fleet("cxone", used=False), {"hook": SECRET}, talk)


def test_a_stream_is_taken_where_one_piece_was_asked_for(tmp_path: Path) -> None:
    """The other way round it is no worse."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [Whole("It is on its way.", streams=True)]
        assert (await turn(at))["messages"] == [{"text": "It is on its way."}]
        assert "stream" not in at.models.asked[0]

    run_with(tmp_path, fleet("cxone", "{stream: false}", used=False), {"hook": SECRET}, talk)


NO_ANSWERS = [
    ({"choices": []}, "answer-garbled"),
    ({"hello": "world"}, "answer-garbled"),
    ({"error": {"message": "canary-upstream-text", "code": "rate_limit_exceeded"}}, "rate-limited"),
    ({"choices": [{"message": {"content": None, "refusal": "no"}, "finish_reason": "stop"}]}, "gateway-refused"),
    ({"choices": [{"message": {"content": "cut"}, "finish_reason": "length"}]}, "answer-cut"),
    ({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}, "answer-empty"),
]


@pytest.mark.parametrize(("document", "reason"), NO_ANSWERS)
def test_one_piece_that_is_no_answer_is_a_fallback(tmp_path: Path, document: Any, reason: str) -> None:
    """A status of 200 says nothing of what comes with it."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [Whole("", document=document)]
        said = await turn(at)
        assert (said["source"], said["error"]) == ("fallback", reason)
        assert "canary" not in json.dumps(said)

    run_with(tmp_path, fleet("cxone", "{stream: false}", used=False), {"hook": SECRET}, talk)


PROBE = """\
---
apiVersion: reconciler/v1
kind: Probe
metadata: {name: intents}
spec:
  endpoints: answers
  prompt: talk
  variables: {last_message: Where is it?}
  expect: {schema: intents, finishReason: stop}
  response: RESPONSE
  sampling: {temperature: 0.2, maxTokens: 500}
"""


@pytest.mark.parametrize("mode", SENT)
@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_probe_asks_as_the_route_will(tmp_path: Path, mode: str, stream: str) -> None:
    """What proves an endpoint has to be asked as customers' questions are."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [Whole(json.dumps(INTENT), streams=stream == "true")]
        code, said = await command(tmp_path / "checkout", "verify")
        assert code == 0, said
        assert "probe intents schema" in said
        asked = next(one for one in at.models.asked if one["messages"][-1]["content"].endswith("Where is it?"))
        assert asked.get("response_format", {}).get("type") == SENT[mode]
        assert ("JSON Schema: {" in asked["messages"][0]["content"]) is (mode == "prompt")
        assert asked.get("stream", False) is (stream == "true")

    text = fleet("cxone", "intents") + PROBE.replace("RESPONSE", f"{{mode: {mode}, stream: {stream}}}")
    run_with(tmp_path, text, {"hook": SECRET}, talk)


def test_a_probe_without_a_schema_has_none_to_ask_for(bench: Bench) -> None:
    """A probe that could never ask is found before it is put."""
    text = fleet("cxone") + PROBE.replace("RESPONSE", "{mode: json_schema}").replace("schema: intents, ", "")
    bench.write("manifests/gateway.yaml", text.replace("MODELS", "https://models.example.com").replace("file:", "env:"))
    found = bench.run("validate")
    assert found.code == 1
    assert "LLM022" in found.out


IMPOSSIBLE = [
    ("cxone", "{speak: /intent}", "LLM021", "speak"),
    ("cxone", "{schema: intents, speak: /intention}", "LLM021", "speak"),
    ("cxone", "{schema: intents, speak: /confidence}", "LLM021", "speak"),
    ("cxone", "{schema: intents, speak: /entities}", "LLM021", "speak"),
    ("cxone", "{schema: intents, speak: intent}", "KIND", "speak"),
    ("cxone", "{mode: json_object}", "LLM022", "mode"),
    ("cxone", "{mode: json_schema}", "LLM022", "mode"),
    ("cxone", "{mode: prompt}", "LLM022", "mode"),
    ("cxone", "{schema: intents, mode: yaml}", "KIND", "mode"),
    ("cxone", "{schema: nobody, speak: /intent}", "REF010", "schema"),
    ("cognigy", "{speak: /intent}", "LLM021", "speak"),
    ("cxone", "{schema: intents, say: /intent}", "KIND", "say"),
]


@pytest.mark.parametrize(("channel", "response", "code", "place"), IMPOSSIBLE)
def test_what_could_never_be_said_is_an_error_of_validate(
    bench: Bench, channel: str, response: str, code: str, place: str
) -> None:
    """Found by the first customer, it would be a fallback in every turn."""
    text = fleet(channel, response).replace("MODELS", "https://models.example.com").replace("file:", "env:")
    bench.write("manifests/gateway.yaml", text)
    found = bench.run("validate")
    assert found.code == 1, found.out
    assert code in found.out
    assert place in text.splitlines()[-1]
    assert f"manifests/gateway.yaml:{len(text.splitlines())}:" in found.out


UNASKABLE = [
    ("platform: openai\n", "  transport: websocket\n", "{schema: intents, mode: json_schema}", "WIRING011"),
    ("platform: openai\n", "  transport: websocket\n", "{stream: false}", "WIRING011"),
    ("platform: openai\n", "  transport: websocket\n", "{schema: intents, mode: prompt}", ""),
    ("platform: openai\n", "  transport: websocket\n", "{schema: intents}", ""),
    ("platform: genesys\n", "", "{schema: intents, mode: json_object}", "WIRING011"),
]


@pytest.mark.parametrize(("platform", "transport", "response", "code"), UNASKABLE)
def test_a_way_to_ask_that_the_gateway_does_not_know_is_refused(
    bench: Bench, platform: str, transport: str, response: str, code: str
) -> None:
    """What a contract has no field for would be dropped on the way."""
    text = fleet("cxone", response).replace("MODELS", "https://models.example.com").replace("file:", "env:")
    bench.write("manifests/gateway.yaml", text.replace("platform: openai\n", platform + transport))
    found = bench.run("validate")
    assert found.code == (1 if code else 0), found.out
    assert code in found.out


def test_over_a_socket_a_schema_travels_in_the_prompt(tmp_path: Path) -> None:
    """The bot gateway's contract has five fields and none for a schema."""

    async def talk(at: Arrangement) -> None:
        at.models.answer(delta(json.dumps(INTENT)), *spoken()[-2:])
        assert (await turn(at))["document"] == INTENT
        (asked,) = at.models.asked
        assert [*asked] == ["model", "messages", "temperature", "max_tokens", "stream"]
        assert asked["messages"][0]["content"].startswith("Answer in JSON.\n\n")

    text = fleet("cxone", "intents").replace("  url: MODELS\n", "  url: MODELS\n  transport: websocket\n")
    run_with(tmp_path, text, {"hook": SECRET}, talk)
