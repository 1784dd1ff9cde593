"""A question through a real gateway to a provider that streams: put by a probe, and by the router for a bot."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scenario_bench import Bench
from servers import Server, free_port, running

SECRET = "webhook-secret-made-up-0123456789"
SAID = "with the key that was given"

RULES = f"""\
version: 1
rules:
  - {{name: given, when: {{header.authorization: "Bearer GOOD"}}, respond: {{content: "{SAID}"}}}}
  - {{name: refused, when: {{header.authorization: "Bearer BAD"}}, respond: {{status: 401, error: no such key}}}}
"""


def declared(name: str) -> str:
    """A gate and a route before an Endpoint, with a price by its model; `name` is the Endpoint's."""
    return f"""\
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {{name: ping}}
spec: {{engine: braces, user: "{{{{last_message}}}}", variables: {{last_message: {{default: Say yes.}}}}}}
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {{name: list-price}}
spec: {{models: {{gpt-4o: {{prompt: 2.5, completion: 10}}}}}}
---
apiVersion: reconciler/v1
kind: Probe
metadata: {{name: answers}}
spec:
  endpoints: {name}
  prompt: ping
  gate: true
  cheapest: models
  pricing: list-price
  expect: {{finishReason: stop, minTokens: 1, maxCostUsd: 1}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {{name: bot}}
spec:
  channel: cxone
  signature: {{scheme: hmac, secrets: [{{env: HOOK_SECRET}}]}}
  prompt: ping
  endpoint: {name}
  pricing: list-price
"""


@contextmanager
def streaming(folder: Path, good: str, bad: str) -> Iterator[str]:
    """A provider from the package registry that answers one key, whole or in pieces, and refuses another; its URL."""
    port, place = free_port(), folder / "streaming"
    place.mkdir()
    (place / "fakellm.yaml").write_text(RULES.replace("GOOD", good).replace("BAD", bad))
    command: list[str | Path] = [sys.executable, "-m", "fakellm.cli", "serve", "--host", "127.0.0.1"]
    ready = f"http://127.0.0.1:{port}/_fakellm/stats"
    with running(Server("fakellm", [*command, "--port", str(port)], ready, place, {"PYTHONPATH": ""}, 60)):
        yield f"http://127.0.0.1:{port}/v1"


def probed(bench: Bench) -> Mapping[str, str]:
    """What `verify` says of each check of the one Endpoint that is probed."""
    outcomes = bench.run("verify", "--format", "json").json["outcomes"]
    checks = [check for outcome in outcomes for check in outcome["checks"] if check.get("probe")]
    return {check["name"]: check["status"] for check in checks}


def turned(bench: Bench) -> Any:
    """The answer to a bot's call, by the router that the checkout declares."""
    with serving(bench) as url:
        return called(url + "/webhook/cxone", {"botId": "b", "sessionId": "s", "lastMessage": "Say yes."})


@contextmanager
def serving(bench: Bench) -> Iterator[str]:
    """The router that the checkout declares, as a process; its URL."""
    bench.environ["HOOK_SECRET"] = SECRET
    process = bench.start("-q", "serve", "--port", "0")
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), process.communicate()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def called(url: str, event: Mapping[str, Any]) -> Any:
    """The answer to one signed call."""
    body = json.dumps(event).encode()
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-webhook-signature": signed}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())
