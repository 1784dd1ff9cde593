"""What MLflow's gateway offers, as data; seen on a running 3.17.2."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.capability import Called, Capabilities, KindCapability
from reconciler.model.resource import Guard

NAME = "mlflow"
ENDPOINT = "Endpoint"
WEBHOOK = "Webhook"

CAPABILITIES = Capabilities(
    kinds={
        ENDPOINT: KindCapability(
            guard=Guard.COMPARE, preflight=True, verify=True, write_only=("/spec/credentials/*/apiKey",), named=True
        ),
        WEBHOOK: KindCapability(
            guard=Guard.COMPARE, verify=True, write_only=("/spec/secret",), identity=("name", "url")
        ),
    },
    dialect="mlflow",
    dialects={"http": "mlflow"},
    called=Called.BY_NAME,
)

ROOT = "/api/3.0/mlflow/gateway"
WEBHOOKS = "/api/2.0/mlflow/webhooks"
INFERENCE = "/gateway/{name}/mlflow/invocations"

FIELDS: Mapping[str, frozenset[str]] = {
    ENDPOINT: frozenset({"provider", "model", "apiBase", "credentials", "fallbackStrategy"}),
    WEBHOOK: frozenset({"name", "url", "events"}),
}
CREDENTIAL_FIELDS = frozenset({"priority"})

STRATEGY = "failover"
"""The one way in which several keys are used; SEQUENTIAL on the wire."""

PART = "reconciler/"
"""What names of our secrets and model definitions begin with: reconciler/ENDPOINT/KEYID."""

COMPOUND = frozenset({"azure", "bedrock", "sagemaker", "vertex_ai"})
"""Providers that need more than an API key and a base URL: a version, a region, a project."""

ECHOES = frozenset({"openai", "anthropic", "gemini", "mistral", "groq", "deepseek", "xai"})
"""Providers whose answers name the model that was asked for, or a dated form of it."""

EVENTS = (
    "budget_policy.exceeded",
    "model_version.created",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "model_version_tag.deleted",
    "model_version_tag.set",
    "prompt.created",
    "prompt_alias.created",
    "prompt_alias.deleted",
    "prompt_tag.deleted",
    "prompt_tag.set",
    "prompt_version.created",
    "prompt_version_tag.deleted",
    "prompt_version_tag.set",
    "registered_model.created",
)
"""All pairs of entity and action that exist; any other ends in a page of HTML with status 500."""

LONGEST_CACHE_SECONDS = 300
"""How long the inference side may go on with what it read before a write: 60 s by default, and never more than this."""

USUAL_DEADLINE_SECONDS = 75.0
"""How long a check goes on where the manifest does not say: the usual cache and one longest pause more."""
