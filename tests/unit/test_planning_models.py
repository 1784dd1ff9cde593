"""Model ids offline: what is warned of, and that nothing real is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Severity
from reconciler.model.inference import Channel, InferenceDeclarations, Price, Pricing, Route
from reconciler.model.resource import Gateway, Lifecycle, Manage, Resource
from reconciler.planning import offline_findings

OBSERVED = Lifecycle(manage=Manage.OBSERVE)


def endpoint(provider: str, model: str, name: str = "one", gateway: str = "bots") -> Resource:
    return Resource(Address(gateway, "Endpoint", name), {"provider": provider, "model": model})


def found(*endpoints: Resource, fallbacks: tuple[str, ...] = ()) -> list[tuple[str, Severity, str | None]]:
    """What is found of endpoints, and of a route on the gateway ``bots`` with these fallback models."""
    gateways = {name: Gateway(name, "cognigy", "https://x.example.com") for name in ("bots", "others")}
    route = Route(
        "r", "/r", Channel.COGNIGY, Address("bots", "Endpoint", "one"), "p", "sorry", fallback_models=fallbacks
    )
    resources = {each.address: each for each in endpoints}
    desired = Desired(gateways, resources, inference=InferenceDeclarations(routes={"r": route}))
    return [(f.code, f.severity, f.path) for f in offline_findings(desired) if f.code != "POLICY015"]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4.1-mini"),
        ("openai", "gpt-4o-2024-08-06"),
        ("openai", "gpt-3.5-turbo"),
        ("openai", "o3"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc123"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("bedrock", "us-gov.anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("bedrock", "apac.amazon.nova-pro-v1:0"),
        ("bedrock", "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.titan-text-lite-v1"),
        ("bedrock", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"),
        ("azure", "summaries-gpt-4o"),
        ("openai-compatible", "meta-llama/Llama-3.3-70B-Instruct"),
        ("mistral", "mistral-large-latest"),
    ],
)
def test_a_real_model_is_not_complained_of(provider: str, model: str) -> None:
    """An expression that refuses what a provider sells is the tutorial's fault over again."""
    assert found(endpoint(provider, model)) == []


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "claude-3-haiku-20240307"),
        ("openai", "gtp-4o"),
        ("anthropic", "gpt-4o"),
        ("anthropic", "Claude-3"),
        ("bedrock", "claude-3-haiku-20240307"),
    ],
)
def test_a_model_of_another_provider_is_a_warning(provider: str, model: str) -> None:
    """Most often a slip of the pen; but who sells what is not ours to say, so that it stops nothing."""
    assert found(endpoint(provider, model)) == [("POLICY005", Severity.WARNING, "/spec/model")]


CLAUDE = ("claude-3-haiku-20240307",)
NOBODY = [("POLICY012", Severity.WARNING, "/spec/fallbackModels/0")]


def test_a_fallback_model_without_its_provider_is_a_warning() -> None:
    """A gateway with one provider of one type falls back to another's model on the day of the outage, and fails."""
    openai = endpoint("openai", "gpt-4o")
    assert found(openai, fallbacks=CLAUDE) == NOBODY
    assert found(openai, endpoint("anthropic", "claude-x", gateway="others"), fallbacks=CLAUDE) == NOBODY
    assert found(openai, fallbacks=("gpt-4o-mini", *CLAUDE)) == [
        ("POLICY012", Severity.WARNING, "/spec/fallbackModels/1")
    ]


@pytest.mark.parametrize(
    "other",
    [
        endpoint("anthropic", "claude-sonnet-4-5-20250929", "two"),
        endpoint("azure", "mine", "two"),
        endpoint("openai-compatible", "llama", "two"),
        endpoint("openai", "gpt-4o", CLAUDE[0]),
        replace(endpoint("openai", "gpt-4o", "two"), remote_id=CLAUDE[0]),
        replace(endpoint("openai", "gpt-4o", "two"), lifecycle=OBSERVED),
    ],
)
def test_a_fallback_model_that_somebody_may_serve_is_fine(other: Resource) -> None:
    """What cannot be known from the manifests is not guessed at."""
    assert found(endpoint("openai", "gpt-4o"), other, fallbacks=CLAUDE) == []


def test_a_fallback_model_that_is_declared_is_fine_whatever_its_name() -> None:
    """The endpoint says that it has this model: its name alone was warned of already."""
    odd = endpoint("openai", CLAUDE[0], "two")
    assert found(endpoint("openai", "gpt-4o"), odd, fallbacks=CLAUDE) == [
        ("POLICY005", Severity.WARNING, "/spec/model")
    ]
    assert found(fallbacks=CLAUDE) == []


@pytest.mark.parametrize(
    ("model", "fallbacks", "paths"),
    [
        ("gpt-4o", (), []),
        ("gpt-4o", ("house-model",), ["/spec/fallbackModels/0"]),
        ("house-model", ("gpt-4",), ["/spec/endpoint"]),
        ("priced", (), []),
    ],
)
def test_a_context_that_nothing_says_is_told(model: str, fallbacks: tuple[str, ...], paths: list[str]) -> None:
    """Prompts that are cut by a guess are cut too early or too late, and nobody would know why a bot forgets."""
    one = endpoint("azure", model)
    route = Route("r", "/r", Channel.COGNIGY, one.address, "p", "sorry", fallback_models=fallbacks, pricing="list")
    prices = Pricing("list", {"priced": Price(1, 1, context_tokens=4_096)})
    declared = InferenceDeclarations(routes={"r": route}, pricing={"list": prices})
    desired = Desired(
        {"bots": Gateway("bots", "cognigy", "https://x.example.com")}, {one.address: one}, inference=declared
    )
    found = [f for f in offline_findings(desired) if f.code == "POLICY015"]
    assert [(f.severity, f.path) for f in found] == [(Severity.INFO, path) for path in paths]
