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
from reconciler.secrets.marks import marked

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
