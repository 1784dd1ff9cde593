"""CXone's adapter keeps the published laws, against the embedded gateway on a real socket."""

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
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.adapter_suite import LAWS, Law, a_stale_revision_is_refused
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import OAuthCredential, Target, connect

SECRETS = {"A": "sk-first-0123456789abcd", "B": "second+0123456789/fgh==", "HOOK": "hook-secret-0123456789"}


def material(resource: Resource) -> Material:
    return {path: SecretValue(SECRETS[ref.locator[0]]) for path, ref in resource.secrets.items()}


@dataclass
class CxoneBench:
    """One embedded gateway."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    http: httpx.AsyncClient
    traits: Mapping[str, Any] = field(default_factory=dict)

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        endpoint = Resource(
            Address("prod", "Endpoint", "ep-one"),
            {
                "displayName": "shown",
                "provider": "openai",
                "model": "gpt-4o",
                "credentials": {"low": {"priority": 1}, "high": {"priority": 2}},
                "rateLimits": {"requestsPerMinute": 10_000, "concurrentConnections": 100, "maxTokensPerRequest": 1},
                "fallbackStrategy": "failover",
            },
            {
                "/spec/credentials/low/apiKey": SecretRef("env", ("A",)),
                "/spec/credentials/high/apiKey": SecretRef("env", ("B",)),
            },
        )
        hook = Resource(
            Address("prod", "Webhook", "hook"),
            {"name": "hook", "url": "https://h.example.com/x", "events": ["endpoint.created", "endpoint.updated"]},
            {"/spec/secret": SecretRef("env", ("HOOK",))},
        )
        return [(r, material(r)) for r in (endpoint, hook)]

    def altered(self, resource: Resource) -> Resource:
        new = {"model": "gpt-4"} if resource.address.kind == "Endpoint" else {"events": ["endpoint.updated"]}
        return replace(resource, spec={**resource.spec, **new})

    async def meddle(self, live: Live) -> None:
        kind = "endpoints" if live.address.kind == "Endpoint" else "webhooks"
        body: dict[str, Any] = {k: v for k, v in live.raw.items() if k not in {"id", "endpointId", "version"}}
        if kind == "endpoints":
            body["credentials"] = [{**c, "apiKey": "sk-meddler-0123456789"} for c in body["credentials"]]
        else:
            body["secret"] = "meddler"
        answer = await self.http.put(f"/api/v1/llm/gateway/{kind}/{live.remote_id}", json=body)
        assert answer.status_code == 200, answer.text

    async def lose_answer(self) -> None:
        await self._next_write({"drop": "after"})

    async def refuse_echoing(self) -> None:
        await self._next_write({"status": 400, "echo": True})

    async def _next_write(self, deed: Mapping[str, Any]) -> None:
        rule = {"match": {"method": "[PD]*", "path": "/api/*", "times": 1}, "do": deed}
        answer = await self.http.put("/_embedded/faults", json={**self.traits, "rules": [rule]})
        assert answer.status_code == 200, answer.text

    async def written(self) -> int:
        counts = (await self.http.get("/_embedded/requests")).json()["last"]
        return sum(r["method"] != "GET" and r["path"].startswith("/api/") for r in counts)


TRAITS: Mapping[str, Mapping[str, Any]] = {
    "as the contract says": {},
    "no ETags": {"etags": False},
    "bare lists, masks that reveal nothing": {"lists": "array", "masks": "full"},
    "no masks, fields of its own": {"masks": "absent", "server_fields": {"residency": "eu", "tags": [{"a": 1}]}},
}
"""How tenants may differ within the contract."""


async def keeps(law: Law, traits: Mapping[str, Any], folder: Path) -> None:
    platform = find("cxone")
    plan = FaultPlan.read(traits)
    async with (
        serve(folder / "gateway.sqlite", admin=True, faults=plan) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        form = {"grant_type": "client_credentials", "client_id": "meddler", "client_secret": "x"}
        token = (await http.post("/oauth/token", data=form)).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        gateway = Gateway("prod", "cxone", url)
        credential = OAuthCredential(f"{url}/oauth/token", SecretValue("us"), SecretValue("our secret"))
        client = connect(Target("prod", url, credential), FakeClock(), RecordingProgress())
        try:
            await law(CxoneBench(platform, gateway, platform.open(gateway, client), http, traits))
        finally:
            await client.close()


@pytest.mark.parametrize("traits", TRAITS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_cxone_keeps_the_law(law: Law, traits: str, tmp_path: Path) -> None:
    """Every platform behaves alike where the engine relies on it; this one against a server of its own contract."""
    if law is a_stale_revision_is_refused and traits == "no ETags":
        return  # without ETags the guard is the comparison of the engine, which the law is not about
    asyncio.run(keeps(law, TRAITS[traits], tmp_path))
