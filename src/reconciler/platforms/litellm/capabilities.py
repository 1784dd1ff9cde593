"""What LiteLLM offers, as data. Everything here was seen on a running proxy."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.capability import Called, Capabilities, KindCapability
from reconciler.model.resource import Guard

NAME = "litellm"
ENDPOINT = "Endpoint"
WEBHOOK = "Webhook"

CAPABILITIES = Capabilities(
    kinds={
        ENDPOINT: KindCapability(
            guard=Guard.COMPARE, preflight=True, verify=True, write_only=("/spec/credentials/*/apiKey",), named=True
        ),
        WEBHOOK: KindCapability(guard=Guard.COMPARE, verify=True, identity=("name",), unique=()),
    },
    permissions=("the proxy's master key, or a key of a proxy administrator",),
    dialect="openai",
    dialects={"http": "openai"},
    called=Called.BY_NAME,
)

PROVIDERS = (
    "openai",
    "azure",
    "azure_ai",
    "anthropic",
    "bedrock",
    "cerebras",
    "cohere",
    "databricks",
    "deepseek",
    "fireworks_ai",
    "gemini",
    "groq",
    "hosted_vllm",
    "huggingface",
    "litellm_proxy",
    "mistral",
    "nvidia_nim",
    "ollama",
    "openrouter",
    "perplexity",
    "sambanova",
    "together_ai",
    "vertex_ai",
    "watsonx",
    "xai",
)
"""A provider that LiteLLM does not know makes a deployment that is stored and never loaded, so each is named here."""

DEFAULT_STRATEGY = "failover"
STRATEGIES = (DEFAULT_STRATEGY,)

FIELDS = frozenset(
    {"provider", "model", "credentials", "rateLimits", "fallbackStrategy", "fallbackModels", "timeoutMs"}
)
"""All that a spec may hold."""

LIMITS: Mapping[str, str] = {"requestsPerMinute": "rpm", "concurrentConnections": "max_parallel_requests"}
"""Limits that LiteLLM enforces, by the deployment's parameter."""

CREDENTIAL_FIELDS = frozenset({"priority"})

LAST_ORDER = 1_000_000
"""`order` of priority 0. LiteLLM tries the lowest order first, the language the highest priority."""

ENFORCES = "enforce_model_rate_limits"
"""The pre-call check without which LiteLLM takes `rpm` for a weight and refuses nothing."""

SPENT = "spend_tracked"
"""What is sent with every call of an end user; the other events are those of budgets."""

EVENTS = ("budget_crossed", "projected_limit_exceeded", "soft_budget_crossed", SPENT, "threshold_crossed")
"""All that LiteLLM sends to a webhook. It has more names: those of keys and users only ever go into mails."""

BUDGETS = "budget_alerts"
"""The one of `alert_types` that a webhook's events hang on."""

MARK = "reconciler-webhook"
"""The credential that says what was sent for the one webhook; without a colon, as no endpoint's can be."""

OWNER = "reconciler"
"""What `managed_by` says of credentials and deployments of ours."""
