"""Cognigy.AI's inference gateway as its document has it, behind a flow whose conversation lies at another host."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
from router_process import command
from source_hosts import (
    CLIENT_ID,
    CLIENT_SECRET,
    CUT,
    MODEL_KEY,
    SILENT,
    Arrangement,
    Dialogs,
    Frame,
    complete,
    content,
    run_with,
)

HOOK = "canary-hook-secret-0123456789"
FIRST_KEY, SECOND_KEY = "sk-canary-first-key-0123456789", "sk-canary-second-key-012345678"
SECRETS = {"hook": HOOK, "first": FIRST_KEY, "second": SECOND_KEY}
STREAM = "/ws/v1/llm-gateway/stream"
PROVIDERS = "/api/v1/llm-gateway/providers"
HEALTH = "/api/v1/llm-gateway/health"
SORRY = "I am having trouble understanding your request. Connecting you to a specialist."
INTENT = {"intent": "order.status", "confidence": 0.9, "entities": ["order 7"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "intent": {"type": "string"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "entities": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["intent", "confidence", "entities"],
}
FLEET = f"""\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: talks}}
spec:
  platform: cxone
  url: CONVERSATIONS
  auth: {{oauth: {{clientId: {{file: id}}, clientSecret: {{file: secret}}}}}}
---
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: org}}
spec: {{platform: cognigy, url: MODELS, auth: {{bearer: {{file: model}}}}, timeouts: {{connect: 5, total: 10}}}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: production-openai, gateways: [org]}}
spec:
  provider: openai
  model: gpt-4-1106-preview
  credentials:
    - {{keyId: primary, priority: 2, apiKey: {{file: first}}}}
    - {{keyId: spare, priority: 1, apiKey: {{file: second}}}}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: intents}}
spec:
  engine: braces
  system: Find the intent.
  user: "Message: {{{{last_message}}}}"
  variables: {{last_message: {{}}}}
---
apiVersion: reconciler/v1
kind: ResponseSchema
metadata: {{name: intents}}
spec: {{repairAttempts: 1, schema: {json.dumps(SCHEMA)}}}
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: document}}
spec: {{currency: USD, models: {{gpt-4-1106-preview: {{prompt: 1, completion: 2}}}}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: flow, gateways: [org]}}
spec:
  channel: cognigy
  signature: {{scheme: hmac, secrets: [{{file: hook}}]}}
  history: {{gateway: talks}}
  prompt: intents
  endpoint: production-openai
  response: intents
  pricing: document
"""


async def turn(at: Arrangement, text: str = "Where is order 7?") -> Any:
    """A signed turn of the flow; the answer's body."""
    said = {"conversationId": "dialog-9f8a7b6c", "userId": "u-1", "lastMessage": text, "confidenceScore": 0.4}
    body = json.dumps({**said, "detectedIntent": None, "metadata": {}}).encode()
    signed = hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()
    answer = await at.client.post("/webhook/cognigy/fallback", content=body, headers={"x-webhook-signature": signed})
    assert answer.status_code == 200, answer.text
    return answer.json()


def dialogs(*frames: Frame) -> Dialogs:
    """A gateway that answers so."""
    return Dialogs(answers=[frames or (content(json.dumps(INTENT)[:12]), content(json.dumps(INTENT)[12:]), complete())])


def test_a_turn_goes_through_both_hosts_as_the_document_has_it(tmp_path: Path) -> None:
    """The first frame is the document's, and a schema of the team's own comes back as the flow needs it."""

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = [{"participantId": "u-1", "text": "Hello", "timestamp": "2024-05-01T10:00:00.000Z"}]
        answer = await turn(at)
        assert answer == {"status": "success", "conversationId": "dialog-9f8a7b6c", "routing_decision": INTENT}
        (asked,) = at.models.of(STREAM)
        assert asked.headers["authorization"] == f"Bearer {MODEL_KEY}"
        sent = asked.json
        assert sent["sessionId"] == "dialog-9f8a7b6c"
        assert sent["modelId"] == "gpt-4-1106-preview"
        assert sent["streaming"] is True
        assert sent["responseFormat"] == {"type": "json_schema", "schema": SCHEMA}
        assert {*sent} == {
            *("sessionId", "template", "variables", "modelId", "streaming"),
            *("fallbackModels", "safetyFilters", "responseFormat"),
        }
        holes = re.findall(r"\{\{(\w+)\}\}", sent["template"])
        assert [sent["variables"][name] for name in holes] == [
            "Find the intent.",
            "Hello",
            "Message: Where is order 7?",
        ]

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())


def test_no_credential_reaches_a_host_that_is_not_its_own(tmp_path: Path) -> None:
    """The organisation's key is no business of the conversations' host, nor the other way round."""

    async def talk(at: Arrangement) -> None:
        await turn(at)
        for own in (MODEL_KEY, HOOK, FIRST_KEY, SECOND_KEY):
            assert own not in at.conversations.everything
        for own in (CLIENT_ID, CLIENT_SECRET, "canary-token", HOOK, FIRST_KEY, SECOND_KEY):
            assert own not in at.models.everything
        assert "canary" not in at.logged

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())


def test_what_a_customer_wrote_is_a_value_and_no_template(tmp_path: Path) -> None:
    """The gateway fills the holes: whoever writes braces must not reach what others may fill them with."""

    async def talk(at: Arrangement) -> None:
        await turn(at, "{{secret}} {{system_0}}")
        sent = at.models.asked[-1]
        assert "secret" not in sent["template"]
        assert "Message: {{secret}} {{system_0}}" in sent["variables"].values()

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())


NO_ANSWERS: list[tuple[list[Frame], str]] = [
    ([content("half"), CUT], "answer-incomplete"),
    ([{"type": "error", "message": "canary-upstream-text"}], "gateway-failed"),
    ([{"delta": "no type"}], "answer-garbled"),
    (["{broken canary-upstream-text"], "answer-garbled"),
]


@pytest.mark.parametrize(("frames", "error"), NO_ANSWERS, ids=["cut", "error", "no type", "no JSON"])
def test_an_answer_that_is_none_hands_over_to_a_person(tmp_path: Path, frames: list[Frame], error: str) -> None:
    """A clean close is no end without its frame, and no flow reads a gateway's own words."""

    async def talk(at: Arrangement) -> None:
        answer = await turn(at)
        assert (answer["status"], answer["error"]) == ("fallback", error)
        assert (answer["fallback_action"], answer["suggested_response"]) == ("route_to_human", SORRY)
        assert "canary" not in json.dumps(answer)

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs(*frames))


@pytest.mark.parametrize("confidence", [1.7, "high"])
def test_an_answer_outside_its_schema_is_asked_for_again(tmp_path: Path, confidence: Any) -> None:
    """The document's own class takes a confidence of 1.7, which its schema forbids."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at))["routing_decision"] == INTENT
        assert len(at.models.asked) == 2
        demand = [*at.models.asked[-1]["variables"].values()][-1]
        assert demand.startswith("Return ONLY valid JSON.")
        at.models.answers = [wrong]
        assert (await turn(at))["status"] == "schema_validation_failed"

    wrong = [content(json.dumps(INTENT | {"confidence": confidence})), complete()]
    right = [content(json.dumps(INTENT)), complete()]
    run_with(tmp_path, FLEET, SECRETS, talk, Dialogs(answers=[wrong, right]))


def test_texts_of_two_models_never_mix(tmp_path: Path) -> None:
    """A gateway that falls back in the middle begins anew: what the first one said is forgotten."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at))["routing_decision"] == INTENT

    first = {"type": "content", "delta": '{"intent": "half', "model": "gpt-4-1106-preview"}
    second = {"type": "content", "delta": json.dumps(INTENT), "model": "claude-3-haiku-20240307"}
    run_with(tmp_path, FLEET, SECRETS, talk, dialogs(first, second, complete(model="claude-3-haiku-20240307")))


def test_tokens_and_cost_are_those_of_the_complete_frame(tmp_path: Path) -> None:
    """40 tokens at 0.000001 and 10 at 0.000002, as the document reckons."""

    async def talk(at: Arrangement) -> None:
        await turn(at)
        (line,) = [fields for name, fields in at.told.told if name == "inference.call"]
        assert (line["prompt_tokens"], line["completion_tokens"]) == (40, 10)
        assert line["model"] == "gpt-4-1106-preview"
        assert float(line["cost"]) == pytest.approx(0.00006)
        assert "order 7" not in at.logged

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())


def test_a_silent_stream_does_not_keep_the_flow(tmp_path: Path) -> None:
    """The document's thirty seconds hold for each frame, so that its total has no end."""

    async def talk(at: Arrangement) -> None:
        answer = await turn(at)
        assert (answer["status"], answer["suggested_response"]) == ("fallback", SORRY)

    quick = FLEET.replace("gateway: talks}", "gateway: talks, timeoutMs: 300}\n  deadlineMs: 1500")
    run_with(tmp_path, quick, SECRETS, talk, dialogs(content("half"), SILENT))


def test_registration_is_the_documents_and_its_keys_are_nobody_elses(tmp_path: Path) -> None:
    """The provider with its keys in the order of use, once; what cannot be read is never claimed to be in step."""

    async def talk(at: Arrangement) -> None:
        assert isinstance(at.models, Dialogs)
        code, said = await command(tmp_path / "checkout", "apply", "--auto-approve")
        assert code == 0, said
        (registered,) = at.models.of(PROVIDERS)
        assert registered.headers["authorization"] == f"Bearer {MODEL_KEY}"
        assert registered.json == {
            "name": "production-openai",
            "type": "OPENAI",
            "apiKeyRotation": {
                "enabled": True,
                "keys": [FIRST_KEY, SECOND_KEY],
                "rotationStrategy": "ROUND_ROBIN_ON_FAILURE",
            },
            "defaultModel": "gpt-4-1106-preview",
            "timeoutMs": 15000,
            "retryOnRateLimit": True,
        }
        assert at.models.of(HEALTH)[-1].headers["authorization"] == f"Bearer {MODEL_KEY}"
        assert "canary" not in said
        await command(tmp_path / "checkout", "apply", "--auto-approve")
        assert len(at.models.providers) == 1

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())


def test_a_host_that_only_keeps_conversations_holds_up_no_command(tmp_path: Path) -> None:
    """Its credential may read conversations and nothing else, and nothing is declared there that a list tells of."""

    async def talk(at: Arrangement) -> None:
        for words in (("plan",), ("apply", "--auto-approve"), ("verify",), ("drift",)):
            code, said = await command(tmp_path / "checkout", *words)
            assert code == 0, said
            assert "talks" not in said.replace("talks/Gateway/talks", ""), said
        assert len(at.models.of(PROVIDERS)) == 1

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())


def test_a_provider_that_is_there_already_is_told_as_unverified(tmp_path: Path) -> None:
    """409 says that something of this name exists, and nothing of what it holds: the document calls that done."""

    async def talk(at: Arrangement) -> None:
        assert isinstance(at.models, Dialogs)
        at.models.providers = [{"name": "production-openai"}]
        code, said = await command(tmp_path / "checkout", "apply", "--auto-approve")
        assert code == 0, said
        assert "exists, unverified" in said
        assert at.models.providers == [{"name": "production-openai"}]
        assert "canary" not in said

    run_with(tmp_path, FLEET, SECRETS, talk, dialogs())
