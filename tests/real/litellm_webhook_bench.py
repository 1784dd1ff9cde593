"""What tests of the webhook of a real LiteLLM share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from litellm_bench import LitellmBench, opened, webhook
from litellm_person import Person
from relay import PASS, Relay
from server_litellm import MASTER, Stack

Deed = Callable[[LitellmBench], Awaitable[None]]
Try = Callable[..., None]


@pytest.fixture
def tried(stack: Stack, person: Person, relay: Relay) -> Iterator[Try]:
    """Runs a deed with an adapter of the empty proxy, by default with the master key."""

    def run(deed: Deed, key: str = MASTER) -> None:
        async def go() -> None:
            async with opened(stack, relay, key) as bench:
                await deed(bench)

        asyncio.run(go())

    yield run
    relay.rule = lambda _write: PASS
    person.wipe()


HOOK = webhook("http://127.0.0.1:9/hook")
OTHER = webhook("http://127.0.0.1:9/other")
"""Nobody listens there."""


def manifest(url: str, name: str = "costs", lifecycle: str = "") -> str:
    """A webhook as people write it."""
    return f"""\
apiVersion: reconciler/v1
kind: Webhook
metadata: {{name: {name}}}
spec:
  url: {url}
  events: [budget_crossed, threshold_crossed, soft_budget_crossed, projected_limit_exceeded, spend_tracked]
{lifecycle}"""
