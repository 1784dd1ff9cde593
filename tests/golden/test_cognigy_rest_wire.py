"""What goes over the wire to Cognigy's REST API, call by call, as its published material has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cognigy_bench import ID, PATHS, RICH, SIMPLE, changed, material, resource
from wire import listening

from reconciler.model.ports import Adapter, Ask
from reconciler.model.resource import Gateway
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import HeaderCredential, Target, connect

GOLDEN = Path(__file__).parent / "wire-cognigy-rest"
Said = tuple[int, dict[str, str], Any]
Call = Callable[[Adapter], Awaitable[object]]


def ok(body: Any) -> Said:
    return (200, {}, body)


def listed(*items: Any, following: str | None = None) -> Said:
    return ok({"items": list(items), "total": len(items), "nextCursor": following, "previousCursor": None})


def connection(key: str) -> dict[str, Any]:
    return {
        "_id": f"c-{key}",
        "referenceId": f"ref-{key}",
        "name": f"ep-one--{key}",
        "type": "OpenAICompatibleProvider",
    }


def model(name: str, **more: Any) -> dict[str, Any]:
    return {
        "_id": f"m-{name}",
        "referenceId": f"ref-{name}",
        "name": name,
        "modelType": "custom-model",
        "provider": "openAICompatible",
        "connectionId": "ref-k1",
        "openAICompatible": {"customModel": "qwen-3", "baseCustomUrl": "https://llm.example.com/v1", "theirs": "kept"},
        **more,
    }


def settings(reference: str | None = None) -> Said:
    cases = {case: {"largeLanguageModelId": reference, "temperature": 0.3} for case in ("aiAgent", "knowledgeSearch")}
    return ok({"generativeAISettings": {"enabled": True, "useCasesSettings": cases}})


def made(body: Any) -> Said:
    return (201, {}, body)


DONE: Said = (204, {}, None)
WANTED = resource(spec=RICH)
ONE = resource(spec={**RICH, "credentials": {"k1": {"priority": 1}}, "options": {**RICH["options"], "useCases": []}})
FALLBACK = model("ep-one--fallback", connectionId="ref-k2")
MODEL = model("ep-one", isDefault=True, fallbacks=[{"largeLanguageModelId": "ref-ep-one--fallback"}])
EMPTY = [listed(), listed(), settings()]
WHOLE = [listed(MODEL, FALLBACK), listed(connection("k1"), connection("k2")), settings("ref-ep-one")]
LEAN = [listed(model("ep-one")), listed(connection("k1")), settings()]


async def observe(adapter: Adapter) -> object:
    seen = await adapter.observe()
    assert seen.complete
    assert [live.remote_id for live in seen.objects] == ["m-ep-one", "m-ep-two"]
    return seen


async def create(adapter: Adapter) -> object:
    return await adapter.create(WANTED, material(WANTED))


async def create_lean(adapter: Adapter) -> object:
    return await adapter.create(ONE, material(ONE))


async def create_bedrock(adapter: Adapter) -> object:
    given = resource(spec={**SIMPLE, "provider": "bedrock", "options": {"region": "eu-central-1"}})
    return await adapter.create(given, {path: SecretValue("AKIAMADEUP:made/up+secret") for path in given.secrets})


async def update(adapter: Adapter) -> object:
    live = await adapter.read(WANTED.address, "m-ep-one")
    assert live is not None
    assert live.spec == WANTED.spec
    options = {"baseCustomUrl": "https://llm.example.com/v2", "useCases": ["aiAgent"]}
    secrets = {"/spec/credentials/k1/apiKey": SecretRef("env", ("B",))}
    other = replace(changed(ONE, options=options), secrets=secrets)
    return await adapter.update(other, live, material(other))


async def delete(adapter: Adapter) -> None:
    live = await adapter.read(WANTED.address, "m-ep-one")
    assert live is not None
    await adapter.delete(live)


async def verify(adapter: Adapter) -> object:
    live = await adapter.read(WANTED.address, "m-ep-one")
    assert live is not None
    return await adapter.verify(WANTED, live)


async def preflight(adapter: Adapter) -> None:
    async def once(ask: Ask) -> Any:
        return await ask()

    await adapter.preflight(ONE, material(ONE), "ep-one-candidate-1", once)


CANDIDATE = [
    listed(model("ep-one-candidate-1")),
    listed({**connection("k1"), "name": "ep-one-candidate-1--k1"}),
    settings(),
]
VALID = ok({"llmProvider": "openAICompatible", "isCredentialsValid": True, "msg": "ok"})

CALLS: dict[str, tuple[Call, list[Said]]] = {
    "observe": (
        observe,
        [
            listed(model("ep-one"), following="a b&c"),
            listed(connection("k1")),
            settings(),
            listed(model("ep-two")),
        ],
    ),
    "create": (
        create,
        [
            *EMPTY,
            *(made(connection(key)) for key in ("k1", "k2")),
            made(FALLBACK),
            made(model("ep-one--new")),
            *(DONE, DONE),
            *WHOLE,
        ],
    ),
    "create-lean": (create_lean, [*EMPTY, made(connection("k1")), made(model("ep-one")), *LEAN]),
    "create-bedrock": (create_bedrock, [*EMPTY, made(connection("k1")), made(model("ep-one")), *LEAN]),
    "update": (update, [*WHOLE, *WHOLE, *[DONE] * 5, *LEAN]),
    "delete": (delete, [*WHOLE, *WHOLE, DONE, DONE, made(model("ep-one--gone")), *[DONE] * 5]),
    "verify": (verify, [*WHOLE, *WHOLE, VALID, VALID]),
    "preflight": (
        preflight,
        [*LEAN, made(connection("x")), made(model("ep-one-candidate-1")), *CANDIDATE, VALID, *CANDIDATE, DONE, DONE],
    ),
}


async def spoken(call: Call, answers: list[Said]) -> str:
    """Everything that one call sends."""
    async with listening(answers) as wire:
        credential = HeaderCredential("X-API-Key", SecretValue("made-up-api-key"))
        client = connect(Target("prod", wire.url, credential, concurrency=1), FakeClock(), RecordingProgress())
        gateway = Gateway("prod", "cognigy-rest", wire.url, paths={**PATHS, "root": "/new/v2.0"})
        try:
            await call(find("cognigy-rest").open(gateway, client))
        finally:
            await client.close()
        assert wire.answers == []
        return "\n\n".join(wire.requests) + "\n"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_as_published(name: str) -> None:
    """A vendor's server is strict about names and order that a counterpart of our own would forgive."""
    call, answers = CALLS[name]
    assert ID in PATHS["project"]
    assert asyncio.run(spoken(call, answers)) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
