"""What Cognigy.AI offers, as data.

As given, a provider can be registered and nothing else. A Gateway's `paths` switches on what was completed:
`providers` the list, `provider` the reading, replacing and removing of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.resource import Gateway, Guard

NAME = "cognigy"
ENDPOINT = "Endpoint"

MANAGE = "llm-gateway:manage"
INFERENCE = ("llm-inference:execute", "llm-inference:read")

DOMAINS = ("cognigy.ai", "cognigy.cloud", "nicecxone.com")
"""NICE hosts Cognigy.AI below its own domain too."""

AS_GIVEN = KindCapability(
    update=False,
    delete=False,
    read=False,
    guard=Guard.COMPARE,
    verify=True,
    write_only=("/spec/credentials/*/apiKey",),
    named=True,
    identity=("displayName",),
)

CAPABILITIES = Capabilities(
    kinds={ENDPOINT: AS_GIVEN},
    permissions=(MANAGE, *INFERENCE),
    dialect="cognigy",
    dialects={"websocket": "cognigy"},
    domains=DOMAINS,
)

ROOT = "/api/v1/llm-gateway"

PATHS: Mapping[str, str] = {"health": f"{ROOT}/health", "register": f"{ROOT}/providers"}
"""Defaults; a Gateway's `paths` overrides them by name."""

COMPLETED: Mapping[str, str] = {"providers": f"{ROOT}/providers", "provider": f"{ROOT}/providers/{{id}}"}
"""No defaults: each is there only where a Gateway's `paths` names it. These are the paths to write."""

STRATEGY = "ROUND_ROBIN_ON_FAILURE"
DEFAULTS: Mapping[str, object] = {"timeoutMs": 15_000, "retryOnRateLimit": True, "rotationStrategy": STRATEGY}

FIELDS = frozenset({"displayName", "provider", "model", "credentials", *DEFAULTS})
CREDENTIAL_FIELDS = frozenset({"priority"})
ASSIGNED = frozenset({"id", "version"})
"""Members that a server may assign: read, and never sent back."""


def capabilities_of(gateway: Gateway) -> Capabilities:
    """What one gateway offers, by its `paths`."""
    reads = "providers" in gateway.paths
    one = reads and "provider" in gateway.paths
    kind = replace(AS_GIVEN, read=reads, update=one, delete=one)
    return replace(CAPABILITIES, kinds={ENDPOINT: kind})
