"""LiteLLM's pure half: what it cannot express, its defaults, and what a Gateway of it may say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler.errors import GatewayError, InputError, ProtocolError, SecretMissing, ServerFault
from reconciler.model.address import Address
from reconciler.model.diagnostic import Position
from reconciler.model.resource import Gateway, Lifecycle, OAuth, Readiness, Resource
from reconciler.model.run import Verdict
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.platforms.body import revealed_key
from reconciler.platforms.litellm import verify
from reconciler.platforms.litellm.alerting import HIDDEN, Alerting, Mark, alerting
from reconciler.platforms.litellm.capabilities import EVENTS, MARK
from reconciler.platforms.litellm.turns import Turns

PLATFORM = find("litellm")
GATEWAY = Gateway("prod", "litellm", "https://x.example.com")


@dataclass(frozen=True)
class Lines:
    """A source that answers with the path itself as file, so that a test sees which path was asked for."""

    def position(self, path: str) -> Position:
        return Position(path, 1, 1)


ENDPOINT = Resource(
    Address("prod", "Endpoint", "chat"),
    {"provider": "openai", "model": "gpt-4o", "credentials": {"k1": {"priority": 2}, "k2": {"priority": 1}}},
    {f"/spec/credentials/{key}/apiKey": SecretRef("env", (key,)) for key in ("k1", "k2")},
    source=Lines(),
)


def with_spec(**members: Any) -> Resource:
    return replace(ENDPOINT, spec={**ENDPOINT.spec, **members})


HOOK = Resource(
    Address("prod", "Webhook", "costs"),
    {"name": "costs", "url": "https://hooks.example.com/costs", "events": sorted(EVENTS)},
    source=Lines(),
)


def with_hook(**members: Any) -> Resource:
    return replace(HOOK, spec={**HOOK.spec, **members})


BROKEN: Mapping[str, tuple[Resource, str, str, str]] = {
    "name": (with_spec(displayName="Chat"), "PLATFORM001", "/spec/displayName", "one name"),
    "tokens": (
        with_spec(rateLimits={"maxTokensPerRequest": 9}),
        "PLATFORM001",
        "/spec/rateLimits/maxTokensPerRequest",
        "every caller may overrule",
    ),
    "retries": (with_spec(retryOnRateLimit=True), "PLATFORM001", "/spec/retryOnRateLimit", "whole router"),
    "rotation": (with_spec(rotationStrategy="x"), "PLATFORM001", "/spec/rotationStrategy", "lifecycle.ignore"),
    "provider": (with_spec(provider="nonsense"), "PLATFORM003", "/spec/provider", "openai, azure"),
    "model": (with_spec(model=""), "PLATFORM002", "/spec/model", "add it"),
    "strategy": (with_spec(fallbackStrategy="random"), "PLATFORM003", "/spec/fallbackStrategy", "failover"),
    "itself": (with_spec(fallbackModels=["chat"]), "PLATFORM003", "/spec/fallbackModels", "itself"),
    "no keys": (with_spec(credentials={}), "PLATFORM002", "/spec/credentials", "at least one"),
    "no secret": (
        replace(ENDPOINT, secrets={"/spec/credentials/k2/apiKey": SecretRef("env", ("k2",))}),
        "PLATFORM002",
        "/spec/credentials/k1",
        "refer to a secret",
    ),
    "rank": (
        with_spec(credentials={"k1": {"priority": 2_000_000}}),
        "PLATFORM003",
        "/spec/credentials/k1",
        "whole number",
    ),
    "same rank": (
        with_spec(credentials={"k1": {"priority": 1}, "k2": {"priority": 1}}),
        "PLATFORM003",
        "/spec/credentials/k2/priority",
        "spread calls",
    ),
    "zero": (
        with_spec(rateLimits={"requestsPerMinute": 0}),
        "PLATFORM003",
        "/spec/rateLimits/requestsPerMinute",
        "from 1",
    ),
    "quota": (
        replace(ENDPOINT, readiness=Readiness(quota_baseline=5)),
        "PLATFORM001",
        "/spec/readiness/quotaBaseline",
        "lifecycle.ignore",
    ),
    "latency": (
        replace(ENDPOINT, readiness=Readiness(max_latency_ms=5)),
        "PLATFORM001",
        "/spec/readiness/maxLatencyMs",
        "lifecycle.ignore",
    ),
    "nothing such": (
        replace(ENDPOINT, address=Address("prod", "Route", "bot")),
        "PLATFORM004",
        "/metadata/name",
        "litellm has no Route",
    ),
    "shown otherwise": (with_hook(name="Costs"), "PLATFORM001", "/spec/name", "displayName"),
    "signed": (
        replace(HOOK, secrets={"/spec/secret": SecretRef("env", ("HOOK",))}),
        "PLATFORM001",
        "/spec/secret",
        "signs nothing",
    ),
    "fewer events": (with_hook(events=["spend_tracked"]), "PLATFORM003", "/spec/events", "budget_crossed"),
    "other events": (with_hook(events=[*EVENTS, "key_created"]), "PLATFORM003", "/spec/events", "no key_created"),
    "an address that is not shown": (with_hook(url=HIDDEN), "PLATFORM003", "/spec/url", "lifecycle.adopt"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_litellm_would_refuse_or_not_do_is_found_at_its_field(name: str) -> None:
    """A field that LiteLLM drops in silence, or takes and does not keep, has to be told before the apply."""
    resource, code, path, words = BROKEN[name]
    found = list(PLATFORM.unsupported(resource, GATEWAY))
    assert [(d.code, d.path) for d in found] == [(code, path)]
    assert words in found[0].detail
    assert found[0].position == Position(path, 1, 1)


@pytest.mark.parametrize("name", ["name", "tokens", "retries", "rotation", "quota", "latency"])
def test_what_the_manifest_allows_to_be_left_out_is_left_out(name: str) -> None:
    """One manifest may serve gateways of several platforms."""
    resource, _, path, _ = BROKEN[name]
    allowed = replace(resource, lifecycle=Lifecycle(ignore=(path,)))
    assert not list(PLATFORM.unsupported(allowed, GATEWAY))
    assert PLATFORM.normalize(allowed).spec == PLATFORM.normalize(ENDPOINT).spec


def test_defaults_and_empty_parts_are_what_a_read_gives() -> None:
    """The second plan is empty only if both sides leave out the same things."""
    given = with_spec(displayName="chat", rateLimits={}, fallbackModels=[])
    assert PLATFORM.normalize(given).spec == {**ENDPOINT.spec, "fallbackStrategy": "failover"}


SECRET = SecretRef("env", ("X",))


@pytest.mark.parametrize(
    ("gateway", "path"),
    [
        (replace(GATEWAY, url=None, org="acme"), "/spec/org"),
        (replace(GATEWAY, url="embedded:"), "/spec/url"),
        (replace(GATEWAY, auth=OAuth(SECRET, SECRET)), "/spec/auth"),
        (replace(GATEWAY, paths={"endpoints": "/v2"}), "/spec/paths/endpoints"),
        (replace(GATEWAY, paths={"openai": "/v1"}), "/spec/paths/openai"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_refused_at_its_line(gateway: Gateway, path: str) -> None:
    """What is written under `paths` becomes the address that keys are sent to: it must not be guessed at."""
    assert [(d.code, d.path) for d in PLATFORM.unsupported(ENDPOINT, gateway)] == [("PLATFORM007", path)]
    with pytest.raises(InputError):
        PLATFORM.base_url(gateway)


def test_a_gateway_may_say_where_its_providers_are() -> None:
    """Azure and every self-hosted provider live at an address of one's own."""
    gateway = replace(GATEWAY, paths={"azure": "https://acme.openai.azure.com"})
    assert not list(PLATFORM.unsupported(ENDPOINT, gateway))
    assert PLATFORM.base_url(gateway) == "https://x.example.com"


@pytest.mark.parametrize("text", ["", "sk****11", "*****", "os.environ/OPENAI_API_KEY"])
def test_what_is_no_key_is_never_sent(text: str) -> None:
    """A mask that is read back and stored would lock the endpoint out; a reference would read the proxy's own."""
    with pytest.raises(SecretMissing):
        revealed_key({"/spec/credentials/k1/apiKey": SecretValue(text)}, "k1")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (401, Verdict.REJECTED),
        ("403", Verdict.REJECTED),
        (429, Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
        ("", Verdict.UNKNOWN),
    ],
)
def test_a_busy_provider_is_no_refusal(status: Any, verdict: Verdict) -> None:
    """A 429 or a time-out says nothing of the key, and must not roll a good one back."""
    ill = {"healthy_endpoints": [], "unhealthy_endpoints": [{"model_id": "chat:k1", "exception_status": status}]}
    assert [check.verdict for check in verify.of_health(ill, {"k1": "chat:k1"})] == [verdict]


def test_a_deployment_that_health_does_not_name_is_in_doubt() -> None:
    """Silence is no health: a deployment that is switched off is not called."""
    [check] = verify.of_health({"healthy_endpoints": [], "unhealthy_endpoints": []}, {"k1": "chat:k1"})
    assert check.verdict is Verdict.UNKNOWN


def test_a_connection_test_that_says_nothing_is_no_success() -> None:
    """Its HTTP status is 200 in any case, so that the body alone counts."""
    with pytest.raises(ProtocolError):
        verify.of_connection("k1", {})


def test_a_webhook_whose_events_are_all_named_is_taken_in_any_order() -> None:
    """LiteLLM knows no order of events, so that none may show as a difference."""
    given = with_hook(events=sorted(EVENTS, reverse=True))
    assert not list(PLATFORM.unsupported(given, GATEWAY))
    assert PLATFORM.normalize(given).spec == HOOK.spec


SENT = Mark("costs", "https://hooks.example.com/costs")


def seen(mark: Mark | None, *destinations: str, source: str = "db", types: Any = None) -> Alerting:
    """One look at a proxy."""
    rows = [] if mark is None else [{**mark.body(), "display_name": None}]
    chosen = {} if types is None else {"field_value": types, "source": "db"}
    return alerting("prod", {"credentials": rows}, {"field_value": list(destinations), "source": source}, chosen)


TOLD: Mapping[str, tuple[Alerting, str | None, str, list[str]]] = {
    "what was sent": (seen(SENT, "slack", "webhook"), "costs", SENT.url, sorted(EVENTS)),
    "switched off": (seen(SENT, "slack"), "costs", SENT.url, []),
    "deaf to budgets": (seen(SENT, "webhook", types=["llm_exceptions"]), "costs", SENT.url, ["spend_tracked"]),
    "with budgets": (seen(SENT, "webhook", types=["budget_alerts"]), "costs", SENT.url, sorted(EVENTS)),
    "cut off": (
        seen(replace(SENT, pending="https://b"), "webhook"),
        "costs",
        f"{SENT.url}, or https://b",
        sorted(EVENTS),
    ),
    "by hand": (seen(None, "webhook"), "webhook", HIDDEN, sorted(EVENTS)),
    "half made": (seen(replace(SENT, unfinished=True), "webhook"), None, "", []),
    "of the file": (seen(None, "webhook", source="config"), None, "", []),
    "nothing": (seen(None, "slack"), None, "", []),
}


@pytest.mark.parametrize("case", sorted(TOLD))
def test_the_mark_and_the_setting_together_tell_of_the_webhook(case: str) -> None:
    """The proxy shows no address: what the mark says counts only as far as the setting bears it out."""
    look, name, url, events = TOLD[case]
    assert look.name == name
    live = None if name is None else look.live(name)
    assert (None if live is None else live.spec) == (name and {"name": name, "url": url, "events": events})
    assert look.live("another") is None


def test_a_credential_of_the_same_name_that_is_not_ours_is_no_mark() -> None:
    """Somebody's words must not pass for what was sent."""
    row = {"credential_name": MARK, "credential_info": {"name": "costs", "url": "https://elsewhere.example.com"}}
    assert alerting("prod", {"credentials": [row]}, {}, {}).mark is None


@pytest.mark.parametrize("answers", [(None, {}, {}), ({"credentials": []}, [], {}), ({"credentials": []}, {}, "x")])
def test_settings_of_another_shape_are_told_and_not_guessed_at(answers: tuple[Any, Any, Any]) -> None:
    """What was not understood must not be taken for nothing there."""
    with pytest.raises(ProtocolError):
        alerting("prod", *answers)


async def taken(turns: Turns, sort: str, times: int, log: list[str]) -> None:
    """One who calls again and again; `log` gets ``+`` and ``-`` of each call."""
    for _ in range(times):
        async with turns.of(sort):
            log.append(f"+{sort}")
            await asyncio.sleep(0)
            log.append(f"-{sort}")


def test_calls_of_two_sorts_never_go_side_by_side_and_nobody_waits_for_ever() -> None:
    """LiteLLM shows no settings while it tells of its router; and routers are asked for all through a large apply."""
    log: list[str] = []

    async def all_at_once() -> None:
        turns = Turns()
        await asyncio.gather(
            taken(turns, "router", 20, log), taken(turns, "router", 20, log), taken(turns, "settings", 2, log)
        )

    asyncio.run(all_at_once())
    going: Counter[str] = Counter()
    most = 0
    for step in log:
        going[step[1:]] += 1 if step[0] == "+" else -1
        most = max(most, going["router"])
        assert not (going["router"] and going["settings"])
    assert (len(log), most) == (84, 2)
    assert max(index for index, step in enumerate(log) if step == "-settings") < 42


@pytest.mark.parametrize("others", [[], ["slack"], ["slack", "email"]])
def test_destinations_of_others_stay(others: list[str]) -> None:
    """One setting holds them all, so that a write of ours is a write of theirs as well."""
    off, on = seen(None, *others), seen(SENT, *others, "webhook")
    assert off.switched_on("https://a")["general_settings"] == {"alerting": [*others, "webhook"]}
    assert on.switched_off() == {
        "general_settings": {"alerting": others},
        "environment_variables": {"WEBHOOK_URL": ""},
    }
    assert on.switched_on("https://b") == {"environment_variables": {"WEBHOOK_URL": "https://b"}}


@pytest.mark.parametrize(
    ("said", "verdict", "code"),
    [
        ("Client error '404 Not Found' for url 'https://x'", Verdict.REJECTED, 404),
        ("Client error '429 Too Many Requests' for url 'https://x'", Verdict.UNKNOWN, 429),
        ("Server error '503 Service Unavailable' for url 'https://x'", Verdict.UNKNOWN, 503),
        ("Cannot connect to host x", Verdict.UNKNOWN, None),
    ],
)
def test_what_a_receiver_answered_is_told_without_the_proxys_words(
    said: str, verdict: Verdict, code: int | None
) -> None:
    """LiteLLM fails with 500 whatever the receiver answered; only its answer tells a wrong address from a busy one."""
    error: GatewayError = ServerFault(f"GET /health/services: {said}", status=500)
    check = verify.undelivered(error)
    assert (check.verdict, check.value) == (verdict, code)
    assert "https://x" not in check.message
