"""MLflow's adapter against MLflow itself: the published laws, and each of the server's pitfalls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import mlflow_bench
import pytest
import server_mlflow
from mlflow_bench import HOOK_MATERIAL, HOOKS, MlflowBench, endpoint, key, webhook
from model_server import Provider, provider

from reconciler.engine import SystemClock
from reconciler.engine.verify import until_ready
from reconciler.errors import Conflict, GatewayError, OutcomeUnknown
from reconciler.model.resource import Resource
from reconciler.model.run import Verdict
from reconciler.model.secret import SecretValue
from reconciler.testing.adapter_suite import LAWS, Law

pytestmark = pytest.mark.real

MATERIAL = {key("key-a"): SecretValue(server_mlflow.FIRST), key("key-b"): SecretValue(server_mlflow.SECOND)}
PARTS = ["reconciler/chat/key-a", "reconciler/chat/key-b"]
WHOLE = {"secrets": PARTS, "definitions": PARTS, "endpoints": ["chat"]}
NOTHING: dict[str, list[str]] = {"secrets": [], "definitions": [], "endpoints": []}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[server_mlflow.Stack, Provider]]:
    """The gateway, its provider, and a receiver of webhooks."""
    with server_mlflow.stack(tmp_path_factory.mktemp("mlflow")) as stack, provider() as receiver:
        yield stack, receiver


Try = Callable[[Callable[[MlflowBench], Awaitable[None]]], None]


@pytest.fixture
def tried(served: tuple[server_mlflow.Stack, Provider]) -> Iterator[Try]:
    """Runs a test with an adapter of its own, on a gateway with nothing on it."""
    stack, receiver = served

    def run(test: Callable[[MlflowBench], Awaitable[None]]) -> None:
        async def alone() -> None:
            async with mlflow_bench.opened(stack.url, stack.upstream, receiver.url + "/hook", MATERIAL) as bench:
                await test(bench)

        asyncio.run(alone())

    mlflow_bench.emptied(stack.url)
    yield run
    mlflow_bench.emptied(stack.url)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_mlflow_keeps_the_law(law: Law, tried: Try) -> None:
    """Every platform behaves alike where the engine relies on it; this one against the gateway itself."""
    tried(law)
