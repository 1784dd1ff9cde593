"""The adapters of Cognigy.AI, Genesys Cloud and OpenAI-compatible gateways keep the published laws, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.embedded import FaultPlan, serve
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Material, Platform
from reconciler.model.resource import EMPTY, Gateway, Lifecycle, Manage, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import of_gateway
from reconciler.platforms.cognigy.capabilities import COMPLETED
from reconciler.testing.adapter_suite import Law, laws_for
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Credential, OAuthCredential, Target, connect

KEYS = {"A": "sk-first-0123456789abcd", "B": "second+0123456789/fgh=="}
BEARER = BearerCredential(SecretValue("the-gateways-own-key"))
ONE = "/api/v1/llm-gateway/providers"


def provider(name: str, *keys: str) -> tuple[Resource, Material]:
    """An endpoint with its keys, as a manifest has it."""
    paths = {f"/spec/credentials/{key}/apiKey": key for key in keys}
    spec = {
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": {key: {"priority": 10 - rank} for rank, key in enumerate(keys)},
    }
    refs = {path: SecretRef("env", (key,)) for path, key in paths.items()}
    return Resource(Address("prod", "Endpoint", name), spec, refs), EMPTY


@dataclass
class GatewayBench:
    """One gateway in a box."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    http: httpx.AsyncClient
    written_of: list[str] = field(default_factory=list)

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        given = [provider("one", "B", "A")[0], provider("two", "A")[0]]
        if not self.platform.capabilities.kinds["Endpoint"].create:
            given = [replace(given[0], lifecycle=Lifecycle(manage=Manage.OBSERVE))]
        normal = [self.platform.normalize(resource) for resource in given]
        return [(r, {p: SecretValue(KEYS[ref.locator[0]]) for p, ref in r.secrets.items()}) for r in normal]

    def altered(self, resource: Resource) -> Resource:
        return replace(resource, spec={**resource.spec, "timeoutMs": 20_000})

    async def meddle(self, live: Live) -> None:
        body = {name: value for name, value in live.raw.items() if name not in {"id", "version"}}
        body["apiKeyRotation"] = {**body["apiKeyRotation"], "keys": ["sk-meddler-0123456789"]}
        answer = await self.http.put(f"{ONE}/{live.remote_id}", json=body)
        assert answer.status_code == 200, answer.text

    async def lose_answer(self) -> None:
        await self._next_write({"drop": "after"})

    async def refuse_echoing(self) -> None:
        await self._next_write({"status": 400, "echo": True})

    async def _next_write(self, deed: Mapping[str, Any]) -> None:
        rule = {"match": {"method": "[PD]*", "path": "/api/*", "times": 1}, "do": deed}
        answer = await self.http.put("/_embedded/faults", json={"rules": [rule]})
        assert answer.status_code == 200, answer.text

    async def written(self) -> int:
        counts = (await self.http.get("/_embedded/requests")).json()["last"]
        return sum(r["method"] != "GET" and r["path"].startswith("/api/") for r in counts)


def gateways(url: str) -> Mapping[str, tuple[Gateway, Credential]]:
    """The gateways that the laws are held against."""
    oauth = OAuthCredential(f"{url}/login/oauth2/token", SecretValue("us"), SecretValue("our secret"))
    return {
        "cognigy as given": (Gateway("prod", "cognigy", url), BEARER),
        "cognigy completed": (Gateway("prod", "cognigy", url, paths=COMPLETED), BEARER),
        "genesys": (Gateway("prod", "genesys", url), oauth),
        "openai": (Gateway("prod", "openai", url), BEARER),
    }


CASES = [
    (name, law)
    for name, (gateway, _) in gateways("http://x.example.com").items()
    for law in laws_for(of_gateway(gateway).capabilities)
]


async def keeps(law: Law, name: str, folder: Path) -> None:
    plan = FaultPlan.read({"models": ["gpt-4o"]} if name in {"genesys", "openai"} else {})
    async with (
        serve(folder / "gateway.sqlite", admin=True, faults=plan) as url,
        httpx.AsyncClient(base_url=url, headers={"authorization": "Bearer meddler"}) as http,
    ):
        gateway, credential = gateways(url)[name]
        platform = of_gateway(gateway)
        client = connect(Target("prod", url, credential), FakeClock(), RecordingProgress())
        try:
            await law(GatewayBench(platform, gateway, platform.open(gateway, client), http))
        finally:
            await client.close()


@pytest.mark.parametrize(("name", "law"), CASES, ids=[f"{name}-{law.__name__}" for name, law in CASES])
def test_a_gateway_keeps_the_law(name: str, law: Law, tmp_path: Path) -> None:
    """Every platform behaves alike where the engine relies on it, for all that it declares and nothing more."""
    asyncio.run(keeps(law, name, tmp_path))
