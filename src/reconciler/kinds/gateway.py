"""Gateway: one tenant of one platform."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from reconciler.kinds.base import ONE_MEMBER, Document, Name, RootMetadata, SecretReference, Strict, Text, exactly_one
from reconciler.model.hosts import host_of

URL = r"^(https?://[^\s/@?#\\]+(/[^\s?#@\\]*)?|embedded:)$"
SOCKET_URL = r"^wss?://[^\s/@?#\\]+(/[^\s?#@\\]*)?$"
PATH = r"^(/|/[^\s?#/\\][^\s?#\\]*|https?://[^\s/@?#\\]+(/[^\s@?#\\]*)?)$"
"""A path begins with one slash: two begin a host."""


def parsable(value: str) -> str:
    """A port out of range, a bracket left open, a host of two readings: found here and not by the first request."""
    parts = urlsplit(value)
    _ = parts.port
    if parts.netloc:
        host_of(value)
    return value


Url = Annotated[str, StringConstraints(pattern=URL), AfterValidator(parsable)]
PathOrUrl = Annotated[str, StringConstraints(pattern=PATH), AfterValidator(parsable)]


class OAuthModel(Strict):
    """OAuth 2 client credentials."""

    token_url: PathOrUrl = Field(
        default="/oauth/token", description="Relative to the URL, or absolute. The default is the platform's."
    )
    client_id: SecretReference
    client_secret: SecretReference
    scopes: list[Text] = Field(default=[], description="Sent, space-separated, when not empty.")
    client_auth: Literal["post", "basic"] = "post"


class HeaderModel(Strict):
    """A static header."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
    value: SecretReference


class AuthModel(Strict):
    """Exactly one way to be authorized."""

    model_config = ConfigDict(json_schema_extra=ONE_MEMBER)

    oauth: OAuthModel | None = None
    bearer: SecretReference | None = None
    header: HeaderModel | None = None

    @model_validator(mode="after")
    def _one(self) -> AuthModel:
        exactly_one(self, ("oauth", "bearer", "header"))
        return self


class LimitsModel(Strict):
    """What a run may ask of the gateway."""

    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] | None = None
    endpoints: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many endpoints the tenant may hold."
    )


class TimeoutsModel(Strict):
    """Seconds."""

    connect: Annotated[float, Field(gt=0, le=600)] = 10
    total: Annotated[float, Field(gt=0, le=3600)] = 30


class GatewaySpec(Strict):
    """Where the tenant is, how to be authorized, how far to go."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["url"]}, {"required": ["org"]}]})

    platform: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    url: Url = Field(default="", description="Base URL; `embedded:` is the gateway in a box.")
    org: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] = Field(
        default="", description="Tenant name, from which the platform derives the URL."
    )
    auth: AuthModel | None = None
    paths: dict[Text, PathOrUrl] = {}
    limits: LimitsModel = Field(default_factory=LimitsModel)
    timeouts: TimeoutsModel = Field(default_factory=TimeoutsModel)
    prune: bool = Field(default=True, description="Delete what is no longer declared.")
    guard_floor: Literal["etag", "version", "compare", "none"] = Field(
        default="compare", description="The weakest guard that a write may use."
    )

    transport: Literal["http", "websocket"] | None = Field(
        default=None, description="How questions to models travel, where the platform leaves a choice."
    )
    web_socket_url: Annotated[str, StringConstraints(pattern=SOCKET_URL), AfterValidator(parsable)] | None = Field(
        default=None, description="Where WebSockets are opened, if not at `url`; the platform's path is added."
    )

    @model_validator(mode="after")
    def _one(self) -> GatewaySpec:
        exactly_one(self, ("url", "org"))
        return self


class GatewayMetadata(RootMetadata):
    """Identity and labels, and the name that it had before."""

    moved_from: Name | None = Field(
        default=None,
        description="The name that the same gateway had before: what the ledger knows moves, and nothing is written.",
    )


class Gateway(Document):
    """One tenant of one platform."""

    kind: Literal["Gateway"]
    metadata: GatewayMetadata
    spec: GatewaySpec
