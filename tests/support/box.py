"""The gateway in a box over a real socket, and a bare client with a token before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.embedded import FaultPlan, serve

API = "/api/v1/llm/gateway"
ONE = f"{API}/endpoints/ep-one"
FORM = {"grant_type": "client_credentials", "client_id": "team", "client_secret": "s3cret/+ %"}
KEY = "sk-0123456789abcdef"

Said = Callable[[httpx.AsyncClient], Awaitable[Any]]


def endpoint(**fields: Any) -> dict[str, Any]:
    """A body that the contract allows."""
    return {
        "name": "ep-one",
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": [{"keyId": "k1", "apiKey": KEY, "priority": 1}],
        "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
        "fallbackStrategy": "failover",
        **fields,
    }


def hook(**fields: Any) -> dict[str, Any]:
    """A webhook's body that the contract allows."""
    return {
        "name": "hook",
        "url": "https://h.example.com",
        "events": ["endpoint.created"],
        "secret": "whsec-0123456789",
        **fields,
    }


@asynccontextmanager
async def gateway(
    store: Path, faults: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token before a gateway with these faults."""
    async with (
        serve(store, faults=FaultPlan.read(faults or {}), **options) as url,
        httpx.AsyncClient(base_url=url, timeout=120) as client,
    ):
        token = (await client.post("/oauth/token", data=FORM)).json().get("access_token", "")
        client.headers["authorization"] = f"Bearer {token}"
        yield client


def ask(store: Path, said: Said, faults: dict[str, Any] | None = None, **options: Any) -> Any:
    """One conversation with a fresh gateway over `store`."""

    async def talk() -> Any:
        async with gateway(store, faults, **options) as client:
            return await said(client)

    return asyncio.run(talk())


def rule(do: dict[str, Any], **match: Any) -> dict[str, Any]:
    """A plan of one fault that spares the token endpoint."""
    return {"rules": [{"match": {"path": f"{API}/*", **match}, "do": do}]}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the gateway keeps its objects."""
    return tmp_path / "gateway.sqlite"
