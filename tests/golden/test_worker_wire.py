"""What is sent to smg and to MLflow, call by call, word by word: both ignore what they do not know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from wire import listening

from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Target, connect

GOLDEN = Path(__file__).parent
Answered = tuple[int, dict[str, str], Any]
Call = Callable[[Adapter], Awaitable[object]]

KEYS = {f"/spec/credentials/{k}/apiKey": SecretValue(f"sk-made-up-{k}") for k in ("key-a", "key-b")}
REFS = {path: SecretRef("env", ("K",)) for path in KEYS}
ENDPOINT, WEBHOOK = Address("prod", "Endpoint", "chat"), Address("prod", "Webhook", "costs")
BASE = "http://models.example.com/v1"


def ok(body: Any, status: int = 200) -> Answered:
    return (status, {"content-type": "application/json"}, body)


def spoken(platform: str, call: Call, answers: Sequence[Answered]) -> str:
    """Everything that one call sends."""

    async def run() -> str:
        async with listening(answers) as wire:
            credential = BearerCredential(SecretValue("made-up-token"))
            client = connect(Target("prod", wire.url, credential, concurrency=1), FakeClock(), RecordingProgress())
            try:
                await call(find(platform).open(Gateway("prod", platform, wire.url), client))
            finally:
                await client.close()
            assert not wire.answers, "fewer calls than answers"
            return "\n\n".join(wire.requests) + "\n"

    return asyncio.run(run())


# ---- smg

WORKER = {
    "id": "w-1",
    "url": BASE,
    "status": "ready",
    "priority": 7,
    "cost": 2.5,
    "labels": {"team": "bots", "reconciler.name": "chat", "reconciler.provider": "openai", "reconciler.write": "3"},
    "models": [{"id": "gpt-4o", "provider": "openai"}],
}
AFTER = {**WORKER, "labels": {**WORKER["labels"], "reconciler.write": "4"}}  # type: ignore[dict-item]
GOING = {**WORKER, "status": "draining"}
QUEUED = {"status": "accepted", "worker_id": "w-1"}


def worker(**change: Any) -> Resource:
    spec = {"provider": "openai", "model": "gpt-4o", "apiBase": BASE, "credentials": {"key-a": {"priority": 7}}}
    return Resource(ENDPOINT, {**spec, **change}, {path: REFS[path] for path in list(REFS)[:1]})


def worker_live() -> Live:
    return Live(ENDPOINT, "w-1", {"apiBase": BASE, "provider": "openai"}, WORKER)


SMG: dict[str, tuple[Call, Sequence[Answered]]] = {
    "list": (lambda a: a.observe(), [ok({"workers": [WORKER, GOING], "total": 2})]),
    "create": (lambda a: a.create(worker(), KEYS), [ok(QUEUED, 202), ok(WORKER)]),
    "patch": (lambda a: a.update(worker(model="gpt-4"), worker_live(), KEYS), [ok(QUEUED, 202), ok(WORKER), ok(AFTER)]),
    "put": (lambda a: a.update(worker(provider="xai"), worker_live(), KEYS), [ok(QUEUED, 202), ok(AFTER)]),
    "delete": (lambda a: a.delete(worker_live()), [ok(QUEUED, 202), ok(WORKER), ok(GOING)]),
    "move": (
        lambda a: a.update(worker(apiBase="http://other.example.com"), worker_live(), KEYS),
        [ok(QUEUED, 202), ok(GOING), ok({**QUEUED, "worker_id": "w-2"}, 202), ok({**WORKER, "id": "w-2"})],
    ),
    "verify": (lambda a: a.verify(worker(), worker_live()), [ok(WORKER)]),
}


@pytest.mark.parametrize("name", sorted(SMG))
def test_smg_is_told_this(name: str) -> None:
    """A PUT that leaves something out resets it, and a misspelt field is swallowed: the bytes are the contract."""
    call, answers = SMG[name]
    assert spoken("smg", call, answers) == (GOLDEN / "wire_smg" / f"{name}.txt").read_text(encoding="utf-8")


# ---- MLflow


def secret(key: str) -> dict[str, Any]:
    return {
        "secret_id": f"s-{key}",
        "secret_name": f"reconciler/chat/{key}",
        "provider": "openai",
        "masked_values": {"api_key": "sk-...1111"},
        "auth_config": {"api_base": BASE, "organization": "kept"},
    }


def definition(key: str) -> dict[str, Any]:
    return {
        "model_definition_id": f"d-{key}",
        "name": f"reconciler/chat/{key}",
        "secret_id": f"s-{key}",
        "provider": "openai",
        "model_name": "gpt-4o",
    }


def mapped(key: str, order: int) -> dict[str, Any]:
    kind: dict[str, Any] = (
        {"linkage_type": "FALLBACK", "fallback_order": order} if order else {"linkage_type": "PRIMARY"}
    )
    return {"model_definition_id": f"d-{key}", "model_definition": definition(key), **kind}


STORED = {
    "endpoint_id": "e-1",
    "name": "chat",
    "last_updated_at": 1,
    "model_mappings": [mapped("key-b", 1), mapped("key-a", 0)],
    "fallback_config": {"strategy": "SEQUENTIAL", "max_attempts": 2},
}
SECRETS = {"secrets": [secret("key-a"), secret("key-b")]}
DEFINITIONS = {"model_definitions": [definition("key-a"), definition("key-b")]}
STOCK = [ok(SECRETS), ok(DEFINITIONS), ok({"endpoints": [STORED]})]
EMPTY = [ok({}), ok({}), ok({})]
GONE: Answered = (404, {}, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "GatewayEndpoint not found"})
READ = [ok({"endpoint": STORED}), ok(SECRETS)]
HOOKED = {
    "webhook_id": "h-1",
    "name": "costs",
    "url": "https://hooks.example.com/x",
    "events": [{"entity": "PROMPT", "action": "CREATED"}],
    "status": "ACTIVE",
    "last_updated_timestamp": 5,
}


def chat(*keys: str, **change: Any) -> Resource:
    spec = {
        "provider": "openai",
        "model": "gpt-4o",
        "apiBase": BASE,
        "credentials": {key: {"priority": len(keys) - n} for n, key in enumerate(keys)},
        "fallbackStrategy": "failover",
    }
    return Resource(
        ENDPOINT, {**spec, **change}, {path: ref for path, ref in REFS.items() if path.split("/")[3] in keys}
    )


def hook() -> Resource:
    spec = {
        "name": "costs",
        "url": "https://hooks.example.com/x",
        "events": ["budget_policy.exceeded", "prompt.created"],
    }
    return Resource(WEBHOOK, spec, {"/spec/secret": SecretRef("env", ("H",))})


HOOK_KEY = {"/spec/secret": SecretValue("whsec-made-up")}


async def changed(adapter: Adapter, resource: Resource) -> None:
    live = await adapter.read(ENDPOINT, "chat")
    assert live is not None
    await adapter.update(resource, live, KEYS)


async def removed(adapter: Adapter) -> None:
    live = await adapter.read(ENDPOINT, "chat")
    assert live is not None
    await adapter.delete(live)


def made(member: str, found: dict[str, Any]) -> Answered:
    return ok({member: found})


MLFLOW: dict[str, tuple[Call, Sequence[Answered]]] = {
    "list": (
        lambda a: a.observe(),
        [*STOCK[:1], ok({"webhooks": [HOOKED], "next_page_token": "a b&c"}), *STOCK[1:2], ok({}), *STOCK[2:]],
    ),
    "create": (
        lambda a: a.create(chat("key-a", "key-b"), KEYS),
        [
            GONE,
            *EMPTY,
            *(made("secret", secret("key-a")), made("model_definition", definition("key-a"))),
            *(made("secret", secret("key-b")), made("model_definition", definition("key-b"))),
            *(GONE, made("endpoint", STORED), *READ),
        ],
    ),
    "update": (
        lambda a: changed(a, chat("key-b", "key-a", model="gpt-4.1")),
        [
            *READ,
            *STOCK,
            *(made("secret", secret("key-b")), made("model_definition", definition("key-b"))),
            *(made("secret", secret("key-a")), made("model_definition", definition("key-a"))),
            *(made("endpoint", STORED), *READ),
        ],
    ),
    "drop-a-key": (
        lambda a: changed(a, chat("key-a")),
        [*READ, *STOCK, made("secret", secret("key-a")), made("endpoint", STORED), ok({}), ok({}), *READ],
    ),
    "another-provider": (
        lambda a: changed(a, chat("key-a", provider="mistral")),
        [
            *(*READ, *STOCK, ok({}), made("secret", secret("key-a")), made("model_definition", definition("key-a"))),
            *(made("endpoint", STORED), ok({}), ok({}), *READ),
        ],
    ),
    "delete-what-others-use": (
        removed,
        [
            *(*READ, *STOCK[:2], ok({"endpoints": [STORED, {**STORED, "name": "theirs", "endpoint_id": "e-2"}]})),
            *(made("endpoint", STORED), ok({}), ok({})),
        ],
    ),
    "delete": (removed, [*READ, *STOCK, made("endpoint", STORED), *[ok({})] * 6]),
    "verify": (
        lambda a: a.verify(chat("key-a"), Live(ENDPOINT, "chat", {})),
        [ok({"choices": [{}], "model": "gpt-4o"})],
    ),
    "webhook-create": (lambda a: a.create(hook(), HOOK_KEY), [made("webhook", HOOKED)]),
    "webhook-update": (lambda a: a.update(hook(), Live(WEBHOOK, "h-1", {}), HOOK_KEY), [made("webhook", HOOKED)]),
    "webhook-delete": (lambda a: a.delete(Live(WEBHOOK, "h-1", {})), [ok({})]),
    "webhook-verify": (
        lambda a: a.verify(hook(), Live(WEBHOOK, "h-1", {})),
        [made("webhook", HOOKED), ok({"result": {"success": True, "response_status": 200}})],
    ),
}


@pytest.mark.parametrize("name", sorted(MLFLOW))
def test_mlflow_is_told_this(name: str) -> None:
    """The order of calls survives a kill, and one field left out wipes another: the bytes are the contract."""
    call, answers = MLFLOW[name]
    assert spoken("mlflow", call, answers) == (GOLDEN / "wire_mlflow" / f"{name}.txt").read_text(encoding="utf-8")
