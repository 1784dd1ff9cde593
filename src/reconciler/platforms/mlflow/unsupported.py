"""Everything that MLflow's gateway cannot express or would refuse, offline, at its line.

The server ignores fields that it does not know and takes providers that it does not have, so that nothing would be
said about them later either.

| code        | meaning                                                              |
|-------------|----------------------------------------------------------------------|
| PLATFORM001 | the wire has no place for the field                                  |
| PLATFORM002 | a field is missing, without which the server keeps what never works  |
| PLATFORM003 | the server would refuse the value, or fail at it                     |
| PLATFORM004 | there is no such kind                                                |
| PLATFORM007 | the Gateway names an `org` or `paths`                                |
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Resource
from reconciler.planning.pointer import join
from reconciler.platforms.fields import Keys
from reconciler.platforms.findings import finding, inexpressible, keyless, no_place, no_such_kind
from reconciler.platforms.mlflow.capabilities import (
    CAPABILITIES,
    COMPOUND,
    CREDENTIAL_FIELDS,
    ENDPOINT,
    EVENTS,
    FIELDS,
    NAME,
    STRATEGY,
)

_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_HOOK_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def places(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that the wire has no place for."""
    return inexpressible(resource, FIELDS[resource.address.kind], CREDENTIAL_FIELDS)


def findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    kind = resource.address.kind
    if kind not in CAPABILITIES.kinds:
        yield no_such_kind(NAME, resource)
        return
    yield from no_place(NAME, resource, places(resource))
    yield from _endpoint(resource) if kind == ENDPOINT else _webhook(resource)


def _endpoint(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    name = resource.remote_id or resource.first_name
    if not _ENDPOINT_NAME.fullmatch(name):
        detail = f"mlflow takes letters, digits, dots, dashes and underscores for an endpoint's name, not {name!r}."
        yield finding(resource, "PLATFORM003", detail, "/metadata/remoteId")
    for field in ("provider", "model"):
        if not isinstance(spec.get(field), str) or not spec[field]:
            yield finding(resource, "PLATFORM002", f"mlflow needs {field}; add it.", f"/spec/{field}")
    if spec.get("provider") in COMPOUND:
        detail = f"mlflow needs more than a key and a URL for {spec['provider']}, which the language cannot say."
        yield finding(resource, "PLATFORM003", detail, "/spec/provider")
    if spec.get("fallbackStrategy", STRATEGY) != STRATEGY:
        detail = f"mlflow knows fallbackStrategy {STRATEGY}; use it."
        yield finding(resource, "PLATFORM003", detail, "/spec/fallbackStrategy")
    yield from _keys(resource)


def _keys(resource: Resource) -> Iterator[Diagnostic]:
    credentials = resource.spec.get("credentials")
    if not credentials:
        yield finding(resource, "PLATFORM002", "mlflow needs at least one credential; add one.", "/spec/credentials")
        return
    for key_id, credential in credentials.items():
        if type(credential.get("priority")) is not int:
            path = join("/spec/credentials", (key_id,))
            yield finding(resource, "PLATFORM002", "keys are tried in order; give a whole number as priority.", path)
    yield from keyless(resource, NAME)


def _webhook(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    name = spec.get("name")
    if not isinstance(name, str) or not _HOOK_NAME.fullmatch(name):
        detail = f"mlflow takes up to 63 letters, digits, dots, dashes and underscores for a name, not {name!r}."
        yield finding(resource, "PLATFORM003", detail, "/spec/displayName")
    if not spec.get("url"):
        yield finding(resource, "PLATFORM002", "mlflow needs url; add it.", "/spec/url")
    unknown = [event for event in spec.get("events", ()) if event not in EVENTS]
    if unknown:
        detail = f"mlflow has no event {', '.join(map(repr, unknown))}; it knows {', '.join(EVENTS)}."
        yield finding(resource, "PLATFORM003", detail, "/spec/events")
    if not spec.get("events"):
        yield finding(resource, "PLATFORM002", "mlflow needs at least one event; add one.", "/spec/events")
