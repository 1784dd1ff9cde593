"""What tests of a real LiteLLM share: a person with the master key, an adapter, and a team's checkout."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import server_litellm
from litellm_person import Person
from receiver import Receiver, receiving
from relay import ECHO, LOSE, Relay, Write, relaying
from scenario_bench import Bench
from server_litellm import MASTER, Stack

from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Material, Platform
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.platforms.litellm.capabilities import EVENTS, MARK
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Client, Target, connect

SECRETS = {"A": "sk-first-0123456789abcd", "B": "sk-second-0123456789fgh"}
MARK_AT_REST = {"managed_by": "reconciler", "kind": "Webhook", "pending": "", "unfinished": False}
"""What the webhook's mark says besides name and address when no write is under way."""

ASKING = frozenset({"/health/test_connection", "/v1/chat/completions"})


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One proxy for all tests: it takes most of a minute to start."""
    with server_litellm.stack(tmp_path_factory.mktemp("litellm")) as found:
        yield found


@pytest.fixture
def person(stack: Stack) -> Person:
    """An empty proxy."""
    found = Person(stack.url)
    found.wipe()
    return found


@pytest.fixture
def relay(stack: Stack) -> Iterator[Relay]:
    """A relay in front of the proxy."""
    with relaying(stack.url, ASKING) as found:
        yield found


def endpoint(name: str = "chat", **more: Any) -> Resource:
    """An endpoint with two keys; `more` goes into its spec."""
    spec = {
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": {"low": {"priority": 1}, "high": {"priority": 2}},
        "rateLimits": {"requestsPerMinute": 600, "concurrentConnections": 9},
        "timeoutMs": 2500,
        "fallbackStrategy": "failover",
    }
    secrets = {
        "/spec/credentials/low/apiKey": SecretRef("env", ("A",)),
        "/spec/credentials/high/apiKey": SecretRef("env", ("B",)),
    }
    return Resource(Address("prod", "Endpoint", name), {**spec, **more}, secrets)


def webhook(url: str, name: str = "costs") -> Resource:
    """A webhook as LiteLLM has it."""
    return Resource(Address("prod", "Webhook", name), {"name": name, "url": url, "events": sorted(EVENTS)})


def material(resource: Resource, **keys: str) -> Material:
    """Made-up keys, or those given by keyId."""
    found = {path: SecretValue(SECRETS[ref.locator[0]]) for path, ref in resource.secrets.items()}
    return found | {f"/spec/credentials/{key_id}/apiKey": SecretValue(key) for key_id, key in keys.items()}


@dataclass
class LitellmBench:
    """The suite's view of one proxy behind a relay."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    relay: Relay
    client: Client
    receiver: Receiver

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        return [(endpoint(), material(endpoint())), (webhook(f"{self.receiver.url}/hook"), {})]

    def altered(self, resource: Resource) -> Resource:
        if resource.address.kind == "Webhook":
            return webhook(f"{self.receiver.url}/other")
        return replace(resource, spec={**resource.spec, "model": "gpt-4"})

    async def meddle(self, live: Live) -> None:
        raise AssertionError(f"there are no revisions to move: {live.address}")

    async def written(self) -> int:
        return len(self.relay.writes)

    async def lose_answer(self) -> None:
        """A write of ours is several requests; the one whose answer leaves doubt is the last."""
        before = len(self.relay.writes)
        self.relay.once(lambda write: is_last(write, self.relay.writes[before:]), LOSE)

    async def refuse_echoing(self) -> None:
        self.relay.once(lambda _write: True, ECHO)


def is_last(write: Write, since: Sequence[Write]) -> bool:
    """Whether a request ends a write: the anchor's or the webhook's mark, or the last deployment."""
    if write.path == f"/credentials/{MARK}":
        return write.method == "DELETE" or write.body["credential_info"] == MARK_AT_REST | {
            name: write.body["credential_info"][name] for name in ("name", "url")
        }
    if write.path == "/model/delete":
        return any(earlier.method == "DELETE" for earlier in since)
    return write.method == "PATCH" and write.path.endswith("%3Ahigh") and write.path.startswith("/credentials/")


@asynccontextmanager
async def opened(stack: Stack, relay: Relay, key: str = MASTER, **paths: str) -> AsyncIterator[LitellmBench]:
    """An adapter that speaks through the relay; `paths` are the Gateway's, by default where the model server is."""
    gateway = Gateway("prod", "litellm", relay.url, paths=paths or {"openai": stack.upstream})
    platform = find("litellm")
    target = Target("prod", relay.url, BearerCredential(SecretValue(key)))
    client = connect(target, FakeClock(), RecordingProgress())
    with receiving() as receiver:
        try:
            yield LitellmBench(platform, gateway, platform.open(gateway, client), relay, client, receiver)
        finally:
            await client.close()


GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: prod}}
spec:
  platform: litellm
  url: {url}
  auth: {{bearer: {{env: LITELLM_KEY}}}}
  paths: {{openai: "{upstream}"}}
"""


@pytest.fixture
def checkout(stack: Stack, person: Person, relay: Relay, tmp_path: Path) -> Bench:
    """A team's checkout, whose gateway is the proxy behind the relay."""
    assert person.url == stack.url
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RECONCILER_", "GITHUB_", "CI")) and name not in {"NO_COLOR", "FORCE_COLOR"}
    }
    keys = {"KEY_A": "sk-aaaaaaaaaaaaaaaa", "KEY_B": "sk-bbbbbbbbbbbbbbbb", "LITELLM_KEY": MASTER}
    bench = Bench(tmp_path, relay.url, environ | keys)
    bench.write("manifests/gateway.yaml", GATEWAY.format(url=relay.url, upstream=stack.upstream))
    return bench


def manifest(name: str, *, model: str = "gpt-4o", keys: str = "ab", more: str = "", lifecycle: str = "") -> str:
    """One endpoint; `keys` name its keys, the best first."""
    credentials = "".join(
        f"    - {{keyId: key-{key}, priority: {20 - rank}, apiKey: {{env: KEY_{key.upper()}}}}}\n"
        for rank, key in enumerate(keys)
    )
    return f"""\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {{name: {name}}}
spec:
  provider: openai
  model: {model}
  credentials:
{credentials}  readiness: {{deadlineSeconds: 5}}
{more}{lifecycle}"""
