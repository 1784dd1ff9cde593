"""What CXone offers, as data. The contract is given, not published: no live tenant has confirmed it."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.resource import Guard

NAME = "cxone"
ENDPOINT = "Endpoint"
WEBHOOK = "Webhook"

CAPABILITIES = Capabilities(
    kinds={
        ENDPOINT: KindCapability(
            guard=Guard.ETAG,
            preflight=True,
            verify=True,
            write_only=("/spec/credentials/*/apiKey",),
            named=True,
            unique=("provider", "displayName"),
        ),
        WEBHOOK: KindCapability(guard=Guard.ETAG, write_only=("/spec/secret",), identity=("name", "url")),
    },
    permissions=("llm:gateway:read", "llm:gateway:write", "webhook:read", "webhook:write"),
    dialect="openai",
    dialects={"http": "openai", "websocket": "openai-websocket"},
    domains=("nicecxone.com", "niceincontact.com", "nice-incontact.com", "mynicecx.com"),
    history=True,
)

ROOT = "/api/v1/llm/gateway"

PATHS: Mapping[str, str] = {
    "token": "/oauth/token",
    "endpoints": f"{ROOT}/endpoints",
    "endpoint": f"{ROOT}/endpoints/{{id}}",
    "validate": f"{ROOT}/endpoints/{{id}}/validate",
    "webhooks": f"{ROOT}/webhooks",
    "webhook": f"{ROOT}/webhooks/{{id}}",
}
"""Defaults; a Gateway's `paths` overrides them by name."""

PROVIDERS = ("openai", "azure", "anthropic", "bedrock")
EVENTS = ("endpoint.created", "endpoint.updated", "endpoint.rateLimited")
DEFAULT_STRATEGY = "failover"
STRATEGIES = (DEFAULT_STRATEGY,)

RANGES: Mapping[str, tuple[int, int | None]] = {
    "requestsPerMinute": (1, 10_000),
    "concurrentConnections": (1, 100),
    "maxTokensPerRequest": (1, None),
}
"""Limits that every endpoint has, each with the least and the most that is taken; None: no bound is given."""

LIMITS = tuple(RANGES)

FIELDS: Mapping[str, frozenset[str]] = {
    ENDPOINT: frozenset({"displayName", "provider", "model", "credentials", "rateLimits", "fallbackStrategy"}),
    WEBHOOK: frozenset({"name", "url", "events"}),
}
"""All that a spec may hold. The wire has no place for anything else, whatever the manifest language may grow."""

CREDENTIAL_FIELDS = frozenset({"priority"})

ASSIGNED: Mapping[str, frozenset[str]] = {
    ENDPOINT: frozenset({"endpointId", "id", "version"}),
    WEBHOOK: frozenset({"id", "version"}),
}
"""Members that the server assigns: read, and never sent back."""
