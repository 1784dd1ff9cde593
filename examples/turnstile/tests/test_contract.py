"""Turnstile keeps the laws that reconciler publishes for every platform."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import turnstile

from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Material, Platform
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.adapter_suite import Law, laws_for
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Target, connect
from reconciler_turnstile import PLATFORM

KEY = "/spec/credentials/main/apiKey"
ENDPOINT = Resource(
    Address("prod", "Endpoint", "chat"),
    {"provider": "openai", "model": "gpt-4o", "credentials": {"main": {"priority": 1}}},
    {KEY: SecretRef("env", ("A",))},
)


@dataclass
class TurnstileBench:
    """Implements the suite's Bench: one fresh gateway, and what the laws need to try the adapter on it."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    there: turnstile.Turnstile

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        return [(ENDPOINT, {KEY: SecretValue("sk-first-0123456789abcd")})]

    def altered(self, resource: Resource) -> Resource:
        return replace(resource, spec={**resource.spec, "model": "gpt-4"})

    async def meddle(self, live: Live) -> None:
        self.there.changed(live.remote_id, model="changed by hand")

    async def written(self) -> int:
        return self.there.written

    async def lose_answer(self) -> None:
        self.there.loses_answer = True

    async def refuse_echoing(self) -> None:
        self.there.echoes = True


async def keeps(law: Law) -> None:
    with turnstile.serving() as there:
        gateway = Gateway("prod", "turnstile", there.url)
        target = Target("prod", there.url, BearerCredential(SecretValue(turnstile.TOKEN)))
        client = connect(target, FakeClock(), RecordingProgress())
        try:
            await law(TurnstileBench(PLATFORM, gateway, PLATFORM.open(gateway, client), there))
        finally:
            await client.close()


@pytest.mark.parametrize("law", laws_for(PLATFORM.capabilities), ids=lambda law: law.__name__)
def test_turnstile_keeps_the_law(law: Law) -> None:
    """The engine relies on these of every platform, whoever wrote it."""
    asyncio.run(keeps(law))


def test_the_installed_platform_is_this_one() -> None:
    """The entry point is all that makes a platform known."""
    assert find("turnstile") is PLATFORM
