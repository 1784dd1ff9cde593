"""An adapter before MLflow's gateway, and a colleague with a console."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from tampering import Tampering

from reconciler.engine import SystemClock
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Material, Platform
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms.mlflow import PLATFORM
from reconciler.testing.fakes import RecordingProgress
from reconciler.transport import Target, connect

ROOT = "/api/3.0/mlflow/gateway"
HOOKS = "/api/2.0/mlflow/webhooks"
_names = itertools.count()

DECIDING = r"/endpoints/(create|update|delete)$|/webhooks"
"""The writes that decide whether a creation, a change or a removal has happened."""


def key(key_id: str) -> str:
    return f"/spec/credentials/{key_id}/apiKey"


def endpoint(upstream: str, name: str = "chat") -> Resource:
    """An endpoint with two keys, in canonical form."""
    spec = {
        "provider": "openai",
        "model": "gpt-4o",
        "apiBase": upstream,
        "credentials": {"key-a": {"priority": 2}, "key-b": {"priority": 1}},
        "fallbackStrategy": "failover",
    }
    refs = {key(key_id): SecretRef("env", (key_id,)) for key_id in ("key-a", "key-b")}
    return Resource(Address("prod", "Endpoint", name), spec, refs)


def webhook(receiver: str) -> Resource:
    """A webhook in canonical form."""
    spec = {"name": "costs", "url": receiver, "events": ["budget_policy.exceeded", "prompt.created"]}
    return Resource(Address("prod", "Webhook", "costs"), spec, {"/spec/secret": SecretRef("env", ("HOOK",))})


HOOK_MATERIAL: Material = {"/spec/secret": SecretValue("whsec-made-up-0123456789")}


@dataclass
class MlflowBench:
    """Implements the suite's Bench."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    http: httpx.AsyncClient
    network: Tampering
    upstream: str
    receiver: str
    material: Material
    name: str = field(default_factory=lambda: f"asked-{next(_names)}")
    """A name that no test has used: what was asked once is remembered for seconds, under its name."""

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        return [(endpoint(self.upstream, self.name), self.material), (webhook(self.receiver), HOOK_MATERIAL)]

    def altered(self, resource: Resource) -> Resource:
        new = {"model": "gpt-4"} if resource.address.kind == "Endpoint" else {"events": ["prompt.created"]}
        return replace(resource, spec={**resource.spec, **new})

    async def meddle(self, live: Live) -> None:
        await self.http.post(f"{ROOT}/endpoints/update", json={"endpoint_id": live.raw["endpoint_id"]})

    async def written(self) -> int:
        return self.network.written

    async def lose_answer(self) -> None:
        await self.network.lose_answer()

    async def refuse_echoing(self) -> None:
        await self.network.refuse_echoing()

    async def listed(self, kind: str, member: str) -> list[Any]:
        """All objects of one kind, as the console shows them."""
        found: list[Any] = (await self.http.get(f"{ROOT}/{kind}/list")).json().get(member, [])
        return found

    async def names(self) -> dict[str, list[str]]:
        """Names of everything there is."""
        return {
            "secrets": sorted(s["secret_name"] for s in await self.listed("secrets", "secrets")),
            "definitions": sorted(d["name"] for d in await self.listed("model-definitions", "model_definitions")),
            "endpoints": sorted(e["name"] for e in await self.listed("endpoints", "endpoints")),
        }

    async def post(self, call: str, body: Any) -> Any:
        """A colleague's write."""
        answer = await self.http.post(f"{ROOT}/{call}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def opened(url: str, upstream: str, receiver: str, material: Material) -> AsyncIterator[MlflowBench]:
    """An adapter of its own."""
    platform, gateway, network = PLATFORM, Gateway("prod", "mlflow", url), Tampering(DECIDING)
    client = connect(Target("prod", url), SystemClock(), RecordingProgress(), network)
    async with httpx.AsyncClient(base_url=url, timeout=120) as http:
        adapter = platform.open(gateway, client)
        try:
            yield MlflowBench(platform, gateway, adapter, http, network, upstream, receiver, material)
        finally:
            await client.close()


def emptied(url: str) -> None:
    """Remove everything, in the order that the server allows."""
    kinds = (
        ("endpoints", "endpoints", "endpoint_id"),
        ("model-definitions", "model_definitions", "model_definition_id"),
        ("secrets", "secrets", "secret_id"),
    )
    with httpx.Client(base_url=url, timeout=120) as http:
        for kind, member, key_name in kinds:
            for each in http.get(f"{ROOT}/{kind}/list").json().get(member, []):
                http.request("DELETE", f"{ROOT}/{kind}/delete", json={key_name: each[key_name]})
        while found := http.get(HOOKS).json().get("webhooks", []):
            for each in found:
                http.delete(f"{HOOKS}/{each['webhook_id']}")
