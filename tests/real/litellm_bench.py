"""What tests of a real LiteLLM share: a person with the master key, an adapter, and a team's checkout."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import server_litellm
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
RELOADED_SECONDS = 45

MARK_AT_REST = {"managed_by": "reconciler", "kind": "Webhook", "pending": "", "unfinished": False}
"""What the webhook's mark says besides name and address when no write is under way."""

ASKING = frozenset({"/health/test_connection", "/v1/chat/completions"})


@dataclass
class Person:
    """Somebody with the master key and a shell, who knows nothing of this tool."""

    url: str
    key: str = MASTER

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
        """One request: status, body, headers."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {self.key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), dict(error.headers)

    def make(self, path: str, body: Any, method: str = "POST") -> Any:
        """A request that has to succeed."""
        status, answer, _ = self.call(method, path, body)
        assert status == 200, answer
        return answer

    def ask(self, model: str) -> tuple[str, str]:
        """A question to a model: the key that reached the provider, and the deployment that served."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        status, answer, headers = self.call("POST", "/v1/chat/completions", body)
        assert status == 200, answer
        said: str = answer["choices"][0]["message"]["content"]
        return said.removeprefix("Bearer "), headers["x-litellm-model-id"]

    def deployments(self) -> dict[str, dict[str, Any]]:
        """All that is listed: parameters and name by id."""
        listed = self.call("GET", "/v2/model/info?size=1000")[1]["data"]
        return {
            each["model_info"]["id"]: {"model_name": each["model_name"], **each["litellm_params"]} for each in listed
        }

    def credentials(self) -> list[str]:
        """Names of all credentials."""
        return sorted(each["credential_name"] for each in self.call("GET", "/credentials")[1]["credentials"])

    def fallbacks(self) -> dict[str, list[str]]:
        """Fallbacks by model."""
        entries = self.call("GET", "/router/settings")[1]["current_values"]["fallbacks"] or []
        return {name: models for entry in entries for name, models in entry.items()}

    def add(self, group: str, deployment: str, info: Mapping[str, Any] | None = None, **params: Any) -> None:
        """A deployment as people make them."""
        body = {"model_name": group, "litellm_params": params, "model_info": {"id": deployment, **(info or {})}}
        self.make("/model/new", body)

    def change(self, deployment: str, **params: Any) -> None:
        """A change as people make them."""
        name = urllib.parse.quote(deployment, safe="")
        self.make(f"/model/{name}/update", {"litellm_params": params}, "PATCH")

    def holds(self, wanted: set[str]) -> bool:
        """Whether these deployments and credentials, and no others, are there, or will be after the next reload.

        Credentials are listed from memory. A reload that read the database just before one was removed puts it back
        into the list, though it is gone, until the next reload half a minute later.
        """
        ends = time.monotonic() + RELOADED_SECONDS
        while not (found := set(self.deployments()) == set(self.credentials()) == wanted) and time.monotonic() < ends:
            time.sleep(1)
        return found

    def alerting(self) -> list[str] | None:
        """Where alerts go; None where nobody has said."""
        status, said, _ = self.call("GET", "/config/field/info?field_name=alerting")
        return said["field_value"] if status == 200 else None

    def alert(self, *destinations: str, url: str = "") -> None:
        """Say where alerts go, as people do."""
        settings = {"alerting": list(destinations)}
        self.make("/config/update", {"general_settings": settings, "environment_variables": {"WEBHOOK_URL": url}})

    def forget_alerting(self) -> None:
        """Take the setting away, which a running proxy does not notice."""
        self.make("/config/field/delete", {"config_type": "general_settings", "field_name": "alerting"})

    def administrator(self) -> str:
        """The key of a new administrator: LiteLLM sends its test event once a day for each."""
        key: str = self.make("/user/new", {"user_role": "proxy_admin"})["key"]
        return key

    def wipe(self) -> None:
        """Nothing is left for the next test."""
        if self.alerting() is not None:
            self.alert()
            self.forget_alerting()
        for name in self.fallbacks():
            self.make(f"/fallback/{name}", None, "DELETE")
        for deployment in self.deployments():
            self.make("/model/delete", {"id": deployment})
        for name in self.credentials():
            status, answer, _ = self.call("DELETE", f"/credentials/{urllib.parse.quote(name, safe='')}")
            assert status in {200, 404}, answer  # 404: listed, though it is gone (see `holds`)


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
