"""The CXone bot as its document arranges it: history at one host over OAuth, the model at another over a socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from source_hosts import (
    CLIENT_ID,
    CLIENT_SECRET,
    CUT,
    DONE,
    MODEL_KEY,
    SILENT,
    STOP,
    Arrangement,
    Frame,
    delta,
    run_with,
    spoken,
)

HOOK = "canary-hook-secret-0123456789"
SYSTEM = (
    "You are a helpful customer support assistant. Maintain a professional tone. Never disclose internal procedures."
)
SORRY = "I am currently experiencing high demand. Please try again in a few moments or speak to a human agent."
MESSAGES = "/api/v2/bot/bots/shop/sessions/42/messages"
SOCKET = "/v1/chat/completions"

FLEET = f"""\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: talks}}
spec:
  platform: cxone
  url: CONVERSATIONS
  auth:
    oauth:
      clientId: {{file: id}}
      clientSecret: {{file: secret}}
      scopes: ["bot:bot:read", "conversation:conversation:read"]
---
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: models}}
spec: {{platform: openai, url: MODELS, transport: websocket, auth: {{bearer: {{file: model}}}}}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: mini, gateways: [models]}}
spec:
  provider: openai
  model: gpt-4o-mini
  credentials: [{{keyId: own, priority: 1, apiKey: {{file: model}}}}]
lifecycle: {{manage: observe}}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: support}}
spec: {{engine: braces, system: "{SYSTEM}", user: "{{{{last_message}}}}", variables: {{last_message: {{}}}}}}
---
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: careful}}
spec:
  pii: [ssn, credit-card, phone]
  blockedTerms: [illegal, self-harm, violence, bypass security, exploit]
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: flat}}
spec: {{currency: USD, models: {{gpt-4o-mini: {{prompt: 1, completion: 1}}}}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: bot, gateways: [models]}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{file: hook}}]}}
  history: {{gateway: talks}}
  prompt: support
  endpoint: mini
  safety: careful
  pricing: flat
  sampling: {{temperature: 0.7, maxTokens: 1024}}
  fallback: "{SORRY}"
"""


async def turn(at: Arrangement, **members: Any) -> httpx.Response:
    """A signed turn of the bot."""
    event = {"botId": "shop", "sessionId": "42", "lastMessage": "Where is my order?", **members}
    body = json.dumps(event).encode()
    signed = hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()
    return await at.client.post("/webhook/cxone", content=body, headers={"x-webhook-signature": signed})


def said(*turns: tuple[str, str]) -> list[Mapping[str, str]]:
    """Earlier turns as the bot API lists them."""
    moment = "2026-01-01T00:00:{:02}.000Z"
    return [{"from": who, "text": text, "timestamp": moment.format(n)} for n, (who, text) in enumerate(turns)]


def test_a_turn_goes_through_both_hosts_as_the_document_has_it(tmp_path: Path) -> None:
    """History, question and answer are what the document's readers run: each field of each request counts."""

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = said(("customer", "Hello"), ("bot", "Hi!"), ("customer", ""))
        at.models.answer(delta("It is "), {"choices": []}, delta("on its way."), STOP, DONE)
        answer = (await turn(at)).json()
        assert answer["source"] == "llm_gateway"
        assert answer["messages"] == [{"text": "It is on its way."}]
        (token,) = at.conversations.of("/oauth/token")
        assert token.form == {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scope": "bot:bot:read conversation:conversation:read",
        }
        assert "authorization" not in token.headers
        (history,) = at.conversations.of(MESSAGES)
        assert history.query == {"size": "10", "page": "1"}
        assert history.headers["authorization"] == "Bearer canary-token-1"
        assert history.headers["accept"] == "application/json"
        (question,) = at.models.of(SOCKET)
        assert question.method == "WS"
        assert question.headers["authorization"] == f"Bearer {MODEL_KEY}"
        assert question.json == {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi!"},
                {"role": "user", "content": "Where is my order?"},
            ],
            "temperature": 0.7,
            "max_tokens": 1024,
            "stream": True,
        }

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_no_credential_reaches_a_host_that_is_not_its_own(tmp_path: Path) -> None:
    """The document's own code sends the token of one vendor to the host of another."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at)).json()["source"] == "llm_gateway"
        at.models.answers = [429]
        at.conversations.refuses = 9
        await turn(at)
        for own in (MODEL_KEY, HOOK):
            assert own not in at.conversations.everything
        for own in (CLIENT_ID, CLIENT_SECRET, "canary-token", HOOK):
            assert own not in at.models.everything
        for secret in (MODEL_KEY, CLIENT_SECRET, "canary-token", HOOK):
            assert secret not in at.logged

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_a_token_serves_until_a_minute_before_its_end(tmp_path: Path) -> None:
    """One token a turn is a login a turn; a token of its last minute fails in the middle of one."""

    async def talk(at: Arrangement) -> None:
        for _ in range(3):
            await turn(at)
        assert at.conversations.tokens == 1

    async def short(at: Arrangement) -> None:
        at.conversations.lives = 1
        for _ in range(2):
            assert (await turn(at)).json()["source"] == "llm_gateway"
        assert at.conversations.tokens >= 1

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)
    run_with(tmp_path / "short", FLEET, {"hook": HOOK}, short)


def test_a_token_that_is_refused_is_renewed_once(tmp_path: Path) -> None:
    """A token that was revoked early is no reason to answer without the conversation."""

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = said(("customer", "I ordered a lamp"))
        at.conversations.refuses = 1
        await turn(at)
        assert at.conversations.tokens == 2
        assert at.models.asked[-1]["messages"][1]["content"] == "I ordered a lamp"

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_a_history_that_cannot_be_had_costs_no_turn(tmp_path: Path) -> None:
    """The customer's question stands in the event: an answer without the past beats none."""

    async def talk(at: Arrangement) -> None:
        at.conversations.refuses = 99
        answer = (await turn(at)).json()
        assert answer["source"] == "llm_gateway"
        assert [message["role"] for message in at.models.asked[-1]["messages"]] == ["system", "user"]

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_the_newest_part_of_a_long_conversation_is_answered(tmp_path: Path) -> None:
    """Message 8 of 25 is not what the customer wants to hear about."""

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = said(*(("customer", f"message {number}") for number in range(25)))
        await turn(at)
        shown = [message["content"] for message in at.models.asked[-1]["messages"][1:-1]]
        assert shown == [f"message {number}" for number in range(15, 25)]

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([{"error": "overloaded canary-upstream-text"}], "gateway"),
        ([{"error": {"code": 500, "message": "canary-upstream-text"}}], "gateway"),
        ([delta("It is"), CUT], "incomplete"),
        (["{broken canary-upstream-text"], "garbled"),
    ],
    ids=["a text", "an error", "a clean end in the middle", "no JSON"],
)
def test_an_answer_that_is_none_is_the_fallback(tmp_path: Path, frames: list[Frame], reason: str) -> None:
    """A bot says the sentence that was written for this, and never half an answer or a stranger's words."""

    async def talk(at: Arrangement) -> None:
        at.models.answer(*frames)
        response = await turn(at)
        answer = response.json()
        assert response.status_code == 200
        assert (answer["source"], answer["messages"]) == ("fallback", [{"text": SORRY}])
        assert answer["reason"] == "gateway_unavailable_or_validation_failed"
        assert reason in answer["error"], answer
        assert "canary" not in response.text

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_a_gateway_that_is_busy_is_asked_again_within_the_deadline(tmp_path: Path) -> None:
    """429 before the first token is repeated, up to three questions; a model that stays busy is the fallback."""

    async def talk(at: Arrangement) -> None:
        at.models.answers = [429, spoken("Now.")]
        assert (await turn(at)).json()["messages"] == [{"text": "Now."}]
        assert len(at.models.asked) == 2
        at.models.answers = [429]
        assert (await turn(at)).json()["source"] == "fallback"
        assert len(at.models.asked) <= 5

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_a_silent_model_does_not_keep_the_caller(tmp_path: Path) -> None:
    """Whatever the model does, the bot has a sentence before its platform gives up."""

    async def talk(at: Arrangement) -> None:
        at.models.answer(delta("It is"), SILENT)
        answer = (await turn(at)).json()
        assert (answer["source"], answer["messages"]) == ("fallback", [{"text": SORRY}])

    run_with(
        tmp_path,
        FLEET.replace("gateway: talks}", "gateway: talks, timeoutMs: 300}\n  deadlineMs: 2000"),
        {"hook": HOOK},
        talk,
    )


def test_personal_data_is_taken_out_on_both_ways(tmp_path: Path) -> None:
    """What a customer types must not reach a model's provider, nor what a model invents the customer."""

    async def talk(at: Arrangement) -> None:
        at.models.answer(*spoken("Call 555-", "123-4567 now"))
        answer = await turn(at, lastMessage="My SSN is 078-05-1120, my card 4111 1111 1111 1111")
        sent = json.dumps(at.models.asked[-1])
        assert "078-05-1120" not in sent
        assert "4111" not in sent
        assert "[SSN REDACTED]" in sent
        assert "[CREDIT_CARD REDACTED]" in sent
        assert answer.json()["messages"] == [{"text": "Call [PHONE REDACTED] now"}]

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_words_that_may_not_be_said_are_the_fallback(tmp_path: Path) -> None:
    """Split over two frames as well."""

    async def talk(at: Arrangement) -> None:
        at.models.answer(*spoken("You could bypass se", "curity like this"))
        answer = (await turn(at)).json()
        assert (answer["source"], answer["messages"]) == ("fallback", [{"text": SORRY}])

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_figures_of_a_turn_are_in_its_answer_and_in_the_log(tmp_path: Path) -> None:
    """The provider's own usage counts, and the price is the one that is declared."""

    async def talk(at: Arrangement) -> None:
        usage: Frame = {"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}}
        at.models.answer(delta("Yes."), STOP, usage, DONE)
        metrics = (await turn(at)).json()["metrics"]
        latency = metrics.pop("latency_ms")
        assert latency >= 0
        assert metrics == {
            "prompt_tokens": 40,
            "completion_tokens": 10,
            "total_tokens": 50,
            "cost_usd": 0.00005,
            "model": "gpt-4o-mini",
            "temperature": 0.7,
        }
        (line,) = [fields for event, fields in at.told.told if event == "turn_finished"]
        assert line["route"] == "bot"
        assert "Where is my order" not in at.logged

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


@pytest.mark.parametrize("missing", ["botId", "sessionId"])
def test_an_event_without_its_session_is_the_callers_mistake(tmp_path: Path, missing: str) -> None:
    """The document's code breaks with 500, which a platform sends again and again."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at, **{missing: None})).status_code in {400, 422}
        body = b"\xff{"
        signed = hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()
        broken = await at.client.post("/webhook/cxone", content=body, headers={"x-webhook-signature": signed})
        assert broken.status_code == 400
        unsigned = await at.client.post("/webhook/cxone", content=b"{}")
        assert unsigned.status_code == 401
        assert at.models.asked == []

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)


def test_ready_means_that_the_gateway_was_asked(tmp_path: Path) -> None:
    """The document's validator: reachable with the key, temperature and model as they may be; and alive without it."""

    async def talk(at: Arrangement) -> None:
        while (await at.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.01)
        assert at.models.of("/v1/models")[0].headers["authorization"] == f"Bearer {MODEL_KEY}"

    async def dead(at: Arrangement) -> None:
        while (await at.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.01)
        at.models.key = "another"
        while (await at.client.get("/readyz")).status_code != 503:  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.05)
        assert (await at.client.get("/healthz")).status_code == 200

    run_with(tmp_path, FLEET, {"hook": HOOK}, talk)
    run_with(tmp_path / "dead", FLEET, {"hook": HOOK}, dead)
