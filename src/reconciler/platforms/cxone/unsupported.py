"""What CXone cannot express, or would answer with a 400: found offline, at its field. Pure.

| code        | means                                                                     |
|-------------|---------------------------------------------------------------------------|
| PLATFORM001 | the wire has no place for the field                                       |
| PLATFORM002 | the contract asks for a field that is not given                           |
| PLATFORM003 | the contract does not take the value                                      |
| PLATFORM004 | there is no such kind                                                     |
| PLATFORM007 | the Gateway's own `org` or `paths` cannot be used                         |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Gateway, Resource
from reconciler.planning.pointer import covers, join
from reconciler.platforms.cxone.capabilities import (
    CAPABILITIES,
    CREDENTIAL_FIELDS,
    ENDPOINT,
    EVENTS,
    FIELDS,
    PATHS,
    PROVIDERS,
    RANGES,
    STRATEGIES,
)

Keys = tuple[str, ...]

_ORG = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NO_FIELDS: Mapping[str, Any] = {}

_SUMMARIES: Mapping[str, str] = {
    "PLATFORM001": "the platform cannot express this field",
    "PLATFORM002": "the platform needs this field",
    "PLATFORM003": "the platform does not take this value",
    "PLATFORM004": "the platform does not have this kind",
    "PLATFORM007": "the gateway cannot be used as it is described",
}


def resource_findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    kind = resource.address.kind
    if kind not in CAPABILITIES.kinds:
        detail = f"cxone has no {kind}; take it out, or bind it to a gateway of another platform."
        yield _finding(resource, "PLATFORM004", detail, "/metadata/name")
        return
    for keys in inexpressible(resource):
        path = join("/spec", keys)
        if not ignored(resource, path):
            detail = f"cxone has no {'.'.join(keys)}: take it out, or name {path} in lifecycle.ignore to leave it out."
            yield _finding(resource, "PLATFORM001", detail, path)
    yield from _endpoint_findings(resource) if kind == ENDPOINT else _webhook_findings(resource)


def inexpressible(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that the wire has no place for."""
    spec = resource.spec
    yield from _strangers(spec, FIELDS[resource.address.kind], ())
    if resource.address.kind == ENDPOINT:
        yield from _strangers(spec.get("rateLimits", _NO_FIELDS), RANGES.keys(), ("rateLimits",))
        for key_id, credential in spec.get("credentials", _NO_FIELDS).items():
            if credential.keys() != CREDENTIAL_FIELDS:
                yield from _strangers(credential, CREDENTIAL_FIELDS, ("credentials", key_id))


def _strangers(members: Mapping[str, Any], known: AbstractSet[str], keys: Keys) -> Iterator[Keys]:
    if not members.keys() <= known:
        yield from ((*keys, name) for name in sorted(members.keys() - known))


def ignored(resource: Resource, path: str) -> bool:
    """Whether the manifest allows that `path` is left out."""
    return any(covers(pattern, path) for pattern in resource.lifecycle.ignore)


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
        yield _finding(resource, "PLATFORM002", "cxone needs at least one credential; add one.", "/spec/credentials")
        return
    first: dict[Any, str] = {}
    for key_id, credential in credentials.items():
        priority = credential.get("priority")
        if type(priority) is not int:
            yield _of_key(resource, "PLATFORM002", (key_id,), "cxone orders keys by a whole number; give one.")
        elif first.setdefault(priority, key_id) != key_id:
            detail = f"{first[priority]} has priority {priority} as well; cxone wants each to be different."
            yield _of_key(resource, "PLATFORM003", (key_id, "priority"), detail)
        if f"/spec/credentials/{key_id}/apiKey" not in resource.secrets:
            yield _of_key(resource, "PLATFORM002", (key_id,), "cxone needs the key itself; refer to a secret.")


def _of_key(resource: Resource, code: str, keys: Keys, detail: str) -> Diagnostic:
    return _finding(resource, code, detail, join("/spec/credentials", keys))


def _limit_findings(resource: Resource) -> Iterator[Diagnostic]:
    limits = resource.spec.get("rateLimits", _NO_FIELDS)
    for name, (least, most) in RANGES.items():
        value = limits.get(name)
        if value is None:
            yield _finding(resource, "PLATFORM002", f"cxone needs rateLimits.{name}; add it.", "/spec/rateLimits")
        elif type(value) is not int or value < least or (most is not None and value > most):
            detail = f"cxone takes whole numbers from {least}" + ("." if most is None else f" to {most}.")
            yield _finding(resource, "PLATFORM003", detail, f"/spec/rateLimits/{name}")


def _webhook_findings(resource: Resource) -> Iterator[Diagnostic]:
    yield from _text(resource, "name")
    yield from _text(resource, "url")
    events = resource.spec.get("events", ())
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        detail = f"cxone has no event {', '.join(map(repr, unknown))}; it knows {', '.join(EVENTS)}."
        yield _finding(resource, "PLATFORM003", detail, "/spec/events")
    if not events:
        yield _finding(resource, "PLATFORM002", "cxone needs at least one event; add one.", "/spec/events")
    if "/spec/secret" not in resource.secrets:
        detail = "cxone needs a secret to sign deliveries with; refer to one."
        yield _finding(resource, "PLATFORM002", detail, "/spec/secret")


def _text(resource: Resource, name: str) -> Iterator[Diagnostic]:
    value = resource.spec.get(name)
    if not isinstance(value, str) or not value:
        yield _finding(resource, "PLATFORM002", f"cxone needs a text for {name}; add it.", f"/spec/{name}")


def _one_of(resource: Resource, name: str, allowed: tuple[str, ...]) -> Iterator[Diagnostic]:
    if resource.spec.get(name) not in allowed:
        detail = f"cxone knows {name} {', '.join(allowed)}; use one of these."
        yield _finding(resource, "PLATFORM003", detail, f"/spec/{name}")


def _finding(resource: Resource, code: str, detail: str, path: str) -> Diagnostic:
    position = resource.source.position(path)
    return Diagnostic(Severity.ERROR, code, _SUMMARIES[code], detail, position, resource.address, path)


def gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What is wrong with a Gateway's `paths`.

    A path without its ``{id}`` would let a DELETE reach a whole collection; one that names a host would carry
    the token there. Only the token endpoint may live on another host, as `tokenUrl` may.
    """
    for name, path in gateway.paths.items():
        where = join("/spec", ("paths", name))
        if name not in PATHS:
            yield _gateway_finding(gateway, f"cxone has no call {name!r}; it knows {', '.join(PATHS)}.", where)
        elif name != "token" and not path.startswith("/"):
            yield _gateway_finding(gateway, f"{name} must begin with a slash: it is a path below `url`.", where)
        elif path.count("{id}") != PATHS[name].count("{id}"):
            times = "once" if "{id}" in PATHS[name] else "nowhere"
            yield _gateway_finding(gateway, f"{{id}} must stand in {name} {times}.", where)


def org_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What keeps the base URL from being derived."""
    if gateway.url is None and not (gateway.org and _ORG.fullmatch(gateway.org)):
        detail = f"{gateway.org!r} is no tenant name: give `url`, or an `org` of small letters, digits and dashes."
        yield _gateway_finding(gateway, detail, "/spec/org")


def _gateway_finding(gateway: Gateway, detail: str, path: str) -> Diagnostic:
    position = gateway.source.position(path)
    return Diagnostic(Severity.ERROR, "PLATFORM007", _SUMMARIES["PLATFORM007"], detail, position, path=path)
