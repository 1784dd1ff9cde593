"""Calls to Cognigy.AI, Genesys Cloud and OpenAI-compatible gateways go over the wire exactly as their contracts say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from wire import listening

from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import of_gateway
from reconciler.platforms.cognigy.capabilities import COMPLETED
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Credential, OAuthCredential, Target, connect

GOLDEN = Path(__file__).parent / "wire"
TOKEN: tuple[int, dict[str, str], Any] = (200, {}, {"access_token": "made-up-token", "expires_in": 86_400})
ENDPOINT = Resource(
    Address("bots", "Endpoint", "production openai"),
    {
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": {"fallback": {"priority": 1}, "primary": {"priority": 2}},
    },
    {f"/spec/credentials/{key}/apiKey": SecretRef("env", (key,)) for key in ("fallback", "primary")},
)
STORED: dict[str, Any] = {
    "name": "production openai",
    "type": "OPENAI",
    "apiKeyRotation": {"enabled": True, "keys": ["****mary"], "rotationStrategy": "ROUND_ROBIN_ON_FAILURE", "burst": 1},
    "defaultModel": "gpt-4",
    "timeoutMs": 15000,
    "retryOnRateLimit": True,
    "residency": "eu",
}
Do = Callable[[Adapter, Resource], Awaitable[object]]


def keys(resource: Resource) -> dict[str, SecretValue]:
    return {path: SecretValue(f"sk-made-up-{ref.locator[0]}") for path, ref in resource.secrets.items()}


async def create(adapter: Adapter, resource: Resource) -> object:
    return await adapter.create(resource, keys(resource))


async def observe(adapter: Adapter, _resource: Resource) -> object:
    return await adapter.observe()


async def update(adapter: Adapter, resource: Resource) -> object:
    live = await adapter.read(resource.address, None)
    assert live is not None
    return await adapter.update(resource, live, keys(resource))


async def delete(adapter: Adapter, resource: Resource) -> None:
    await adapter.delete(Live(resource.address, resource.address.name, {}))


async def verify(adapter: Adapter, resource: Resource) -> object:
    return await adapter.verify(resource, Live(resource.address, resource.address.name, {}))


CALLS: dict[str, tuple[str, Do, list[tuple[int, dict[str, str], Any]]]] = {
    "cognigy-register": ("cognigy", create, [(201, {}, STORED)]),
    "cognigy-health": ("cognigy", verify, [(200, {"x-permissions": "llm-gateway:manage"}, {})]),
    "cognigy-list": ("cognigy completed", observe, [(200, {}, {"items": [STORED]})]),
    "cognigy-replace": ("cognigy completed", update, [(200, {}, STORED), (200, {}, STORED)]),
    "cognigy-remove": ("cognigy completed", delete, [(204, {}, None)]),
    "genesys-invoke": ("genesys", verify, [TOKEN, (200, {"content-type": "text/event-stream"}, {})]),
    "openai-verify": ("openai", verify, [(200, {}, {}), (200, {}, {"data": [{"id": "gpt-4o"}]})]),
}


def credential_for(platform: str, url: str) -> Credential:
    """As wiring makes it: the scopes and the renewal are the platform's."""
    if platform != "genesys":
        return BearerCredential(SecretValue("made-up-key"))
    scopes = of_gateway(Gateway("bots", "genesys", url)).capabilities.scopes
    return OAuthCredential(f"{url}/login/oauth2/token", SecretValue("made-up-id"), SecretValue("p&ss"), scopes)


async def spoken(case: str, call: Do, answers: list[tuple[int, dict[str, str], Any]]) -> str:
    """Everything that one call sends."""
    name, _, completed = case.partition(" ")
    async with listening(answers) as wire:
        gateway = Gateway("bots", name, wire.url, paths=COMPLETED if completed else {})
        target = Target("bots", wire.url, credential_for(name, wire.url), concurrency=1)
        client = connect(target, FakeClock(), RecordingProgress())
        platform = of_gateway(gateway)
        try:
            await call(platform.open(gateway, client), platform.normalize(ENDPOINT))
        finally:
            await client.close()
        return "\n\n".join(wire.requests) + "\n"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_what_its_contract_says(name: str) -> None:
    """A vendor's server is strict about names, order and headers that a test of our own reader would forgive."""
    case, call, answers = CALLS[name]
    assert asyncio.run(spoken(case, call, answers)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
