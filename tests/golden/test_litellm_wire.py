"""An endpoint goes to LiteLLM exactly as was seen to work, call by call and in an order that can be cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from wire import listening

from reconciler.errors import Rejected, Unsupported
from reconciler.model.address import Address
from reconciler.model.ports import Adapter, Ask
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Target, connect

GOLDEN = Path(__file__).parent / "wire-litellm"
UPSTREAM = "https://models.example.com/v1"
CHAT = Resource(
    Address("prod", "Endpoint", "chat"),
    {
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": {"main": {"priority": 20}, "spare": {"priority": 10}},
        "rateLimits": {"requestsPerMinute": 600},
        "timeoutMs": 2500,
        "fallbackModels": ["backup"],
        "fallbackStrategy": "failover",
    },
    {f"/spec/credentials/{key}/apiKey": SecretRef("env", (key,)) for key in ("main", "spare")},
)
KEYS = {f"/spec/credentials/{key}/apiKey": SecretValue(f"sk-made-up-{key}") for key in ("main", "spare")}

Scripted = tuple[int, dict[str, str], Any]


def deployment(group: str, deployment_id: str, **params: Any) -> Mapping[str, Any]:
    """One row of the list, with some of what LiteLLM adds."""
    return {
        "model_name": group,
        "litellm_params": {"use_litellm_proxy": False, **params},
        "model_info": {"id": deployment_id, "db_model": True, "max_tokens": 16384, "rpm": None},
    }


def listed(*rows: Mapping[str, Any], pages: int = 1) -> Scripted:
    return 200, {}, {"data": list(rows), "total_count": len(rows), "current_page": 1, "total_pages": pages}


def credentials(*names: str) -> Scripted:
    info = {"managed_by": "reconciler", "group": "chat", "unfinished": False}
    rows = [
        {"credential_name": n, "credential_info": info, "credential_values": {"api_key": "sk****in"}} for n in names
    ]
    return 200, {}, {"credentials": rows}


def router(*checks: str, **fallbacks: Sequence[str]) -> Scripted:
    entries = [{name: models} for name, models in fallbacks.items()]
    return 200, {}, {"current_values": {"fallbacks": entries, "optional_pre_call_checks": list(checks)}}


BACKUP = deployment("backup", "backup:k", model="openai/gpt-4", api_base=UPSTREAM)
MAIN = {
    "model": "openai/gpt-4o",
    "litellm_credential_name": "chat:main",
    "order": 999_980,
    "rpm": 600,
    "timeout": 2.5,
    "api_base": UPSTREAM,
}
ROWS = [
    deployment("chat", "chat:main", **MAIN),
    deployment("chat", "chat:spare", **{**MAIN, "litellm_credential_name": "chat:spare", "order": 999_990}),
]
OK: Scripted = (200, {}, {"ok": True})
ENFORCED = router("enforce_model_rate_limits", chat=["backup"])
AFTER = [listed(*ROWS), credentials("chat:main", "chat:spare"), ENFORCED]
EMPTY = [listed(BACKUP), credentials(), router("enforce_model_rate_limits")]


HOOK_URL = "https://hooks.example.com/costs"
EVENTS = ["budget_crossed", "projected_limit_exceeded", "soft_budget_crossed", "spend_tracked", "threshold_crossed"]
HOOK = Resource(Address("prod", "Webhook", "costs"), {"name": "costs", "url": HOOK_URL, "events": EVENTS})


def mark(**said: Any) -> Scripted:
    """The list of credentials, with the mark of a webhook in it."""
    info = {"managed_by": "reconciler", "name": "costs", "url": HOOK_URL, "pending": "", "unfinished": False, **said}
    return 200, {}, {"credentials": [{"credential_name": "reconciler-webhook", "credential_info": info}]}


def setting(value: Any) -> Scripted:
    return 200, {}, {"field_value": value, "source": "db"}


UNSET: Scripted = (400, {}, {"detail": {"error": "Field name=alerting is not set"}})
NO_HOOK = [credentials(), setting(["slack"]), UNSET]
THE_HOOK = [mark(), setting(["slack", "webhook"]), UNSET]


async def observe(adapter: Adapter) -> None:
    seen = await adapter.observe()
    assert [live.spec for live in seen.objects if live.remote_id == "chat"] == [CHAT.spec]


async def create(adapter: Adapter) -> None:
    assert (await adapter.create(CHAT, KEYS)).spec == CHAT.spec


async def update(adapter: Adapter) -> None:
    live = await adapter.read(CHAT.address, None)
    assert live is not None
    spec = {name: value for name, value in CHAT.spec.items() if name != "fallbackModels"}
    await adapter.update(replace(CHAT, spec={**spec, "model": "gpt-4"}), live, KEYS)


async def clear(adapter: Adapter) -> None:
    live = await adapter.read(CHAT.address, None)
    assert live is not None
    one = {"credentials": {"main": {"priority": 20}}}
    spec = {name: value for name, value in CHAT.spec.items() if name not in {"fallbackModels", "timeoutMs"}}
    await adapter.update(replace(CHAT, spec=spec | one), live, KEYS)


async def create_webhook(adapter: Adapter) -> None:
    assert (await adapter.create(HOOK, {})).spec == HOOK.spec


async def update_webhook(adapter: Adapter) -> None:
    live = await adapter.read(HOOK.address, None)
    assert live is not None
    await adapter.update(replace(HOOK, spec={**HOOK.spec, "url": "https://hooks.example.com/other"}), live, {})


async def delete_webhook(adapter: Adapter) -> None:
    live = await adapter.read(HOOK.address, None)
    assert live is not None
    await adapter.delete(live)


async def verify_webhook(adapter: Adapter) -> None:
    live = await adapter.read(HOOK.address, None)
    assert live is not None
    await adapter.verify(HOOK, live)


async def delete(adapter: Adapter) -> None:
    live = await adapter.read(CHAT.address, None)
    assert live is not None
    await adapter.delete(live)


async def verify(adapter: Adapter) -> None:
    live = await adapter.read(CHAT.address, None)
    assert live is not None
    await adapter.verify(CHAT, live)


async def preflight(adapter: Adapter) -> None:
    async def once(ask: Ask) -> Sequence[Check]:
        return await ask()

    await adapter.preflight(CHAT, KEYS, "scratch", once)


HEALTHY: Scripted = (200, {}, {"healthy_endpoints": [{"model_id": "chat:main"}], "unhealthy_endpoints": []})
SUCCESS: Scripted = (200, {}, {"status": "success", "result": {}})
CALLS: dict[str, tuple[Callable[[Adapter], Awaitable[None]], list[Scripted]]] = {
    "observe": (
        observe,
        [listed(BACKUP, ROWS[0], pages=2), credentials("chat:main", "chat:spare"), ENFORCED, listed(ROWS[1]), *NO_HOOK],
    ),
    "create": (create, [*EMPTY, *[OK] * 6, *AFTER]),
    "update": (update, [*AFTER, *AFTER, *[OK] * 5, *AFTER]),
    "clear": (clear, [*AFTER, *AFTER, *[OK] * 6, *AFTER]),
    "delete": (delete, [*AFTER, *AFTER, *[OK] * 5]),
    "verify": (verify, [*AFTER, HEALTHY]),
    "preflight": (preflight, [SUCCESS, SUCCESS]),
    "create-webhook": (create_webhook, [*NO_HOOK, *NO_HOOK, *[OK] * 3, *THE_HOOK]),
    "update-webhook": (update_webhook, [*THE_HOOK, *THE_HOOK, *[OK] * 3, *THE_HOOK]),
    "delete-webhook": (delete_webhook, [*THE_HOOK, *THE_HOOK, *[OK] * 2]),
    "verify-webhook": (verify_webhook, [*THE_HOOK, (200, {}, None)]),
}


async def spoken(call: Callable[[Adapter], Awaitable[None]], answers: list[Scripted]) -> str:
    """Everything that one call sends."""
    async with listening(answers) as wire:
        target = Target("prod", wire.url, BearerCredential(SecretValue("made-up-master")), concurrency=1)
        client = connect(target, FakeClock(), RecordingProgress())
        try:
            await call(find("litellm").open(Gateway("prod", "litellm", wire.url, paths={"openai": UPSTREAM}), client))
        finally:
            await client.close()
        return "\n\n".join(wire.requests) + "\n"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_what_was_seen_to_work(name: str) -> None:
    """The order of requests is what an interruption is mended by; names and nulls are what LiteLLM trips over."""
    call, answers = CALLS[name]
    said = asyncio.run(spoken(call, list(answers)))
    assert said == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            422,
            {"detail": [{"loc": ["body", "credential_name"], "msg": "Field required"}]},
            "body.credential_name: Field",
        ),
        (400, {"detail": {"error": "Invalid name"}}, "Invalid name"),
        (400, {"error": {"message": "No database", "type": "auth_error"}}, "No database"),
    ],
)
def test_each_way_to_say_no_is_understood(status: int, body: Any, words: str) -> None:
    """LiteLLM has three shapes of errors: whoever reads the report needs the words, whichever it was."""

    async def refused(adapter: Adapter) -> None:
        with pytest.raises(Rejected, match=words):
            await adapter.create(CHAT, KEYS)

    said = asyncio.run(spoken(refused, [*EMPTY, (status, {}, body), OK, OK]))
    assert "DELETE" not in said  # nothing was stored, so no credential has to go


@pytest.mark.parametrize("destinations", [["webhook"], ["slack"]])
def test_alerting_of_the_configuration_file_is_left_alone(destinations: list[str]) -> None:
    """The API cannot change it: whose address it sends to is for whoever keeps the file."""
    fixed: Scripted = (200, {}, {"field_value": destinations, "source": "config"})

    async def refused(adapter: Adapter) -> None:
        with pytest.raises(Rejected, match="configuration file"):
            await adapter.create(HOOK, {})

    looks = 1 if destinations == ["webhook"] else 2
    said = asyncio.run(spoken(refused, [credentials(), fixed, UNSET] * looks))
    assert "POST" not in said


def test_a_limit_that_the_proxy_would_not_keep_is_not_sent() -> None:
    """Without its pre-call check LiteLLM takes rpm for a weight: a limit that limits nothing is worse than none."""

    async def refused(adapter: Adapter) -> None:
        with pytest.raises(Unsupported, match="enforce_model_rate_limits"):
            await adapter.create(CHAT, KEYS)

    said = asyncio.run(spoken(refused, [listed(BACKUP), credentials(), router()]))
    assert "POST" not in said
