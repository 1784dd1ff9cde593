"""Genesys Cloud's invoke call as its document has it, behind a bot whose conversation lies at another host."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from router_process import command
from source_hosts import (
    CLIENT_ID,
    CLIENT_SECRET,
    CUT,
    DONE,
    ORG_ID,
    ORG_SECRET,
    SILENT,
    Arrangement,
    Frame,
    Organisation,
    Refusal,
    Whole,
    delta,
    run_with,
)

HOOK = "canary-hook-secret-0123456789"
INVOKE = "/api/v2/ai/llm/gateway/invoke"
LOGIN = "/login/oauth2/token"
SORRY = "I am currently experiencing high demand. Please try again in a few moments or speak to a human agent."
SECRETS = {"hook": HOOK, "orgid": ORG_ID, "orgsecret": ORG_SECRET}
SYSTEM = "Translate what the customer asks into French."
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
spec:
  platform: genesys
  url: MODELS
  auth: {{oauth: {{clientId: {{file: orgid}}, clientSecret: {{file: orgsecret}}}}}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: turbo, gateways: [org]}}
spec: {{provider: openai, model: gpt-35-turbo, credentials: [{{keyId: own, priority: 1, apiKey: {{file: model}}}}]}}
lifecycle: {{manage: observe}}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: translate}}
spec:
  engine: dollar
  system: {SYSTEM}
  user: "Inquiry: $last_message"
  variables: {{last_message: {{}}}}
---
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {{name: careful}}
spec:
  pii: [email, phone, ssn]
  blockedTerms: [hack*, exploit*, malware, bypass security]
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: flat}}
spec: {{currency: USD, models: {{gpt-35-turbo: {{prompt: 2, completion: 2}}}}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: bot, gateways: [org]}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{file: hook}}]}}
  history: {{gateway: talks}}
  prompt: translate
  endpoint: turbo
  safety: careful
  pricing: flat
"""


async def turn(at: Arrangement, text: str = "Where is my order?") -> Any:
    """A signed turn of the bot; the answer's body."""
    body = json.dumps({"botId": "shop", "sessionId": "42", "lastMessage": text}).encode()
    signed = hmac.new(HOOK.encode(), body, hashlib.sha256).hexdigest()
    answer = await at.client.post("/webhook/cxone", content=body, headers={"x-webhook-signature": signed})
    assert answer.status_code == 200
    return answer.json()


def organisation(*frames: Frame) -> Organisation:
    """One that answers so."""
    return Organisation(answers=[frames or (delta("Où "), delta("est-elle ?"), DONE)])


def test_a_turn_goes_through_both_hosts_as_the_document_has_it(tmp_path: Path) -> None:
    """Login, scopes, payload and headers to the letter; what the template says reaches the model."""

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = [{"from": "customer", "text": "Hello"}, {"from": "bot", "text": "Hi!"}]
        said = await turn(at)
        assert (said["source"], said["messages"]) == ("llm_gateway", [{"text": "Où est-elle ?"}])
        (login,) = at.models.of(LOGIN)
        assert login.form == {
            "grant_type": "client_credentials",
            "client_id": ORG_ID,
            "client_secret": ORG_SECRET,
            "scope": "ai:llm:gateway:use ai:llm:gateway:stream",
        }
        (asked,) = at.models.of(INVOKE)
        assert (asked.headers["accept"], asked.headers["content-type"]) == ("text/event-stream", "application/json")
        assert asked.headers["authorization"] == "Bearer canary-org-token-1"
        assert asked.json == {
            "modelId": "gpt-35-turbo",
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi!"},
                {"role": "user", "content": "Inquiry: Where is my order?"},
            ],
            "stream": True,
            "temperature": 0.7,
            "systemInstruction": SYSTEM,
        }

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


def test_no_credential_reaches_a_host_that_is_not_its_own(tmp_path: Path) -> None:
    """Two vendors, two logins, two tokens."""

    async def talk(at: Arrangement) -> None:
        await turn(at)
        at.models.answers = [401]
        await turn(at)
        for own in (ORG_ID, ORG_SECRET, "canary-org-token", HOOK):
            assert own not in at.conversations.everything
        for own in (CLIENT_ID, CLIENT_SECRET, "canary-token", HOOK):
            assert own not in at.models.everything
        for secret in (ORG_SECRET, CLIENT_SECRET, "canary-org-token", "canary-token", HOOK):
            assert secret not in at.logged

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


def test_a_token_serves_many_turns_and_is_renewed_once_where_it_is_refused(tmp_path: Path) -> None:
    """The document fetches one for 24 hours, and never another after a 401."""

    async def talk(at: Arrangement) -> None:
        assert isinstance(at.models, Organisation)
        for _ in range(3):
            await turn(at)
        assert at.models.tokens == 1
        at.models.refuses = 1
        assert (await turn(at))["source"] == "llm_gateway"
        assert at.models.tokens == 2

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


NO_ANSWERS: list[tuple[list[Frame], str]] = [
    ([delta("Où"), CUT], "answer-incomplete"),
    ([delta("Où"), "{broken canary-upstream-text"], "answer-garbled"),
    ([{"error": {"message": "canary-upstream-text"}}], "gateway-failed"),
    ([DONE], "answer-incomplete"),
]


@pytest.mark.parametrize(("frames", "reason"), NO_ANSWERS, ids=["cut", "no JSON", "an error", "nothing"])
def test_an_answer_that_is_none_is_the_fallback(tmp_path: Path, frames: list[Frame], reason: str) -> None:
    """The document skips what it cannot read and takes the end of the stream for the end of the answer."""

    async def talk(at: Arrangement) -> None:
        said = await turn(at)
        assert (said["source"], said["messages"], said["error"]) == ("fallback", [{"text": SORRY}], reason)
        assert "canary" not in json.dumps(said)

    run_with(tmp_path, FLEET, SECRETS, talk, organisation(*frames))


def test_comments_and_chunks_without_a_choice_are_passed_over(tmp_path: Path) -> None:
    """Servers keep a connection alive with them."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at))["messages"] == [{"text": "Oui."}]

    run_with(tmp_path, FLEET, SECRETS, talk, organisation({"choices": []}, delta("Oui."), {"choices": []}, DONE))


@pytest.mark.parametrize(
    ("reaction", "error", "most"),
    [
        (429, "rate-limited", 3),
        (403, "gateway-refused", 1),
        (503, "gateway-failed", 3),
        (Refusal(400, "context window exceeded"), "gateway-refused", 1),
    ],
)
def test_a_refusal_is_repeated_only_where_it_may_pass(
    tmp_path: Path, reaction: int | Refusal, error: str, most: int
) -> None:
    """429 up to three times; 401, 403 and 400 not at all."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at))["error"] == error
        assert 1 <= len(at.models.asked) <= most

    run_with(tmp_path, FLEET, SECRETS, talk, Organisation(answers=[reaction]))


def test_a_gateway_that_was_busy_is_asked_again(tmp_path: Path) -> None:
    """Nobody hears of a 429 that passed."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at))["source"] == "llm_gateway"
        assert len(at.models.asked) == 2

    run_with(tmp_path, FLEET, SECRETS, talk, Organisation(answers=[429, [delta("Oui."), DONE]]))


def test_personal_data_is_taken_out_on_both_ways(tmp_path: Path) -> None:
    """The document looks at the question alone; and inside longer numbers, and never at münchen.de."""

    async def talk(at: Arrangement) -> None:
        said = await turn(at, "I am a.b@münchen.de, SSN 078-05-1120, tracking 99955512345670")
        sent = json.dumps(at.models.asked[-1], ensure_ascii=False)
        assert "münchen" not in sent
        assert "078-05-1120" not in sent
        assert "[EMAIL REDACTED]" in sent
        assert "99955512345670" in sent
        assert said["messages"] == [{"text": "Write to [EMAIL REDACTED]"}]

    run_with(tmp_path, FLEET, SECRETS, talk, organisation(delta("Write to a@exam"), delta("ple.com"), DONE))


@pytest.mark.parametrize("text", ["How do I HACK it?", "hacked", "bypass  security", "exploits"])
def test_words_that_may_not_be_asked_reach_no_model(tmp_path: Path, text: str) -> None:
    """The document misses endings and a second blank."""

    async def talk(at: Arrangement) -> None:
        assert (await turn(at, text))["error"] == "blocked-input"
        assert at.models.asked == []

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


def test_a_long_conversation_is_cut_at_its_oldest_turns(tmp_path: Path) -> None:
    """The system message stays, whole turns go, and one message that is too long alone is told as such."""

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = [{"from": "customer", "text": f"{n} " + "word " * 3_000} for n in range(10)]
        await turn(at)
        asked = at.models.asked[-1]
        assert asked["systemInstruction"] == SYSTEM
        kept = [message["content"].split()[0] for message in asked["messages"][:-1]]
        assert len(kept) < 10
        assert kept == [str(n) for n in range(10 - len(kept), 10)]

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


def test_the_cost_is_the_declared_price_of_what_was_used(tmp_path: Path) -> None:
    """Without usage from the gateway tokens are counted by us, and 0.002 a thousand is 2 a million."""

    async def talk(at: Arrangement) -> None:
        metrics = (await turn(at))["metrics"]
        assert metrics["total_tokens"] == metrics["prompt_tokens"] + metrics["completion_tokens"] > 0
        assert metrics["cost_usd"] == pytest.approx(metrics["total_tokens"] * 0.002 / 1000, abs=1e-6)
        assert metrics["model"] == "gpt-35-turbo"
        assert "Where is my order" not in at.logged

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


@pytest.mark.parametrize("whole", [True, False], ids=["in one piece", "streamed"])
def test_an_organisation_is_verified_whether_it_streams_or_not(tmp_path: Path, whole: bool) -> None:  # noqa: FBT001
    """A gateway that routes are answered by must not be called broken by the command that looks at it."""

    async def talk(at: Arrangement) -> None:
        if whole:
            at.models.answers = [Whole("pong")]
        code, said = await command(tmp_path / "checkout", "verify")
        assert code == 0, said
        assert "canary" not in said
        assert (await turn(at))["source"] == "llm_gateway"

    run_with(tmp_path, FLEET, SECRETS, talk, organisation())


def test_a_silent_model_does_not_keep_the_caller(tmp_path: Path) -> None:
    """Thirty seconds are longer than any bot waits."""

    async def talk(at: Arrangement) -> None:
        said = await turn(at)
        assert (said["source"], said["messages"]) == ("fallback", [{"text": SORRY}])

    quick = FLEET.replace("gateway: talks}", "gateway: talks, timeoutMs: 300}\n  deadlineMs: 1500")
    run_with(tmp_path, quick, SECRETS, talk, organisation(delta("Où"), SILENT))
