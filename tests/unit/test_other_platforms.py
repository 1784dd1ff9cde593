"""The pure halves of Cognigy.AI, Genesys Cloud and OpenAI-compatible gateways, and the verdicts they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler.errors import (
    Forbidden,
    GatewayError,
    InputError,
    NotFound,
    ProtocolError,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from reconciler.inference.dialects import DIALECTS
from reconciler.model.address import Address
from reconciler.model.diagnostic import Position
from reconciler.model.resource import Gateway, Lifecycle, Manage, Readiness, Resource
from reconciler.model.secret import SecretRef
from reconciler.planning.pointer import join
from reconciler.platforms import find, names, of_gateway
from reconciler.platforms.cognigy import verify as cognigy_verify
from reconciler.platforms.cognigy.capabilities import COMPLETED
from reconciler.platforms.genesys import verify as genesys_verify
from reconciler.platforms.openai import verify as openai_verify
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import Target, connect

BUILT_IN = ("cognigy", "cxone", "genesys", "openai")
OBSERVED = Lifecycle(manage=Manage.OBSERVE)


@dataclass(frozen=True)
class Lines:
    """A source that answers with the path itself as file, so that a test sees which path was asked for."""

    def position(self, path: str) -> Position:
        return Position(path, 1, 1)


def gateway(platform: str, **fields: Any) -> Gateway:
    return replace(Gateway("bots", platform, "https://x.example.com", source=Lines()), **fields)


ENDPOINT = Resource(
    Address("bots", "Endpoint", "one"),
    {
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": {"spare": {"priority": 1}, "main": {"priority": 7}},
    },
    {f"/spec/credentials/{key}/apiKey": SecretRef("env", (key,)) for key in ("main", "spare")},
    source=Lines(),
)
WEBHOOK = replace(ENDPOINT, address=Address("bots", "Webhook", "hook"))


def with_spec(**members: Any) -> Resource:
    return replace(ENDPOINT, spec={**ENDPOINT.spec, **members})


BROKEN: Mapping[str, tuple[Resource, str, str, str]] = {
    "rate limits": (with_spec(rateLimits={}), "PLATFORM001", "/spec/rateLimits", "lifecycle.ignore"),
    "fallback models": (with_spec(fallbackModels=["x"]), "PLATFORM001", "/spec/fallbackModels", "lifecycle.ignore"),
    "strategy": (with_spec(fallbackStrategy="failover"), "PLATFORM001", "/spec/fallbackStrategy", "lifecycle.ignore"),
    "rotation": (with_spec(rotationStrategy="DICE"), "PLATFORM003", "/spec/rotationStrategy", "ROUND_ROBIN_ON_FAILURE"),
    "no provider": (with_spec(provider=""), "PLATFORM002", "/spec/provider", "add it"),
    "capitals": (with_spec(provider="OpenAI"), "PLATFORM003", "/spec/provider", "small letters"),
    "no model": (with_spec(model=None), "PLATFORM002", "/spec/model", "add it"),
    "no keys": (with_spec(credentials={}), "PLATFORM002", "/spec/credentials", "add one"),
    "no key": (replace(ENDPOINT, secrets={}), "PLATFORM002", "/spec/credentials/spare", "refer to a secret"),
    "one rank twice": (
        with_spec(credentials={"spare": {"priority": 1}, "main": {"priority": 1}}),
        "PLATFORM003",
        "/spec/credentials/main/priority",
        "cannot be told",
    ),
    "no rank": (
        with_spec(credentials={"spare": {}, "main": {"priority": 1}}),
        "PLATFORM002",
        "/spec/credentials/spare",
        "whole number",
    ),
    "member of a key": (
        with_spec(credentials={"spare": {"priority": 1, "region": "eu"}, "main": {"priority": 2}}),
        "PLATFORM001",
        "/spec/credentials/spare/region",
        "take it out",
    ),
    "no time": (with_spec(timeoutMs=0), "PLATFORM003", "/spec/timeoutMs", "from 1"),
    "neither yes nor no": (with_spec(retryOnRateLimit=1), "PLATFORM003", "/spec/retryOnRateLimit", "true or false"),
    "two names": (
        replace(with_spec(displayName="shown"), remote_id="other"),
        "PLATFORM003",
        "/spec/displayName",
        "the name is the id",
    ),
    "webhook": (WEBHOOK, "PLATFORM004", "/metadata/name", "another platform"),
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
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cognigy_cannot_express_is_said_at_its_field(case: str) -> None:
    """An error without its line and without what to do costs a search through the manifests."""
    resource, code, path, advice = BROKEN[case]
    found = find("cognigy").unsupported(resource, gateway("cognigy"))
    finding = found[0]
    assert {f.code for f in found} == {code}
    assert (finding.code, finding.path, finding.address) == (code, path, resource.address)
    assert finding.position == Position(path, 1, 1)
    assert advice in finding.detail


def test_what_may_be_left_out_is_left_out_and_nothing_else() -> None:
    """Dropping in silence would show a field as applied that no gateway ever saw."""
    resource = replace(
        with_spec(rateLimits={"requestsPerMinute": 1}), lifecycle=Lifecycle(ignore=("/spec/rateLimits",))
    )
    platform = find("cognigy")
    assert not platform.unsupported(resource, gateway("cognigy"))
    assert "rateLimits" not in platform.normalize(resource).spec
    assert "rateLimits" in platform.normalize(replace(resource, lifecycle=Lifecycle())).spec


def test_keys_are_called_by_their_places_and_found_at_their_lines() -> None:
    """The wire knows an order and no ids; a finding must still lead to what a person wrote."""
    normal = find("cognigy").normalize(ENDPOINT)
    assert normal.spec["credentials"] == {"1": {"priority": 2}, "2": {"priority": 1}}
    assert normal.secrets == {
        "/spec/credentials/1/apiKey": SecretRef("env", ("main",)),
        "/spec/credentials/2/apiKey": SecretRef("env", ("spare",)),
    }
    assert normal.source.position("/spec/credentials/1/apiKey").file == "/spec/credentials/main/apiKey"
    assert normal.source.position("/spec/model").file == "/spec/model"
    assert (normal.spec["timeoutMs"], normal.spec["retryOnRateLimit"]) == (15000, True)


def test_a_provider_of_another_name_is_found_by_it() -> None:
    """The name is the id on this gateway, so that a display name decides where the object is."""
    assert find("cognigy").normalize(with_spec(displayName="shown")).remote_id == "shown"
    assert find("cognigy").normalize(ENDPOINT).remote_id is None


def test_paths_switch_on_what_was_completed() -> None:
    """Two gateways of one platform may differ in what they offer, and a plan must know which is which."""
    as_given = of_gateway(gateway("cognigy")).capabilities.kinds["Endpoint"]
    listed = of_gateway(gateway("cognigy", paths={"providers": "/p"})).capabilities.kinds["Endpoint"]
    whole = of_gateway(gateway("cognigy", paths=COMPLETED)).capabilities.kinds["Endpoint"]
    assert (as_given.read, as_given.update, as_given.delete) == (False, False, False)
    assert (listed.read, listed.update, listed.delete) == (True, False, False)
    assert (whole.read, whole.update, whole.delete) == (True, True, True)
    assert of_gateway(gateway("openai")) is find("openai")


UNUSABLE: Mapping[str, tuple[Gateway, str]] = {
    "no such call": (gateway("cognigy", paths={"webhooks": "/x"}), "/spec/paths/webhooks"),
    "no id": (gateway("cognigy", paths={"providers": "/p", "provider": "/p"}), "/spec/paths/provider"),
    "another host": (gateway("genesys", paths={"invoke": "https://evil.example.com/x"}), "/spec/paths/invoke"),
    "no list": (gateway("cognigy", paths={"provider": "/p/{id}"}), "/spec/paths/provider"),
    "cognigy over http": (gateway("cognigy", transport="http"), "/spec/transport"),
    "genesys over a socket": (gateway("genesys", transport="websocket"), "/spec/transport"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_gateway_that_cannot_be_used_is_refused_before_anything_is_sent(case: str) -> None:
    """`paths` and `transport` come from a manifest, and a credential follows where they lead."""
    described, path = UNUSABLE[case]
    platform = find(described.platform)
    [finding] = platform.unsupported(replace(ENDPOINT, lifecycle=OBSERVED), described)
    assert (finding.code, finding.position) == ("PLATFORM007", Position(path, 1, 1))
    client = connect(Target("bots", "https://x.example.com"), FakeClock(), RecordingProgress())
    with pytest.raises(InputError):
        platform.open(described, client)


@pytest.mark.parametrize("name", ["genesys", "openai"])
def test_what_can_only_be_watched_must_say_so(name: str) -> None:
    """A manifest that promises to manage what nobody can manage would be in step for ever."""
    platform = find(name)
    [finding] = platform.unsupported(ENDPOINT, gateway(name))
    assert (finding.code, finding.path) == ("PLATFORM008", "/lifecycle/manage")
    assert "lifecycle: {manage: observe}" in finding.detail
    watched = replace(ENDPOINT, lifecycle=OBSERVED)
    assert not platform.unsupported(watched, gateway(name))
    normal = platform.normalize(watched)
    assert (dict(normal.secrets), "credentials" in normal.spec) == ({}, False)
    assert platform.normalize(normal) is normal
    [refused] = platform.unsupported(replace(WEBHOOK, lifecycle=OBSERVED), gateway(name))
    assert refused.code == "PLATFORM004"


def test_addresses_are_those_of_the_contracts() -> None:
    """An org leads to the vendor's host where there is a pattern, and is refused where there is none."""
    org = {"url": None, "org": "acme"}
    assert find("cognigy").base_url(gateway("cognigy", **org)) == "https://acme.cognigy.ai"
    for name in ("genesys", "openai"):
        assert find(name).base_url(gateway(name)) == "https://x.example.com"
        with pytest.raises(InputError):
            find(name).base_url(gateway(name, **org))
    with pytest.raises(InputError):
        find("cognigy").base_url(gateway("cognigy", url=None, org="evil.example.com/"))
    assert find("genesys").token_path(gateway("genesys")) == "/login/oauth2/token"


def test_every_platform_names_a_dialect_that_exists() -> None:
    """The names are plain data, for platforms and inference do not know each other."""
    assert set(BUILT_IN) <= set(names())
    for name in BUILT_IN:
        capabilities = find(name).capabilities
        assert {capabilities.dialect, *capabilities.dialects.values()} <= set(DIALECTS)
    openai = find("openai").capabilities
    assert openai.dialect_over(None) == "openai"
    assert openai.dialect_over("websocket") == "openai-websocket"
    assert find("genesys").capabilities.dialect_over("websocket") is None


ANSWERS: Mapping[str, tuple[GatewayError, Mapping[str, str]]] = {
    "401": (Unauthorized("x", status=401), {"reachable": "ready", "authorized": "rejected"}),
    "403": (Forbidden("x", status=403), {"reachable": "ready", "authorized": "rejected"}),
    "429": (Throttled("x"), {"reachable": "ready", "authorized": "unknown"}),
    "503": (ServerFault("x", status=503), {"reachable": "ready", "authorized": "unknown"}),
    "no connection": (Unreachable("x"), {"reachable": "unknown"}),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_refusal_is_no_doubt_and_a_doubt_no_refusal(case: str) -> None:
    """A rollback on a 429 would take back what works; a wait on a 401 would wait for ever."""
    error, expected = ANSWERS[case]
    for checks in (cognigy_verify.refusal(error), genesys_verify.checks(error)):
        assert {check.name: check.verdict.value for check in checks} == expected


def test_a_model_that_is_not_there_is_rejected() -> None:
    """It is the one thing of these gateways that a manifest can get wrong."""
    checks = genesys_verify.checks(NotFound("no such model", status=404))
    assert [check.verdict.value for check in checks] == ["ready", "ready", "rejected"]
    listed = {check.name: check for check in openai_verify.checks(None, frozenset({"a", "b"}), "c")}
    assert listed["model"].verdict.value == "rejected"
    assert "a, b" in listed["model"].message
    begun = genesys_verify.checks(ProtocolError("an error event", status=200))
    assert [check.verdict.value for check in begun] == ["ready", "ready", "unknown"]


def test_a_gateway_without_a_health_call_is_not_judged_by_it() -> None:
    """Many have none, and answer questions all the same."""
    checks = openai_verify.checks(Unsupported("x", status=404), frozenset({"m"}), "m")
    assert {check.name: check.verdict.value for check in checks} == {
        "reachable": "ready",
        "authorized": "ready",
        "model": "ready",
    }
    sick = openai_verify.checks(ServerFault("x", status=500), frozenset({"m"}), "m")
    assert {check.name: check.verdict.value for check in sick}["healthy"] == "unknown"


def test_the_permissions_of_a_key_are_checked() -> None:
    """A key that may not manage fails in the middle of an apply; one that may not infer fails bots, not the apply."""
    poor = cognigy_verify.checks("llm-inference:read")[-1]
    assert (poor.name, poor.verdict.value, poor.message) == (
        "permissions",
        "rejected",
        "the key lacks llm-gateway:manage",
    )
    lean = cognigy_verify.checks("llm-gateway:manage, llm-inference:read")[-1]
    assert (lean.verdict.value, lean.message) == ("ready", "for inference it lacks llm-inference:execute")
    assert [check.name for check in cognigy_verify.checks(None)] == ["reachable", "authorized"]


def test_a_key_id_may_hold_what_a_pointer_escapes() -> None:
    """A key id is a person's word, and its path must lead back to it."""
    resource = replace(
        with_spec(credentials={"a/b": {"priority": 1}}),
        secrets={join("/spec/credentials", ("a/b", "apiKey")): SecretRef("env", ("X",))},
    )
    assert list(find("cognigy").normalize(resource).secrets) == ["/spec/credentials/1/apiKey"]
