"""A probe through a gateway to a provider that others wrote: `fakellm` from the package registry, offline."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scenario_bench import GATEWAY, Bench, endpoint

RULES = """\
version: 1
rules:
  - name: refused
    when: {header.authorization: Bearer sk-bbbbbbbbbbbbbbbbbbbbbbbb}
    respond: {status: 401, error: Incorrect API key provided}
  - name: taken
    when: {header.authorization: Bearer sk-aaaaaaaaaaaaaaaaaaaaaaaa}
    respond: {content: '{"mood": "good"}'}
"""

PROBED = """\
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {name: mood}
spec: {engine: braces, system: Answer with JSON., user: How do you do?}
---
apiVersion: reconciler/v1
kind: ResponseSchema
metadata: {name: mood}
spec:
  repairAttempts: 0
  schema: {type: object, required: [mood], properties: {mood: {type: string}}}
---
apiVersion: reconciler/v1
kind: Probe
metadata: {name: feels}
spec:
  endpoints: one
  prompt: mood
  gate: true
  expect: {schema: mood, finishReason: stop, minTokens: 1}
"""


@contextmanager
def process(*command: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block."""
    started = subprocess.Popen([sys.executable, *command], cwd=cwd, text=True, stdout=subprocess.PIPE)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(timeout=300)
        assert started.stdout is not None
        started.stdout.close()


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def stats(url: str) -> dict[str, int]:
    """How often each rule of the provider was met. Raises URLError before it listens."""
    with urllib.request.urlopen(f"{url}/_fakellm/stats", timeout=120) as answer:  # noqa: S310 - loopback
        found: dict[str, int] = json.loads(answer.read())["by_rule"]
        return found


def awaited(url: str) -> None:
    """Until the provider listens."""
    for _ in range(200):
        try:
            stats(url)
        except urllib.error.URLError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the provider did not start")


@pytest.fixture
def provider(bench: Bench, tmp_path: Path) -> Iterator[str]:
    """The provider, with the tiny gateway between it and the team's checkout."""
    (tmp_path / "fakellm.yaml").write_text(RULES, encoding="utf-8")
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    tiny = Path(__file__).parents[1] / "support" / "tiny_gateway.py"
    with (
        process("-m", "fakellm.cli", "serve", "--port", port, cwd=tmp_path),
        process(tiny, bench.url, url, cwd=tmp_path) as between,
    ):
        assert between.stdout is not None
        awaited(url)
        bench.write(
            "manifests/gateway.yaml",
            GATEWAY.format(url=between.stdout.readline().strip(), total=10) + "  transport: websocket\n",
        )
        yield url


@pytest.mark.slow
def test_a_key_that_the_provider_refuses_is_found_by_the_gate_and_taken_back(bench: Bench, provider: str) -> None:
    """The gateway takes any key and calls the endpoint valid; only a question shows what the provider thinks of it."""
    bench.manifests(endpoint("one", key="KEY_B"), PROBED)
    refused = bench.apply("--on-failure", "rollback")
    assert refused.code == 4, refused.out + refused.err
    [outcome] = refused.json["outcomes"]
    assert outcome["status"] == "rolled_back", refused.out
    assert {check["name"]: check["status"] for check in outcome["checks"]} == {
        "reachable": "ready",
        "quota": "ready",
        "probe feels answer": "rejected",
    }
    assert "the key was refused" in outcome["error"]
    assert stats(provider) == {"refused": 1}
    assert bench.endpoints() == {}
    assert "sk-bbbb" not in refused.out + refused.err
    bench.manifests(endpoint("one", key="KEY_A"), PROBED)
    accepted = bench.apply("--on-failure", "rollback")
    assert accepted.code == 0, accepted.out + accepted.err
    assert stats(provider) == {"refused": 1, "taken": 1}
    assert set(bench.endpoints()) == {"one"}
