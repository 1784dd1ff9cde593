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
            guard=Guard.ETAG, preflight=True, verify=True, write_only=("/spec/credentials/*/apiKey",)
        ),
        WEBHOOK: KindCapability(guard=Guard.ETAG, write_only=("/spec/secret",)),
    },
    permissions=("llm:gateway:read", "llm:gateway:write", "webhook:read", "webhook:write"),
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

NOT_EXPRESSIBLE: Mapping[str, tuple[str, ...]] = {
    ENDPOINT: ("rotationStrategy", "fallbackModels", "timeoutMs", "retryOnRateLimit"),
    WEBHOOK: (),
}
"""Fields of the manifest language that the wire body has no place for."""
