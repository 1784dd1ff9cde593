"""Conversations at one host, models at another: neither ever has the credential of the other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from raw_server import linked
from router_bench import CXONE, SECRET, hex_of
from scenario_bench import Bench
from source_hosts import CLIENT_SECRET, MODEL_KEY, Arrangement, Models, at_work, run_with

from reconciler.errors import Defect
from reconciler.model.secret import SecretValue
from reconciler.transport import BearerCredential

FLEET = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: bots}
spec:
  platform: cxone
  url: CONVERSATIONS
  auth: {oauth: {clientId: {file: id}, clientSecret: {file: secret}}}
---
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
metadata: {name: answers, gateways: models}
spec:
  provider: openai
  model: gpt-4o-mini
  credentials: [{keyId: k, priority: 1, apiKey: {file: model}}]
lifecycle: {manage: observe}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {name: talk}
spec: {engine: braces, system: You are kind., user: "{{last_message}}", variables: {last_message: {}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {name: bot, gateways: models}
spec:
  channel: cxone
  signature: {scheme: hmac, secrets: [{file: cxone}]}
  history: {gateway: bots}
  prompt: talk
  endpoint: answers
"""
SOCKET = "  transport: websocket\n"


@pytest.mark.parametrize("method", ["POST", "WS"])
def test_no_credential_is_ever_seen_by_another_host(tmp_path: Path, method: str) -> None:
    """Whoever runs the one host must not be able to act at the other."""
    fleet = FLEET if method == "POST" else FLEET.replace("  url: MODELS\n", "  url: MODELS\n" + SOCKET)

    async def talk(at: Arrangement) -> None:
        at.conversations.turns = [{"from": "customer", "text": "Hello"}, {"from": "bot", "text": "Good day"}]
        body = json.dumps({"botId": "b", "sessionId": "s", "lastMessage": "Where is it?"}).encode()
        said = (await at.client.post(CXONE, content=body, headers={"X-Webhook-Signature": hex_of(body)})).json()
        assert (said["source"], said["messages"]) == ("llm_gateway", [{"text": "It is on its way."}])
        (asked,) = at.models.of("/v1/chat/completions")
        assert asked.method == method
        assert [one["content"] for one in asked.json["messages"]] == [
            "You are kind.",
            "Hello",
            "Good day",
            "Where is it?",
        ]
        assert MODEL_KEY in at.models.everything
        assert MODEL_KEY not in at.conversations.everything
        for secret in (CLIENT_SECRET, "canary-token-1"):
            assert secret in at.conversations.everything
            assert secret not in at.models.everything
        assert "canary" not in at.logged

    run_with(tmp_path, fleet, {"cxone": SECRET}, talk)


STRAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: bots}}
spec:
  platform: cxone
  url: {url}
  transport: websocket
  webSocketUrl: {socket}
  auth: {auth}
"""
OAUTH = "{oauth: {clientId: {env: CLIENT_ID}, clientSecret: {env: CLIENT_SECRET}}}"
HERE = "https://gateway.example.com"
STRAYS = [
    (HERE, "wss://gateway.example.com/bots", OAUTH, "", 0),
    (HERE, "wss://gateway.example.com:8443", OAUTH, "", 0),
    (HERE, "wss://models.example.com", OAUTH, "", 1),
    (HERE, "wss://models.example.com", "{bearer: {env: CLIENT_SECRET}}", "", 1),
    (HERE, "wss://models.example.com", "{header: {name: X-Key, value: {env: CLIENT_SECRET}}}", "", 1),
    (HERE, "wss://models.example.com", OAUTH, "'*'", 1),
    (HERE, "wss://models.example.com", OAUTH, "'*.example.com'", 0),
    (HERE, "wss://gateway.example.com.evil.example", OAUTH, "", 1),
    ("https://acme.platform.nicecxone.com", "wss://stream.nicecxone.com", OAUTH, "", 0),
    ("https://gateway.example.com", "wss://stream.nicecxone.com", OAUTH, "", 1),
    ("http://127.0.0.1:9001", "ws://127.0.0.1:9001", OAUTH, "", 0),
    ("http://127.0.0.1:9001", "ws://127.0.0.1:9002", OAUTH, "", 1),
    ("http://127.0.0.1:9001", "ws://127.0.0.1:9002", OAUTH, "127.0.0.1", 0),
    ("'embedded:'", "ws://127.0.0.1:9002", OAUTH, "", 1),
]


@pytest.mark.parametrize(("url", "socket", "auth", "allowed", "code"), STRAYS)
def test_a_socket_of_somebody_else_is_refused_at_its_line(
    bench: Bench, url: str, socket: str, auth: str, allowed: str, code: int
) -> None:
    """A token of the bot platform must not travel to the models' host because one line says so."""
    bench.write("manifests/gateway.yaml", STRAY.format(url=url, socket=socket, auth=auth))
    if allowed:
        bench.write("reconciler.yaml", f"allowedHosts: [{allowed}]\n")
    found = bench.run("validate")
    assert found.code == code, found.out + found.err
    assert ("WIRING010" in found.out) is bool(code)
    if code:
        assert "manifests/gateway.yaml:8" in found.out


def test_the_transport_refuses_a_socket_of_somebody_else_itself() -> None:
    """Whoever makes a client by hand has no `validate` before it."""

    async def main() -> None:
        other, key = Models(), BearerCredential(SecretValue(MODEL_KEY))
        async with at_work(other, other.routes()):
            elsewhere = other.url.replace("http", "ws", 1)
            async with linked("https://gateway.example.com", credential=key, socket_url=elsewhere) as client:
                with pytest.raises(Defect):
                    async with client.converse("/v1/chat/completions"):
                        pass
        assert other.seen == []

    asyncio.run(main())
