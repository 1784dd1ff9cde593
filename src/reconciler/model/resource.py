"""What manifests declare of a fleet: resources, gateways, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from reconciler.model.address import Address
from reconciler.model.diagnostic import Position
from reconciler.model.secret import SecretRef

Spec: TypeAlias = Mapping[str, Any]
"""A canonical document: JSON values only, lists of things with an identity turned into mappings by
that identity (credentials by keyId), lists without an order sorted (webhook events). Two specs that
mean the same are ``==``. Never changed after it is built."""

Secrets: TypeAlias = Mapping[str, SecretRef]
"""Secret leaves of a spec, lifted out of it: JSON pointer → reference, for example
``/spec/credentials/key-primary-01/apiKey``."""

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Source(Protocol):
    """Finds the place in the manifests that a path of the effective document comes from."""

    def position(self, path: str) -> Position:
        """Position of `path` (JSON pointer into the effective document, such as ``/spec/model``).

        A path that stands in a referenced part or in a patch gives a place in that file; one that
        stands nowhere gives its nearest written parent.
        """


class Nowhere:
    """A source for resources that were made in memory."""

    def position(self, path: str) -> Position:  # noqa: ARG002 - the protocol's signature
        """Answer one fixed position."""
        return Position("<memory>", 1, 1)


NOWHERE = Nowhere()


class Manage(StrEnum):
    """How far the tool may go with an object."""

    FULL = "full"
    OBSERVE = "observe"
    CREATE_ONLY = "create-only"
    NO_DELETE = "no-delete"


class Rollout(StrEnum):
    """How a risky change of an endpoint reaches the gateway."""

    CANDIDATE = "candidate"
    IN_PLACE = "in-place"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """`lifecycle` of a manifest. `ignore` holds JSON pointers whose drift is left alone."""

    manage: Manage = Manage.FULL
    protect: bool = False
    adopt: bool = False
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Readiness:
    """When an endpoint counts as ready. Baseline in requests, latency in ms, deadline in s."""

    quota_baseline: int = 0
    max_latency_ms: int | None = None
    deadline_seconds: float = 60.0


DEFAULT_LIFECYCLE = Lifecycle()
DEFAULT_READINESS = Readiness()


@dataclass(frozen=True, slots=True)
class Resource:
    """One desired object on one gateway.

    `spec` is canonical and holds no secret leaf; those are in `secrets`. `readiness` and `rollout`
    steer the engine and are never compared with the gateway. `remote_id` is the id of the object where it is not
    the name; None where it is, or where the gateway chooses. `stated_id` is that id if the manifest itself gives it.
    `moved_from` is the name that the object had in earlier manifests. `origin` is the
    file that declares the object, whatever patches it, as positions name it; empty for one that was made in memory.
    """

    address: Address
    spec: Spec
    secrets: Secrets = field(default_factory=lambda: EMPTY)
    depends_on: tuple[Address, ...] = ()
    lifecycle: Lifecycle = DEFAULT_LIFECYCLE
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    readiness: Readiness = DEFAULT_READINESS
    rollout: Rollout = Rollout.CANDIDATE
    remote_id: str | None = None
    source: Source = field(default=NOWHERE, compare=False)
    stated_id: str | None = None
    moved_from: str | None = None
    origin: str = field(default="", compare=False)

    @property
    def first_name(self) -> str:
        """What names on the gateway are by default: a move leaves them as they were."""
        return self.moved_from or self.address.name


class Guard(StrEnum):
    """How a write is kept from overwriting a change it has not seen, strongest first."""

    ETAG = "etag"
    VERSION = "version"
    COMPARE = "compare"
    NONE = "none"

    @property
    def strength(self) -> int:
        """3 for etag down to 0 for none."""
        return _STRENGTH[self]


_STRENGTH = {Guard.ETAG: 3, Guard.VERSION: 2, Guard.COMPARE: 1, Guard.NONE: 0}


@dataclass(frozen=True, slots=True)
class OAuth:
    """OAuth 2 client credentials. `token_url` is absolute, or relative to the gateway's URL."""

    client_id: SecretRef
    client_secret: SecretRef
    token_url: str | None = None
    scopes: tuple[str, ...] = ()
    client_auth: str = "post"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A static bearer token."""

    token: SecretRef


@dataclass(frozen=True, slots=True)
class Header:
    """A static header."""

    name: str
    value: SecretRef


Auth: TypeAlias = OAuth | Bearer | Header


def credential_refs(auth: Auth | None) -> Secrets:
    """The secrets that a gateway itself needs, by their paths in its manifest."""
    match auth:
        case OAuth():
            return {"/spec/auth/oauth/clientId": auth.client_id, "/spec/auth/oauth/clientSecret": auth.client_secret}
        case Bearer():
            return {"/spec/auth/bearer": auth.token}
        case None:
            return {}
        case header:
            return {"/spec/auth/header/value": header.value}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may ask of a gateway. None: no limit of ours."""

    concurrency: int = 8
    requests_per_second: float | None = None
    endpoints: int | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for a connection, and for a request with all its repeats."""

    connect: float = 10.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """One tenant of one platform, as its manifest describes it.

    `url` is None when the manifest gives `org` and the platform derives the URL; ``embedded:``
    means the gateway in a box. `transport` says how questions travel, None: as the platform does by itself.
    `web_socket_url` is where WebSockets are opened, None: at the base URL. `moved_from` is the name that it had in
    earlier manifests.
    """

    name: str
    platform: str
    url: str | None
    org: str | None = None
    auth: Auth | None = None
    paths: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    prune: bool = True
    guard_floor: Guard = Guard.COMPARE
    transport: str | None = None
    web_socket_url: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    source: Source = field(default=NOWHERE, compare=False)
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule of the team: `rule` is a JSON Schema over the effective resource, `forbid` planned actions.

    The effective resource is ``{"kind", "metadata": {"name", "gateway", "labels"}, "spec"}``; labels
    in `match_labels` are those of the resource together with those of its gateway.
    """

    name: str
    kind: str | None
    match_labels: Mapping[str, str]
    rule: Mapping[str, Any]
    forbid: tuple[str, ...]
    message: str
    severity: str
    source: Source = field(default=NOWHERE, compare=False)
