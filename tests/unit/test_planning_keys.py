"""Keys of one provider behind endpoints of another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Severity
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.planning.keys import misplaced
from reconciler.secrets.marks import marked, misfit

GATEWAY = Gateway("prod", "cxone", "https://x.example.com")
SECRETS = {f"/spec/credentials/{name}/apiKey": SecretRef("env", (name.upper(),)) for name in ("first", "second")}
ISSUERS = {SecretRef("env", ("FIRST",)): "anthropic"}


def endpoint(provider: str, name: str = "one", **more: str) -> Resource:
    spec = {"provider": provider, "model": "m", **more}
    return Resource(Address("prod", "Endpoint", name), spec, SECRETS)


def found(*endpoints: Resource) -> list[tuple[str, str | None]]:
    desired = Desired({"prod": GATEWAY}, {each.address: each for each in endpoints})
    diagnostics = list(misplaced(desired, ISSUERS.get))
    assert {d.severity for d in diagnostics} <= {Severity.WARNING}
    return [(d.code, d.path) for d in diagnostics]


@pytest.mark.parametrize("provider", ["openai", "azure", "bedrock"])
def test_a_key_of_another_provider_is_a_warning_at_its_reference(provider: str) -> None:
    """Two variables were mixed up: the provider says so too, but only once customers ask it."""
    assert found(endpoint(provider)) == [("POLICY013", "/spec/credentials/first/apiKey")]
    assert len(found(endpoint(provider), endpoint(provider, "two"))) == 1
    assert len(found(endpoint(provider), replace(endpoint(provider, "two"), secrets=dict(SECRETS)))) == 2


@pytest.mark.parametrize(
    "resource",
    [
        endpoint("anthropic"),
        endpoint("openai-compatible"),
        endpoint("openai", apiBase="https://proxy.example.com"),
        replace(endpoint("openai"), secrets={}),
    ],
)
def test_a_key_that_may_be_meant_is_taken_as_it_is(resource: Resource) -> None:
    """A rule on keys that refuses what a gateway gives out is the tutorial's fault over again."""
    assert found(resource) == []


@pytest.mark.parametrize(
    ("key", "provider"),
    [
        ("sk-" + "ant-api03-" + "x" * 93 + "AA", "anthropic"),
        ("sk-" + "proj-" + "x" * 74 + "T3Blbk" + "FJ" + "x" * 74, "openai"),
        ("sk-" + "x" * 20 + "T3Blbk" + "FJ" + "x" * 20, "openai"),
        ("AK" + "IA" + "A2" * 8, "bedrock"),
        ("AK" + "IA" + "A2" * 8 + ":" + "x" * 40, "bedrock"),
        ("AB" + "SK" + "x" * 110 + "=", "bedrock"),
        ("AI" + "za" + "Sy" + "x" * 33, "google"),
        ("gs" + "k_" + "x" * 52, "groq"),
        ("h" + "f_" + "x" * 34, "huggingface"),
        ("AIza", None),
        ("0" * 32, None),
        ("sk-1234", None),
        ("sk-key1", None),
        ("a sk-ant-", None),
        ("", None),
    ],
)
def test_only_what_says_so_itself_bears_a_mark(key: str, provider: str | None) -> None:
    """Keys of gateways and of Azure look like anything: a guess would warn of every second one."""
    assert marked(SecretValue(key)) == provider


@pytest.mark.parametrize(
    ("provider", "key", "says"),
    [
        ("openai", "sk-key1", "shorter"),
        ("openai", "sk-" + "x" * 17, None),
        ("openai", "0" * 32, "form of Azure"),
        ("openai", "issued-by-a-gateway-0123456789", None),
        ("anthropic", "sk-ant-" + "x" * 20, "shorter"),
        ("anthropic", "x" * 84, "form of Azure"),
        ("anthropic", "sk-ant-" + "x" * 93, None),
        ("google", "AIza1234", "shorter"),
        ("azure", "0" * 31, "shorter"),
        ("azure", "0" * 32, None),
        ("azure", "x" * 84, None),
        ("bedrock", "AK" + "IA1234", "shorter"),
        ("groq", "gsk_1", "shorter"),
        ("groq", "0" * 32, "form of Azure"),
        ("huggingface", "hf_1", "shorter"),
        ("mistral", "x", None),
        ("vllm", "x", None),
    ],
)
def test_what_hardly_is_a_key_of_its_provider_is_said_without_a_character_of_it(
    provider: str, key: str, says: str | None
) -> None:
    """A key that was cut off when it was copied is refused only when customers ask; its sample is refused as well."""
    words = misfit(SecretValue(key), provider)
    assert (words is None) if says is None else (words is not None and says in words)
    assert words is None or key not in words


@pytest.mark.parametrize(
    ("resource", "codes"),
    [
        (endpoint("openai"), ["POLICY013", "POLICY016"]),
        (endpoint("gemini"), ["POLICY013", "POLICY016"]),
        (endpoint("openai", apiBase="https://proxy.example.com"), []),
        (endpoint("mistral"), []),
    ],
)
def test_a_key_is_warned_of_once_and_never_where_a_gateway_makes_its_own(resource: Resource, codes: list[str]) -> None:
    """Whoever is behind an address of one's own gives out keys as it likes."""
    desired = Desired({"prod": GATEWAY}, {resource.address: resource})
    found = list(misplaced(desired, ISSUERS.get, lambda _ref, _provider: "is shorter than it should be"))
    assert [(d.code, d.severity) for d in found] == [(code, Severity.WARNING) for code in codes]
