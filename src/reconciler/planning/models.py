"""What can be said of model ids offline: whether they look like their provider's, and whether anybody would serve them.

Warnings only. Providers name models as they like, from one day to the next: what a shape does not know may be real.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Manage, Resource
from reconciler.model.windows import window_of
from reconciler.planning.pointer import join

MODEL_SHAPES: Mapping[str, re.Pattern[str]] = {
    "openai": re.compile(r"(gpt|o\d|chatgpt|text|ft:|codex|computer-use|omni|davinci|babbage).*"),
    "anthropic": re.compile(r"claude.*"),
    "bedrock": re.compile(r"([a-z]{2,6}(-[a-z]+)?\.)?[a-z0-9]+\..+|arn:aws[a-z-]*:.*"),
}
"""What model ids of a provider commonly look like. Azure names deployments freely, and so do those who host models."""


def unusual(endpoints: Iterable[Resource]) -> Iterator[Diagnostic]:
    """Models that do not look like their provider's."""
    for resource in endpoints:
        provider, model = str(resource.spec.get("provider")), str(resource.spec.get("model"))
        shape = MODEL_SHAPES.get(provider)
        if shape is not None and not shape.fullmatch(model):
            yield Diagnostic(
                Severity.WARNING,
                "POLICY005",
                "a model id that the provider does not use",
                f"{model!r} does not look like a model of {provider}. Check the spelling, or the provider.",
                resource.source.position("/spec/model"),
                resource.address,
                "/spec/model",
            )


def unserved(desired: Desired) -> Iterator[Diagnostic]:
    """Fallback models of routes that no provider on their gateway has, by all that is declared there.

    | on the route's gateway is declared                          | found     |
    |-------------------------------------------------------------|-----------|
    | an endpoint with this model, or of this name                | nothing   |
    | one whose provider has models of this shape                 | nothing   |
    | one whose provider names models freely                      | nothing   |
    | one that is only observed: there is more than is declared   | nothing   |
    | none of these                                               | POLICY012 |
    """
    if not desired.inference.routes:
        return
    by_gateway: dict[str, list[Resource]] = {}
    for address, resource in desired.resources.items():
        if address.kind == "Endpoint":
            by_gateway.setdefault(address.gateway, []).append(resource)
    for route in desired.inference.routes.values():
        gateway = route.endpoint.gateway
        endpoints = by_gateway.get(gateway, [])
        for index, model in enumerate(route.fallback_models):
            if endpoints and not any(_may_serve(endpoint, model) for endpoint in endpoints):
                path = join("/spec/fallbackModels", (index,))
                yield Diagnostic(
                    Severity.WARNING,
                    "POLICY012",
                    "a fallback model that nobody would serve",
                    f"{model!r} is no model of {_listed(endpoints)}, and no other provider is declared on gateway "
                    f"{gateway!r}: the fallback would fail when it is needed. Declare an Endpoint of its provider, or "
                    "choose another model.",
                    route.source.position(path),
                    path=path,
                )


def unbounded(desired: Desired) -> Iterator[Diagnostic]:
    """Models of routes of which nothing says how large their context is: their prompts are cut by a guess."""
    for route in desired.inference.routes.values():
        endpoint = desired.resources.get(route.endpoint)
        prices = desired.inference.pricing[route.pricing].models if route.pricing else {}
        named = [(str(endpoint.spec.get("model")), "/spec/endpoint")] if endpoint else []
        named += [(model, join("/spec/fallbackModels", (at,))) for at, model in enumerate(route.fallback_models)]
        for model, path in named:
            price = prices.get(model)
            if window_of(model) is None and (price is None or price.context_tokens is None):
                yield Diagnostic(
                    Severity.INFO,
                    "POLICY015",
                    "a context that nothing says",
                    f"how large the context of {model!r} is, this tool does not know: prompts of route "
                    f"{route.name!r} are cut at 8000 tokens. Say it by `contextTokens` in the Pricing of the route.",
                    route.source.position(path),
                    path=path,
                )


def _may_serve(endpoint: Resource, model: str) -> bool:
    shape = MODEL_SHAPES.get(str(endpoint.spec.get("provider")))
    observed = endpoint.lifecycle.manage is Manage.OBSERVE
    called = {endpoint.spec.get("model"), endpoint.address.name, endpoint.spec.get("displayName"), endpoint.remote_id}
    return observed or shape is None or model in called or shape.fullmatch(model) is not None


def _listed(endpoints: Sequence[Resource]) -> str:
    return " or ".join(sorted({str(endpoint.spec["provider"]) for endpoint in endpoints}))
