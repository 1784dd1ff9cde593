"""What CXone cannot express, or would answer with a 400: found offline, at its field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Resource
from reconciler.platforms.cxone.capabilities import (
    CAPABILITIES,
    CREDENTIAL_FIELDS,
    ENDPOINT,
    EVENTS,
    FIELDS,
    NAME,
    PROVIDERS,
    RANGES,
    STRATEGIES,
)
from reconciler.platforms.fields import Keys, strangers
from reconciler.platforms.findings import finding, key_finding, no_place, no_such_kind

_NO_FIELDS: Mapping[str, Any] = {}


def resource_findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    kind = resource.address.kind
    if kind not in CAPABILITIES.kinds:
        yield no_such_kind(NAME, resource)
        return
    yield from no_place(NAME, resource, inexpressible(resource))
    yield from _endpoint_findings(resource) if kind == ENDPOINT else _webhook_findings(resource)


def inexpressible(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that the wire has no place for."""
    spec = resource.spec
    yield from strangers(spec, FIELDS[resource.address.kind], ())
    if resource.address.kind == ENDPOINT:
        yield from strangers(spec.get("rateLimits", _NO_FIELDS), RANGES.keys(), ("rateLimits",))
        for key_id, credential in spec.get("credentials", _NO_FIELDS).items():
            if credential.keys() != CREDENTIAL_FIELDS:
                yield from strangers(credential, CREDENTIAL_FIELDS, ("credentials", key_id))


def _endpoint_findings(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    yield from _one_of(resource, "provider", PROVIDERS)
    yield from _text(resource, "model")
    if "displayName" in spec:
        yield from _text(resource, "displayName")
    if "fallbackStrategy" in spec:
        yield from _one_of(resource, "fallbackStrategy", STRATEGIES)
    yield from _credential_findings(resource)
    yield from _limit_findings(resource)


def _credential_findings(resource: Resource) -> Iterator[Diagnostic]:
    credentials = resource.spec.get("credentials")
    if not credentials:
        yield finding(resource, "PLATFORM002", "cxone needs at least one credential; add one.", "/spec/credentials")
        return
    first: dict[Any, str] = {}
    for key_id, credential in credentials.items():
        priority = credential.get("priority")
        if type(priority) is not int:
            yield key_finding(resource, "PLATFORM002", (key_id,), "cxone orders keys by a whole number; give one.")
        elif first.setdefault(priority, key_id) != key_id:
            detail = f"{first[priority]} has priority {priority} as well; cxone wants each to be different."
            yield key_finding(resource, "PLATFORM003", (key_id, "priority"), detail)
        if f"/spec/credentials/{key_id}/apiKey" not in resource.secrets:
            yield key_finding(resource, "PLATFORM002", (key_id,), "cxone needs the key itself; refer to a secret.")


def _limit_findings(resource: Resource) -> Iterator[Diagnostic]:
    limits = resource.spec.get("rateLimits", _NO_FIELDS)
    for name, (least, most) in RANGES.items():
        value = limits.get(name)
        if value is None:
            yield finding(resource, "PLATFORM002", f"cxone needs rateLimits.{name}; add it.", "/spec/rateLimits")
        elif type(value) is not int or value < least or (most is not None and value > most):
            detail = f"cxone takes whole numbers from {least}" + ("." if most is None else f" to {most}.")
            yield finding(resource, "PLATFORM003", detail, f"/spec/rateLimits/{name}")


def _webhook_findings(resource: Resource) -> Iterator[Diagnostic]:
    yield from _text(resource, "name")
    yield from _text(resource, "url")
    events = resource.spec.get("events", ())
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        detail = f"cxone has no event {', '.join(map(repr, unknown))}; it knows {', '.join(EVENTS)}."
        yield finding(resource, "PLATFORM003", detail, "/spec/events")
    if not events:
        yield finding(resource, "PLATFORM002", "cxone needs at least one event; add one.", "/spec/events")
    if "/spec/secret" not in resource.secrets:
        detail = "cxone needs a secret to sign deliveries with; refer to one."
        yield finding(resource, "PLATFORM002", detail, "/spec/secret")


def _text(resource: Resource, name: str) -> Iterator[Diagnostic]:
    value = resource.spec.get(name)
    if not isinstance(value, str) or not value:
        yield finding(resource, "PLATFORM002", f"cxone needs a text for {name}; add it.", f"/spec/{name}")


def _one_of(resource: Resource, name: str, allowed: tuple[str, ...]) -> Iterator[Diagnostic]:
    if resource.spec.get(name) not in allowed:
        detail = f"cxone knows {name} {', '.join(allowed)}; use one of these."
        yield finding(resource, "PLATFORM003", detail, f"/spec/{name}")
