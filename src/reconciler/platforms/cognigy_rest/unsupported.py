"""What the published API cannot express, or would refuse: found offline, at its field. Pure.

| code        | means                                                             |
|-------------|-------------------------------------------------------------------|
| PLATFORM001 | the API has no place for the field                                |
| PLATFORM002 | the API asks for a field that is not given                        |
| PLATFORM003 | the API does not take the value                                   |
| PLATFORM004 | there is no such kind                                             |
| PLATFORM007 | the Gateway's own `org` or `paths` cannot be used                 |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.planning.pointer import join
from reconciler.platforms.cognigy_rest.capabilities import (
    ALWAYS_CUSTOM,
    API_TYPES,
    CAPABILITIES,
    CREDENTIAL_FIELDS,
    FIELDS,
    NAME,
    PATHS,
    PROVIDERS,
    SEPARATOR,
    USE_CASES,
    Provider,
)
from reconciler.platforms.fields import Keys, ignored, strangers
from reconciler.platforms.findings import finding, gateway_finding, no_place, no_such_kind, socket_findings

_ROOT = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_PROJECT = re.compile(r"/projects/[A-Za-z0-9_-]+")
_NO_FIELDS: Mapping[str, Any] = {}
_MOST_KEYS = 2


def resource_findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    if resource.address.kind not in CAPABILITIES.kinds:
        yield no_such_kind(NAME, resource)
        return
    yield from no_place(NAME, resource, inexpressible(resource))
    yield from _readiness_findings(resource)
    yield from _name_findings(resource)
    yield from _provider_findings(resource)
    yield from _credential_findings(resource)
    yield from _fallback_findings(resource)


def inexpressible(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that the API has no place for."""
    spec = resource.spec
    yield from strangers(spec, FIELDS, ())
    provider = PROVIDERS.get(spec.get("provider", ""))
    if provider is not None:
        known = {"default", "useCases", *provider.options}
        known |= set() if spec["provider"] == ALWAYS_CUSTOM else {"custom"}
        yield from strangers(spec.get("options", _NO_FIELDS), known, ("options",))
    for key_id, credential in spec.get("credentials", _NO_FIELDS).items():
        yield from strangers(credential, CREDENTIAL_FIELDS, ("credentials", key_id))


def _readiness_findings(resource: Resource) -> Iterator[Diagnostic]:
    """A gate that nobody can measure would be passed by everything."""
    asked = {
        "quotaBaseline": resource.readiness.quota_baseline > 0,
        "maxLatencyMs": resource.readiness.max_latency_ms is not None,
    }
    for name in (name for name, given in asked.items() if given):
        path = f"/spec/readiness/{name}"
        if not ignored(resource, path):
            detail = f"{NAME} tells neither quota nor latency: take {name} out, or name {path} in lifecycle.ignore."
            yield finding(resource, "PLATFORM001", detail, path)


def _name_findings(resource: Resource) -> Iterator[Diagnostic]:
    name = resource.first_name
    shown = resource.spec.get("displayName", name)
    if not isinstance(shown, str) or SEPARATOR in shown:
        path = "/spec/displayName" if "displayName" in resource.spec else "/metadata/name"
        detail = f"{SEPARATOR} stands between an endpoint's name and its parts' names; choose a name without it."
        yield finding(resource, "PLATFORM003", detail, path)
    elif shown != name and resource.remote_id is None and resource.spec.get("displayName") is not None:
        detail = f"{NAME} finds an endpoint by its name: leave displayName out, or give metadata.remoteId."
        yield finding(resource, "PLATFORM003", detail, "/spec/displayName")


def _provider_findings(resource: Resource) -> Iterator[Diagnostic]:
    spec = resource.spec
    if not isinstance(spec.get("model"), str) or not spec["model"]:
        yield finding(resource, "PLATFORM002", f"{NAME} needs a text for model; add it.", "/spec/model")
    provider = PROVIDERS.get(spec.get("provider", ""))
    if provider is None:
        detail = f"{NAME} knows provider {', '.join(PROVIDERS)}; use one of these."
        yield finding(resource, "PLATFORM003", detail, "/spec/provider")
        return
    yield from _option_findings(resource, provider, spec.get("options", _NO_FIELDS))


def _option_findings(resource: Resource, provider: Provider, options: Mapping[str, Any]) -> Iterator[Diagnostic]:
    if provider.needs and not any(all(options.get(name) for name in names) for names in provider.needs):
        ways = " or ".join("+".join(names) for names in provider.needs)
        detail = f"{resource.spec['provider']} needs options {ways}; add them."
        yield finding(resource, "PLATFORM002", detail, "/spec/options")
    for name in provider.options:
        if name in options and (not isinstance(options[name], str) or not options[name]):
            yield finding(resource, "PLATFORM003", f"{name} is a text.", f"/spec/options/{name}")
    for name in ("default", "custom"):
        if not isinstance(options.get(name, False), bool):
            yield finding(resource, "PLATFORM003", f"{name} is true or false.", f"/spec/options/{name}")
    if options.get("apiType", API_TYPES[0]) not in API_TYPES:
        detail = f"apiType is one of {', '.join(API_TYPES)}."
        yield finding(resource, "PLATFORM003", detail, "/spec/options/apiType")
    cases = options.get("useCases", ())
    strange = [cases] if isinstance(cases, str | bool) else [case for case in cases if case not in USE_CASES]
    if strange:
        detail = f"{', '.join(map(repr, strange))}: use cases are a list out of {', '.join(sorted(USE_CASES))}."
        yield finding(resource, "PLATFORM003", detail, "/spec/options/useCases")


def _credential_findings(resource: Resource) -> Iterator[Diagnostic]:
    credentials = resource.spec.get("credentials", _NO_FIELDS)
    if not credentials:
        yield finding(resource, "PLATFORM002", f"{NAME} needs a credential; add one.", "/spec/credentials")
    if len(credentials) > _MOST_KEYS:
        detail = f"{len(credentials)} keys: a model has one, and its one fallback another. Leave two."
        yield finding(resource, "PLATFORM003", detail, "/spec/credentials")
    first: dict[Any, str] = {}
    for key_id, credential in credentials.items():
        path = join("/spec/credentials", (key_id,))
        priority = credential.get("priority")
        if type(priority) is not int or priority < 0:
            yield finding(resource, "PLATFORM002", "keys are ordered by a whole number; give one.", path)
        elif first.setdefault(priority, key_id) != key_id:
            detail = f"{first[priority]} has priority {priority} as well; each has to be different."
            yield finding(resource, "PLATFORM003", detail, f"{path}/priority")
        if f"{path}/apiKey" not in resource.secrets:
            yield finding(resource, "PLATFORM002", f"{NAME} needs the key itself; refer to a secret.", path)


def _fallback_findings(resource: Resource) -> Iterator[Diagnostic]:
    models = resource.spec.get("fallbackModels", ())
    if len(models) > 1:
        detail = f"{len(models)} fallback models: there can be one. Leave one."
        yield finding(resource, "PLATFORM003", detail, "/spec/fallbackModels")
    if models and len(resource.spec.get("credentials", _NO_FIELDS)) > 1:
        detail = "a model has one fallback: give a second key, or a fallback model, and not both."
        yield finding(resource, "PLATFORM003", detail, "/spec/fallbackModels")


def gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What is wrong with a Gateway's `paths`. All calls stay on one host: a full URL would carry the key away."""
    yield from socket_findings(gateway, CAPABILITIES)
    for name in gateway.paths.keys() - PATHS.keys():
        detail = f"{NAME} has no path {name!r}; it knows {', '.join(PATHS)}."
        yield gateway_finding(gateway, detail, join("/spec", ("paths", name)))
    if not _ROOT.fullmatch(gateway.paths.get("root", PATHS["root"])):
        detail = "root is the prefix of all calls, such as /v2.0 or /new/v2.0."
        yield gateway_finding(gateway, detail, "/spec/paths/root")
    if not _PROJECT.fullmatch(gateway.paths.get("project", PATHS["project"])):
        detail = "a gateway is one project: give its path, /projects/ and the project's id, as paths.project."
        yield gateway_finding(gateway, detail, "/spec/paths/project")
