"""A turn of each bot, with a history at one host and a model at another, through servers that were not written here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import server_litellm
import server_mockllm
from asking import SECRET, called, serving
from scenario_bench import Bench, another_gateway

pytestmark = pytest.mark.real

ASKED = "Where is it?"
EARLIER = [{"from": "USER", "text": "I ordered a lamp."}, {"from": "BOT", "text": "What is its number?"}]
SAID = "It is on its way."
DECISION = {
    "classified_intent": "order-status",
    "confidence": 0.9,
    "suggested_response": "Your lamp is on its way.",
    "requires_human_agent": False,
}
KEY = server_litellm.MASTER

FLEET = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: talks}}
spec:
  platform: cxone
  url: {histories}
  auth: {{oauth: {{clientId: {{env: CLIENT_ID}}, clientSecret: {{env: CLIENT_SECRET}}}}}}
---
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: models}}
spec:
  platform: openai
  url: {models}
  auth: {{bearer: {{env: MODEL_KEY}}}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: talker, gateways: [models]}}
spec:
  provider: openai
  model: gpt-4o
  credentials: [{{keyId: own, priority: 1, apiKey: {{env: MODEL_KEY}}}}]
lifecycle: {{manage: observe}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: decider, gateways: [models]}}
spec:
  provider: openai
  model: gpt-4o-mini
  credentials: [{{keyId: own, priority: 1, apiKey: {{env: MODEL_KEY}}}}]
lifecycle: {{manage: observe}}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: talk}}
spec: {{engine: braces, user: "{{{{last_message}}}}", variables: {{last_message: {{}}}}}}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: decide}}
spec: {{engine: braces, user: "Decide: {{{{last_message}}}}", variables: {{last_message: {{}}}}}}
---
apiVersion: reconciler/v1
kind: ResponseSchema
metadata: {{name: decision}}
spec:
  schema:
    type: object
    required: [classified_intent, confidence, suggested_response, requires_human_agent]
    properties:
      classified_intent: {{type: string}}
      confidence: {{type: number}}
      suggested_response: {{type: string}}
      requires_human_agent: {{type: boolean}}
---
apiVersion: reconciler/v1
kind: Probe
metadata: {{name: talks, gateways: [models]}}
spec: {{endpoints: talker, prompt: talk, variables: {{last_message: "Where is it?"}}}}
---
apiVersion: reconciler/v1
kind: Probe
metadata: {{name: decides, gateways: [models]}}
spec:
  endpoints: decider
  prompt: decide
  variables: {{last_message: "Where is it?"}}
  expect: {{schema: decision}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: bot, gateways: [models]}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{env: HOOK_SECRET}}]}}
  history: {{gateway: talks}}
  prompt: talk
  endpoint: talker
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: fallback, gateways: [models]}}
spec:
  channel: cognigy
  signature: {{scheme: hmac, secrets: [{{env: HOOK_SECRET}}]}}
  history: {{gateway: talks}}
  prompt: decide
  endpoint: decider
  response: decision
"""


def checkout(folder: Path, histories: str, models: str) -> Bench:
    """A team that has its conversations at one host and its models at another."""
    bench = Bench(folder / "checkout", histories, {"CLIENT_ID": "team", "CLIENT_SECRET": "teams-secret-value"})
    bench.environ |= {"MODEL_KEY": KEY, "HOOK_SECRET": SECRET}
    bench.root.mkdir()
    bench.manifests(FLEET.format(histories=histories, models=models))
    bench.faults(conversations={"*": EARLIER})
    return bench


@contextmanager
def litellm(folder: Path) -> Iterator[str]:
    """The proxy, which answers by itself what its file says."""
    said = {"gpt-4o": SAID, "gpt-4o-mini": json.dumps(DECISION)}
    listed = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "sk-x", "mock_response": text}}
        for name, text in said.items()
    ]
    config = json.dumps({"model_list": listed, "general_settings": {"master_key": KEY}})
    with server_litellm.configured(folder / "proxy", config, {}) as server:
        yield server.ready.rsplit("/", 2)[0]


@contextmanager
def mockllm(folder: Path) -> Iterator[str]:
    """The small server."""
    with server_mockllm.serving(folder, {ASKED: SAID, f"Decide: {ASKED}": json.dumps(DECISION)}) as url:
        yield url


SERVERS = {"litellm": litellm, "mockllm": mockllm}


@pytest.fixture(params=SERVERS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """The fleet before each server."""
    with another_gateway(tmp_path) as histories, SERVERS[request.param](tmp_path) as models:
        yield checkout(tmp_path, histories, models)


def asked(bench: Bench, path: str, event: Mapping[str, Any]) -> Any:
    """The answer to one call of a bot."""
    with serving(bench) as url:
        return called(url + path, event)


def test_each_bot_has_an_answer_with_its_history(bench: Bench) -> None:
    """What only works against servers of our own works for nobody."""
    event: dict[str, Any] = {"botId": "b", "sessionId": "s", "lastMessage": ASKED}
    talked = asked(bench, "/webhook/cxone", event)
    assert (talked["source"], talked["messages"]) == ("llm_gateway", [{"text": SAID}])
    event = {"conversationId": "c", "userId": "u", "lastMessage": ASKED, "confidenceScore": 0.4, "metadata": {}}
    decided = asked(bench, "/webhook/cognigy/fallback", event)
    said = decided["routing_decision"]["suggested_response"]
    assert said == DECISION["suggested_response"], decided
    read = json.dumps(bench.requests()["last"])
    assert "/sessions/s/messages" in read
    assert "/conversations/summaries" in read


def test_verify_is_green_where_the_models_answer(bench: Bench) -> None:
    """A server without a list of models, or without a health call, is in order when its model answers a question."""
    done = bench.run("verify", "--format", "json")
    assert done.code == 0, done.out + done.err
