"""The pure half of turnstile: what it offers, what it cannot express, where it lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Guard, Resource
from reconciler.platforms.findings import (
    finding,
    inexpressible,
    keyless,
    misplaced,
    no_measure,
    no_place,
    no_such_kind,
    require,
    without_ignored,
)

if TYPE_CHECKING:
    from reconciler.transport import Client
    from reconciler_turnstile.adapter import TurnstileAdapter

NAME = "turnstile"
FIELDS = frozenset({"provider", "model", "credentials"})
CREDENTIAL_FIELDS = frozenset({"priority"})

CAPABILITIES = Capabilities(
    kinds={"Endpoint": KindCapability(guard=Guard.ETAG, verify=True, write_only=("/spec/credentials/*/apiKey",))},
    permissions=("bots:write",),
)


@dataclass(frozen=True, slots=True)
class TurnstilePlatform:
    """Implements OpenablePlatform."""

    name: str = NAME
    capabilities: Capabilities = CAPABILITIES

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """What a bot has no place for, and what the Gateway says that turnstile does not have."""
        return (*misplaced(gateway, NAME, self.capabilities), *_findings(resource))

    def normalize(self, resource: Resource) -> Resource:
        """Without what the manifest allows to be left out; turnstile has no defaults that a read would show."""
        if resource.address.kind not in self.capabilities.kinds:
            return resource
        return without_ignored(resource, inexpressible(resource, FIELDS, CREDENTIAL_FIELDS))

    def base_url(self, gateway: Gateway) -> str:
        """`url`. Raises InputError where there is none."""
        require(misplaced(gateway, NAME, self.capabilities))
        return gateway.url or ""

    def token_path(self, gateway: Gateway) -> str:  # noqa: ARG002 - the protocol's signature
        """Where tokens are to be had, for gateways with `auth.oauth`."""
        return "/oauth/token"

    def open(self, gateway: Gateway, client: Client) -> TurnstileAdapter:
        """The adapter of one gateway."""
        from reconciler_turnstile.adapter import TurnstileAdapter  # noqa: PLC0415 - what works offline needs no HTTP

        return TurnstileAdapter(gateway, client)


def _findings(resource: Resource) -> Iterator[Diagnostic]:
    if resource.address.kind not in CAPABILITIES.kinds:
        yield no_such_kind(NAME, resource)
        return
    yield from no_place(NAME, resource, inexpressible(resource, FIELDS, CREDENTIAL_FIELDS))
    yield from no_measure(NAME, resource)
    for field in ("provider", "model"):
        if not resource.spec.get(field):
            yield finding(resource, "PLATFORM002", f"turnstile needs {field}; add it.", f"/spec/{field}")
    if len(resource.spec.get("credentials", {})) != 1:
        yield finding(resource, "PLATFORM003", "a bot of turnstile has exactly one key.", "/spec/credentials")
    yield from keyless(resource, NAME)


PLATFORM = TurnstilePlatform()
