"""What LiteLLM cannot express, or would take and not do: found offline, at its field. Pure.

| code        | means                                                                                   |
|-------------|-----------------------------------------------------------------------------------------|
| PLATFORM001 | there is no place for the field, or LiteLLM stores it and enforces nothing              |
| PLATFORM002 | LiteLLM needs a field that is not given                                                 |
| PLATFORM003 | LiteLLM does not take the value                                                         |
| PLATFORM004 | there is no such kind                                                                   |
| PLATFORM007 | the Gateway's own `url`, `org`, `auth` or `paths` cannot be used                        |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, OAuth, Resource
from reconciler.planning.pointer import join
from reconciler.platforms.fields import Keys, ignored, strangers
from reconciler.platforms.findings import finding, gateway_finding, key_finding, no_such_kind, socket_findings
from reconciler.platforms.litellm.capabilities import (
    CAPABILITIES,
    CREDENTIAL_FIELDS,
    EVENTS,
    FIELDS,
    LAST_ORDER,
    LIMITS,
    NAME,
    PROVIDERS,
    STRATEGIES,
    WEBHOOK,
)
from reconciler.platforms.litellm.convert import group_of

_NO_FIELDS: Mapping[str, Any] = {}


_WHY: Mapping[Keys, str] = {
    ("displayName",): "a model group has one name, that of the resource",
    ("retryOnRateLimit",): "retries are a setting of the whole router",
    ("rateLimits", "maxTokensPerRequest"): "a deployment's max_tokens is a default that every caller may overrule",
    ("apiBase",): "where a provider is stands in `paths` of the Gateway, under the provider's name",
}


def resource_findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    kind = resource.address.kind
    if kind not in CAPABILITIES.kinds:
        yield no_such_kind(NAME, resource)
        return
    if kind == WEBHOOK:
        yield from _webhook_findings(resource)
        return
    for keys in inexpressible(resource):
        path = join("/spec", keys)
        if not ignored(resource, path):
            why = _WHY.get(keys)
            detail = f"litellm has no {'.'.join(keys)}" + (f": {why}" if why else "")
            detail += f". Take it out, or name {path} in lifecycle.ignore to leave it out."
            yield finding(resource, "PLATFORM001", detail, path)
    yield from _readiness_findings(resource)
    yield from _endpoint_findings(resource)


def _webhook_findings(resource: Resource) -> Iterator[Diagnostic]:
    """`url` was checked by the language; one that no manifest could hold is the proxy's that it does not show."""
    spec = resource.spec
    if spec.get("name") != resource.first_name:
        detail = "litellm gives its webhook no name, so that of the resource is all it has; take displayName out."
        yield finding(resource, "PLATFORM001", detail, "/spec/name")
    if not str(spec.get("url", "")).startswith(("http://", "https://")):
        detail = "the proxy does not show where it sends alerts; declare it with the address, and lifecycle.adopt."
        yield finding(resource, "PLATFORM003", detail, "/spec/url")
    if "/spec/secret" in resource.secrets:
        detail = "litellm signs nothing that it sends to a webhook; take the secret out."
        yield finding(resource, "PLATFORM001", detail, "/spec/secret")
    yield from _event_findings(resource)


def _event_findings(resource: Resource) -> Iterator[Diagnostic]:
    """All are sent, and none can be left out: a manifest that names fewer would promise silence."""
    events = resource.spec.get("events", ())
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        detail = f"litellm sends no {', '.join(unknown)} to a webhook; it sends {', '.join(EVENTS)}."
        yield finding(resource, "PLATFORM003", detail, "/spec/events")
    missing = [event for event in EVENTS if event not in events]
    if missing:
        detail = f"litellm offers no choice: it sends {', '.join(missing)} as well. Name all: {', '.join(EVENTS)}."
        yield finding(resource, "PLATFORM003", detail, "/spec/events")


def inexpressible(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that LiteLLM has no place for."""
    spec = resource.spec
    named = spec.get("displayName") == group_of(resource)
    yield from strangers(spec, FIELDS | {"displayName"} if named else FIELDS, ())
    yield from strangers(spec.get("rateLimits", _NO_FIELDS), LIMITS.keys(), ("rateLimits",))
    for key_id, credential in spec.get("credentials", _NO_FIELDS).items():
        yield from strangers(credential, CREDENTIAL_FIELDS, ("credentials", key_id))


def _readiness_findings(resource: Resource) -> Iterator[Diagnostic]:
    """A health check of LiteLLM says whether a call went through, and nothing else."""
    ready = resource.readiness
    asked = {"quotaBaseline": ready.quota_baseline > 0, "maxLatencyMs": ready.max_latency_ms is not None}
    for name in (name for name, is_asked in asked.items() if is_asked):
        path = f"/spec/readiness/{name}"
        if not ignored(resource, path):
            detail = f"litellm does not tell what it asks for; take it out, or name {path} in lifecycle.ignore."
            yield finding(resource, "PLATFORM001", detail, path)


def _endpoint_findings(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    yield from _one_of(resource, "provider", PROVIDERS)
    if not isinstance(spec.get("model"), str) or not spec["model"]:
        yield finding(resource, "PLATFORM002", "litellm needs a text for model; add it.", "/spec/model")
    if "fallbackStrategy" in spec:
        yield from _one_of(resource, "fallbackStrategy", STRATEGIES)
    yield from _credential_findings(resource)
    yield from _number_findings(resource)
    if group_of(resource) in spec.get("fallbackModels", ()):
        detail = "a model cannot fall back to itself; take it out."
        yield finding(resource, "PLATFORM003", detail, "/spec/fallbackModels")


def _credential_findings(resource: Resource) -> Iterator[Diagnostic]:
    credentials = resource.spec.get("credentials")
    if not credentials:
        yield finding(resource, "PLATFORM002", "litellm needs at least one credential; add one.", "/spec/credentials")
        return
    first: dict[Any, str] = {}
    for key_id, credential in credentials.items():
        priority = credential.get("priority")
        if type(priority) is not int or not 0 <= priority <= LAST_ORDER:
            detail = f"litellm orders keys by a whole number from 0 to {LAST_ORDER}; give one."
            yield key_finding(resource, "PLATFORM003", (key_id,), detail)
        elif first.setdefault(priority, key_id) != key_id:
            detail = f"{first[priority]} has priority {priority} as well; litellm would spread calls over both."
            yield key_finding(resource, "PLATFORM003", (key_id, "priority"), detail)
        if f"/spec/credentials/{key_id}/apiKey" not in resource.secrets:
            yield key_finding(resource, "PLATFORM002", (key_id,), "litellm needs the key itself; refer to a secret.")


def _number_findings(resource: Resource) -> Iterator[Diagnostic]:
    limits = resource.spec.get("rateLimits", _NO_FIELDS)
    given = {f"rateLimits/{name}": limits.get(name) for name in LIMITS} | {"timeoutMs": resource.spec.get("timeoutMs")}
    for name, value in given.items():
        if value is not None and (type(value) is not int or value < 1):
            yield finding(resource, "PLATFORM003", "litellm takes whole numbers from 1.", f"/spec/{name}")


def _one_of(resource: Resource, name: str, allowed: tuple[str, ...]) -> Iterator[Diagnostic]:
    if resource.spec.get(name) not in allowed:
        detail = f"litellm is known to take {name} {', '.join(allowed)}; use one of these."
        yield finding(resource, "PLATFORM003", detail, f"/spec/{name}")


def gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What is wrong with a Gateway. `paths` of this platform say where providers are, and nothing of the proxy."""
    yield from socket_findings(gateway, CAPABILITIES)
    if gateway.url is None:
        yield gateway_finding(gateway, "litellm is self-hosted: give its `url`.", "/spec/org")
    elif gateway.url.startswith("embedded"):
        yield gateway_finding(gateway, "the gateway in a box is no LiteLLM; give the proxy's `url`.", "/spec/url")
    if isinstance(gateway.auth, OAuth):
        detail = "LiteLLM takes a bearer key, such as its master key; give `auth.bearer`."
        yield gateway_finding(gateway, detail, "/spec/auth")
    for name, address in gateway.paths.items():
        where = join("/spec", ("paths", name))
        if name not in PROVIDERS:
            yield gateway_finding(gateway, f"{name!r} is no provider; litellm knows {', '.join(PROVIDERS)}.", where)
        elif not address.startswith(("http://", "https://")):
            yield gateway_finding(gateway, f"{name} must be an address: where LiteLLM finds the provider.", where)
