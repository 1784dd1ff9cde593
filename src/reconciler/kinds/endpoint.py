"""Endpoint, CredentialMatrix, RateLimit: one remote model endpoint, written as three reusable parts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from reconciler.kinds.base import (
    Document,
    LifecycleModel,
    Metadata,
    Name,
    ObjectMetadata,
    SecretReference,
    Strict,
    Text,
)
from reconciler.kinds.gateway import parsable

API_BASE = r"^https?://[^\s/@?#\\]+(/[^\s?#@\\]*)?$"


class CredentialModel(Strict):
    """One key. The highest priority number is used first."""

    key_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    priority: Annotated[int, Field(ge=0, le=1_000_000)]
    api_key: SecretReference


def _distinct(credentials: list[CredentialModel]) -> list[CredentialModel]:
    for name in ("key_id", "priority"):
        values = [getattr(credential, name) for credential in credentials]
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            label = "keyId" if name == "key_id" else name
            raise ValueError(f"{label} {twice[0]!r} stands twice; each must be unique within a matrix")
    return credentials


Credentials = Annotated[list[CredentialModel], Field(min_length=1), AfterValidator(_distinct)]


class RateLimitSpec(Strict):
    """Limits that the gateway enforces."""

    requests_per_minute: Annotated[int, Field(ge=1, le=10_000)] | None = None
    concurrent_connections: Annotated[int, Field(ge=1, le=100)] | None = None
    max_tokens_per_request: Annotated[int, Field(ge=1, le=2_000_000)] | None = None


class CredentialMatrixSpec(Strict):
    """Keys, in any order."""

    rotation_strategy: Text | None = Field(default=None, description="Where the platform has it.")
    credentials: Credentials


class ReadinessModel(Strict):
    """When the endpoint counts as ready."""

    quota_baseline: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Requests that must be left, and more, for it to be production-ready."
    )
    max_latency_ms: Annotated[int, Field(ge=1)] | None = None
    deadline_seconds: Annotated[float, Field(ge=0, le=3600)] = 60


def _reference_or(inline: str) -> Any:
    return Discriminator(lambda value: "<name>" if isinstance(value, str) else inline)


class EndpointSpec(Strict):
    """What the endpoint is. Fields that a platform lacks are refused at their line."""

    display_name: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        default=None, description="Remote name; the default is metadata.name."
    )
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
    model: Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^\S+$")]
    api_base: Annotated[str, StringConstraints(pattern=API_BASE), AfterValidator(parsable)] | None = Field(
        default=None,
        description="Where the provider is, for gateways that are told; the default is the provider's own.",
    )
    credentials: Annotated[
        Annotated[Name, Tag("<name>")] | Annotated[Credentials, Tag("<inline>")], _reference_or("<inline>")
    ] = Field(description="A CredentialMatrix by name, or its credentials.")
    rate_limits: (
        Annotated[Annotated[Name, Tag("<name>")] | Annotated[RateLimitSpec, Tag("<inline>")], _reference_or("<inline>")]
        | None
    ) = Field(default=None, description="A RateLimit by name, or its fields.")
    fallback_strategy: Text | None = None
    fallback_models: list[Text] = []
    timeout_ms: Annotated[int, Field(ge=1, le=3_600_000)] | None = None
    retry_on_rate_limit: bool | None = None
    options: dict[Text, Text | bool | list[Text]] = Field(
        default={}, description="What one platform alone has; its reference page names them."
    )
    readiness: ReadinessModel = Field(default_factory=ReadinessModel)
    rollout: Literal["candidate", "in-place"] = Field(
        default="candidate", description="Prove a risky change beside the live endpoint first, or write and verify."
    )


class EndpointMetadata(ObjectMetadata):
    """Identity and labels, and the remote id where that is no valid name."""

    remote_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        default=None, description="Id on the gateway; the default is metadata.name."
    )


class Endpoint(Document):
    """One remote model endpoint; metadata.name is its remote id, unless metadata.remoteId gives another."""

    kind: Literal["Endpoint"]
    metadata: EndpointMetadata
    spec: EndpointSpec
    lifecycle: LifecycleModel = Field(default_factory=LifecycleModel)


class CredentialMatrix(Document):
    """Keys that endpoints refer to."""

    kind: Literal["CredentialMatrix"]
    metadata: Metadata
    spec: CredentialMatrixSpec


class RateLimit(Document):
    """Limits that endpoints refer to."""

    kind: Literal["RateLimit"]
    metadata: Metadata
    spec: RateLimitSpec
