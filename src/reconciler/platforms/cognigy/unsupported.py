"""What Cognigy.AI cannot express, or would refuse: found offline, at its field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.planning.pointer import join
from reconciler.platforms.cognigy.capabilities import (
    CAPABILITIES,
    COMPLETED,
    CREDENTIAL_FIELDS,
    ENDPOINT,
    FIELDS,
    NAME,
    PATHS,
    STRATEGY,
)
from reconciler.platforms.cognigy.convert import name_of
from reconciler.platforms.fields import Keys, strangers
from reconciler.platforms.findings import (
    finding,
    gateway_finding,
    no_measure,
    no_place,
    no_such_kind,
    path_findings,
    transport_findings,
)

_NO_FIELDS: Mapping[str, Any] = {}


def gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What is wrong with the Gateway itself."""
    yield from path_findings(NAME, gateway, {**PATHS, **COMPLETED})
    yield from transport_findings(NAME, gateway, CAPABILITIES)
    if "provider" in gateway.paths and "providers" not in gateway.paths:
        detail = f"without a list nothing is known to be there: add providers, such as {COMPLETED['providers']}."
        yield gateway_finding(gateway, detail, "/spec/paths/provider")


def resource_findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    if resource.address.kind != ENDPOINT:
        yield no_such_kind(NAME, resource)
        return
    yield from no_place(NAME, resource, inexpressible(resource))
    yield from no_measure(NAME, resource)
    for name in ("provider", "model"):
        yield from _text(resource, name)
    yield from _credentials(resource)
    yield from _values(resource)


def inexpressible(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that the wire has no place for."""
    yield from strangers(resource.spec, FIELDS, ())
    for key_id, credential in resource.spec.get("credentials", _NO_FIELDS).items():
        yield from strangers(credential, CREDENTIAL_FIELDS, ("credentials", key_id))


def _text(resource: Resource, name: str) -> Iterator[Diagnostic]:
    value = resource.spec.get(name)
    if not isinstance(value, str) or not value:
        yield finding(resource, "PLATFORM002", f"cognigy needs a text for {name}; add it.", f"/spec/{name}")
    elif name == "provider" and value.upper().lower() != value:
        detail = "cognigy writes the provider in capitals: use small letters here, which come back as they were."
        yield finding(resource, "PLATFORM003", detail, "/spec/provider")


def _credentials(resource: Resource) -> Iterator[Diagnostic]:
    credentials = resource.spec.get("credentials")
    if not credentials:
        yield finding(resource, "PLATFORM002", "cognigy needs at least one key; add one.", "/spec/credentials")
        return
    first: dict[Any, str] = {}
    for key_id, credential in credentials.items():
        priority, path = credential.get("priority"), join("/spec/credentials", (key_id,))
        if type(priority) is not int:
            detail = "the order of keys is that of their priorities; give a whole number."
            yield finding(resource, "PLATFORM002", detail, path)
        elif first.setdefault(priority, key_id) != key_id:
            detail = f"{first[priority]} has priority {priority} as well; which comes first cannot be told."
            yield finding(resource, "PLATFORM003", detail, f"{path}/priority")
        if f"{path}/apiKey" not in resource.secrets:
            yield finding(resource, "PLATFORM002", "cognigy needs the key itself; refer to a secret.", path)


def _values(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    if spec.get("rotationStrategy", STRATEGY) != STRATEGY:
        detail = f"cognigy knows the rotation strategy {STRATEGY}; use that, or leave it out."
        yield finding(resource, "PLATFORM003", detail, "/spec/rotationStrategy")
    milliseconds = spec.get("timeoutMs", 1)
    if type(milliseconds) is not int or milliseconds < 1:
        yield finding(resource, "PLATFORM003", "cognigy takes whole milliseconds, from 1.", "/spec/timeoutMs")
    if not isinstance(spec.get("retryOnRateLimit", True), bool):
        yield finding(resource, "PLATFORM003", "cognigy takes true or false.", "/spec/retryOnRateLimit")
    shown = spec.get("displayName", name_of(resource))
    if not isinstance(shown, str) or not shown or shown != name_of(resource):
        detail = (
            f"the name is the id here: leave displayName out, or make it metadata.remoteId ({name_of(resource)!r})."
        )
        yield finding(resource, "PLATFORM003", detail, "/spec/displayName")
