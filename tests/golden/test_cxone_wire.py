"""The sample endpoint and webhook go over the wire exactly as the contract says, call by call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from wire import listening

from reconciler.manifest import LoadOptions, load
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.live import Live
from reconciler.model.ports import Adapter
from reconciler.model.resource import Resource
from reconciler.model.secret import SecretValue
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import OAuthCredential, Target, connect

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "wire"
ENDPOINT = Address("prod", "Endpoint", "ep-gpt4-prod-01")
WEBHOOK = Address("prod", "Webhook", "llm-cost-sync")
TOKEN: tuple[int, dict[str, str], Any] = (200, {}, {"access_token": "made-up-token", "expires_in": 3600})
KEYS = {
    "/spec/credentials/key-primary-01/apiKey": SecretValue("sk-made-up-primary"),
    "/spec/credentials/key-fallback-02/apiKey": SecretValue("sk-made-up-fallback"),
}
HOOK = {"/spec/secret": SecretValue("whsec-made-up")}

STORED: dict[str, Any] = {
    "endpointId": "ep-gpt4-prod-01",
    "version": 7,
    "name": "production-openai-gpt4",
    "provider": "openai",
    "model": "gpt-4",
    "credentials": [
        {"keyId": "key-primary-01", "apiKey": "****mary", "priority": 2, "note": "kept"},
        {"keyId": "key-gone-03", "apiKey": "****gone", "priority": 1},
    ],
    "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1, "burst": 9},
    "fallbackStrategy": "failover",
    "residency": "eu",
}
HOOKED = {"id": "wh-1", "version": 3, "name": "llm-cost-sync", "url": "https://x.example.com", "events": []}
READY = {"status": "ok", "latencyMs": 12, "quotaRemaining": 5000, "providerReachable": True}


def desired() -> Desired:
    """The example fleet, from the files that users read."""
    return load([ROOT / "manifests"], LoadOptions(ROOT))


async def read(adapter: Adapter, _fleet: Callable[[Address], Resource]) -> object:
    return await adapter.read(ENDPOINT, "ep-gpt4-prod-01")


async def create(adapter: Adapter, fleet: Callable[[Address], Resource]) -> object:
    return await adapter.create(fleet(ENDPOINT), KEYS)


async def update(adapter: Adapter, fleet: Callable[[Address], Resource]) -> object:
    live = await adapter.read(ENDPOINT, "ep-gpt4-prod-01")
    assert live is not None
    return await adapter.update(fleet(ENDPOINT), live, KEYS)


async def delete(adapter: Adapter, _fleet: Callable[[Address], Resource]) -> None:
    live = await adapter.read(ENDPOINT, "ep-gpt4-prod-01")
    assert live is not None
    await adapter.delete(live)


async def validate(adapter: Adapter, fleet: Callable[[Address], Resource]) -> object:
    return await adapter.verify(fleet(ENDPOINT), Live(ENDPOINT, "ep-gpt4-prod-01", {}))


async def preflight(adapter: Adapter, fleet: Callable[[Address], Resource]) -> None:
    async def once(ask: Callable[[], Awaitable[Any]]) -> Any:
        return await ask()

    await adapter.preflight(fleet(ENDPOINT), KEYS, "ep-gpt4-prod-01-candidate-0001", once)


async def hook_create(adapter: Adapter, fleet: Callable[[Address], Resource]) -> object:
    return await adapter.create(fleet(WEBHOOK), HOOK)


async def hook_update(adapter: Adapter, fleet: Callable[[Address], Resource]) -> object:
    live = await adapter.read(WEBHOOK, "wh-1")
    assert live is not None
    return await adapter.update(fleet(WEBHOOK), live, HOOK)


async def hook_delete(adapter: Adapter, _fleet: Callable[[Address], Resource]) -> None:
    live = await adapter.read(WEBHOOK, "wh-1")
    assert live is not None
    await adapter.delete(live)


ETAG = {"etag": '"7"'}
CALLS: dict[str, tuple[Callable[..., Awaitable[object]], list[tuple[int, dict[str, str], Any]]]] = {
    "read": (read, [(200, ETAG, STORED)]),
    "create": (create, [(201, ETAG, STORED)]),
    "update": (update, [(200, ETAG, STORED), (200, {"etag": '"8"'}, STORED)]),
    "delete": (delete, [(200, ETAG, STORED), (204, {}, None)]),
    "validate": (validate, [(200, {}, READY)]),
    "preflight": (preflight, [(404, {}, None), (201, {}, STORED), (200, {}, READY), (204, {}, None)]),
    "webhook-create": (hook_create, [(201, {}, HOOKED)]),
    "webhook-update": (hook_update, [(200, {"etag": '"3"'}, HOOKED), (200, {}, HOOKED)]),
    "webhook-delete": (hook_delete, [(200, {"etag": '"3"'}, HOOKED), (204, {}, None)]),
}


async def spoken(call: Callable[..., Awaitable[object]], answers: list[tuple[int, dict[str, str], Any]]) -> str:
    """Everything that one call sends, the token request first."""
    fleet = desired()
    gateway = fleet.gateways["prod"]
    platform = find("cxone")

    def normal(address: Address) -> Resource:
        return platform.normalize(fleet.resources[address])

    async with listening([TOKEN, *answers]) as wire:
        credential = OAuthCredential(
            wire.url + platform.token_path(gateway),
            SecretValue("made-up-id"),
            SecretValue("p&ss+wo%rd"),
            ("llm:gateway:read", "llm:gateway:write", "webhook:read", "webhook:write"),
        )
        client = connect(Target("prod", wire.url, credential, concurrency=1), FakeClock(), RecordingProgress())
        try:
            await call(platform.open(gateway, client), normal)
        finally:
            await client.close()
        return "\n\n".join(wire.requests) + "\n"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_what_the_contract_says(name: str) -> None:
    """A vendor's server is strict about names, order and headers that a test of our own reader would forgive."""
    call, answers = CALLS[name]
    assert asyncio.run(spoken(call, answers)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_lists_are_read_page_by_page() -> None:
    """The page token must go back as it came, encoded, and nothing but lists may be asked for."""

    async def listed() -> str:
        platform = find("cxone")
        first = {"items": [STORED], "nextPageToken": "a b&c"}
        second = {"items": [{**STORED, "endpointId": "ep-two"}], "nextPageToken": None}
        async with listening([(200, {}, first), (200, {}, {"items": [HOOKED]}), (200, {}, second)]) as wire:
            client = connect(Target("prod", wire.url, None, concurrency=1), FakeClock(), RecordingProgress())
            seen = await platform.open(desired().gateways["prod"], client).observe()
            await client.close()
            assert seen.complete
            assert [live.remote_id for live in seen.objects] == ["ep-gpt4-prod-01", "ep-two", "wh-1"]
            return "\n\n".join(wire.requests) + "\n"

    assert asyncio.run(listed()) == (GOLDEN / "list.txt").read_text(encoding="utf-8")


def test_an_id_cannot_leave_its_segment() -> None:
    """An id that a gateway made up may hold anything: it must reach its own object, and no other path."""

    async def asked() -> str:
        async with listening([(200, {}, {**HOOKED, "id": "../endpoints/x?y#z"})]) as wire:
            client = connect(Target("prod", wire.url, None, concurrency=1), FakeClock(), RecordingProgress())
            adapter = find("cxone").open(desired().gateways["prod"], client)
            assert await adapter.read(WEBHOOK, "../endpoints/x?y#z") is not None
            await client.close()
            first, *_ = wire.requests[0].split("\n")
            return first

    assert asyncio.run(asked()) == "GET /api/v1/llm/gateway/webhooks/..%2Fendpoints%2Fx%3Fy%23z"
