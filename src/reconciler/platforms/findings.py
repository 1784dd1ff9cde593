"""What platforms find in manifests, in the same words whoever finds it. Pure.

| code        | means                                                                     |
|-------------|---------------------------------------------------------------------------|
| PLATFORM001 | the wire has no place for the field                                       |
| PLATFORM002 | the contract asks for a field that is not given                           |
| PLATFORM003 | the contract does not take the value                                      |
| PLATFORM004 | there is no such kind                                                     |
| PLATFORM007 | the Gateway's own `org`, `paths` or `transport` cannot be used            |
| PLATFORM008 | the platform can only be watched                                          |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.errors import InputError
from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import DEFAULT_READINESS, Gateway, Manage, Resource
from reconciler.planning.pointer import join
from reconciler.platforms.fields import Keys, ignored, strangers, without
from reconciler.platforms.watching import ENDPOINT

_ORG = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_SUMMARIES: Mapping[str, str] = {
    "PLATFORM001": "the platform cannot express this field",
    "PLATFORM002": "the platform needs this field",
    "PLATFORM003": "the platform does not take this value",
    "PLATFORM004": "the platform does not have this kind",
    "PLATFORM007": "the gateway cannot be used as it is described",
    "PLATFORM008": "nothing can be configured on this platform",
}


def finding(resource: Resource, code: str, detail: str, path: str) -> Diagnostic:
    """An error at a field of a resource."""
    position = resource.source.position(path)
    return Diagnostic(Severity.ERROR, code, _SUMMARIES[code], detail, position, resource.address, path)


def key_finding(resource: Resource, code: str, keys: Keys, detail: str) -> Diagnostic:
    """One finding about one of the credentials; `keys` lead to the place from there."""
    return finding(resource, code, detail, join("/spec/credentials", keys))


def gateway_finding(gateway: Gateway, detail: str, path: str) -> Diagnostic:
    """An error at a field of a Gateway."""
    position = gateway.source.position(path)
    return Diagnostic(Severity.ERROR, "PLATFORM007", _SUMMARIES["PLATFORM007"], detail, position, path=path)


def require(findings: Iterable[Diagnostic]) -> None:
    """Raise InputError where anything was found."""
    found = tuple(findings)
    if found:
        raise InputError(found)


def no_such_kind(platform: str, resource: Resource) -> Diagnostic:
    """The platform has no objects of the resource's kind."""
    detail = f"{platform} has no {resource.address.kind}; take it out, or bind it to a gateway of another platform."
    return finding(resource, "PLATFORM004", detail, "/metadata/name")


def no_place(platform: str, resource: Resource, fields: Iterable[Keys]) -> Iterator[Diagnostic]:
    """Fields that the wire has no place for, unless the manifest lets them be left out."""
    for keys in fields:
        path = join("/spec", keys)
        if not ignored(resource, path):
            name = ".".join(keys)
            detail = f"{platform} has no {name}: take it out, or name {path} in lifecycle.ignore to leave it out."
            yield finding(resource, "PLATFORM001", detail, path)


def no_measure(platform: str, resource: Resource) -> Iterator[Diagnostic]:
    """Readiness that the platform gives no figure for: a gate that nothing can open or close is none."""
    ready = resource.readiness
    asked = {
        "quotaBaseline": ready.quota_baseline != DEFAULT_READINESS.quota_baseline,
        "maxLatencyMs": ready.max_latency_ms is not None,
    }
    told = [("readiness", name) for name, stated in asked.items() if stated]
    yield from no_place(platform, resource, told)


def only_watched(platform: str, resource: Resource) -> Iterator[Diagnostic]:
    """All that a resource promises where nothing can be configured, and an Endpoint at best be asked for its model."""
    if resource.address.kind != ENDPOINT:
        yield no_such_kind(platform, resource)
        return
    if resource.lifecycle.manage is not Manage.OBSERVE:
        detail = (
            f"{platform} has no call that makes, changes or removes anything; its endpoints can only be verified. "
            "Write `lifecycle: {manage: observe}`."
        )
        yield finding(resource, "PLATFORM008", detail, "/lifecycle/manage")
    yield from no_measure(platform, resource)


def path_findings(platform: str, gateway: Gateway, known: Mapping[str, str]) -> Iterator[Diagnostic]:
    """What is wrong with a Gateway's `paths`; `known` has a sample of each.

    A path without its ``{id}`` would let a DELETE reach a whole collection; one that names a host would carry
    the credential there. Only the token endpoint may live on another host, as `tokenUrl` may.
    """
    for name, path in gateway.paths.items():
        where = join("/spec", ("paths", name))
        if name not in known:
            yield gateway_finding(gateway, f"{platform} has no call {name!r}; it knows {', '.join(known)}.", where)
        elif name != "token" and not path.startswith("/"):
            yield gateway_finding(gateway, f"{name} must begin with a slash: it is a path below `url`.", where)
        elif path.count("{id}") != known[name].count("{id}"):
            times = "once" if "{id}" in known[name] else "nowhere"
            yield gateway_finding(gateway, f"{{id}} must stand in {name} {times}.", where)


def transport_findings(platform: str, gateway: Gateway, capabilities: Capabilities) -> Iterator[Diagnostic]:
    """A `transport` that the platform does not speak over, and an address for sockets that nobody would open."""
    if capabilities.dialect_over(gateway.transport) is None and gateway.transport is not None:
        speaks = ", ".join(sorted(capabilities.dialects)) or "none"
        detail = f"{platform} does not answer over {gateway.transport}; it knows {speaks}. Take the field out."
        yield gateway_finding(gateway, detail, "/spec/transport")
    yield from socket_findings(gateway, capabilities)


def socket_findings(gateway: Gateway, capabilities: Capabilities) -> Iterator[Diagnostic]:
    """An address for sockets where none is opened: whoever wrote it expects something of it."""
    socket = capabilities.dialects.get("websocket")
    opens = socket is not None and capabilities.dialect_over(gateway.transport) == socket
    if gateway.web_socket_url is None or opens:
        return
    advice = "take the field out" if socket is None else "write `transport: websocket`, or take the field out"
    detail = f"questions to {gateway.name!r} do not travel over a WebSocket, so that nobody would look there: {advice}."
    yield gateway_finding(gateway, detail, "/spec/webSocketUrl")


def org_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What keeps the base URL from being derived."""
    if gateway.url is None and not (gateway.org and _ORG.fullmatch(gateway.org)):
        detail = f"{gateway.org!r} is no tenant name: give `url`, or an `org` of small letters, digits and dashes."
        yield gateway_finding(gateway, detail, "/spec/org")


def url_findings(platform: str, gateway: Gateway) -> Iterator[Diagnostic]:
    """A platform whose hosts follow no pattern needs the whole address."""
    if gateway.url is None:
        yield gateway_finding(gateway, f"{platform} has no host of its own for an org; give `url`.", "/spec/org")


def inexpressible(resource: Resource, fields: AbstractSet[str], member: AbstractSet[str]) -> Iterator[Keys]:
    """Where in the spec something stands that is none of `fields`, nor, within a credential, of `member`."""
    yield from strangers(resource.spec, fields, ())
    for key_id, credential in resource.spec.get("credentials", {}).items():
        yield from strangers(credential, member, ("credentials", key_id))


def without_ignored(resource: Resource, found: Iterator[Keys]) -> Resource:
    """The resource without those of `found` that may be left out; itself where there are none."""
    left_out = [keys for keys in found if ignored(resource, join("/spec", keys))] if resource.lifecycle.ignore else []
    if not left_out:
        return resource
    return replace(resource, spec=without(resource.spec, left_out))


def keyless(resource: Resource, platform: str) -> Iterator[Diagnostic]:
    """An error for each credential whose key is no reference."""
    for key_id in resource.spec.get("credentials", {}):
        path = join("/spec", ("credentials", key_id))
        if f"{path}/apiKey" not in resource.secrets:
            yield finding(resource, "PLATFORM002", f"{platform} needs the key itself; refer to a secret.", path)


def misplaced(gateway: Gateway, platform: str, capabilities: Capabilities) -> Iterator[Diagnostic]:
    """What keeps a gateway without tenants from being reached: no `url`, or `paths` that it does not have."""
    if gateway.url is None:
        detail = f"{platform} has no tenants from whose name a URL could be derived: give `url`."
        yield gateway_finding(gateway, detail, "/spec/org")
    for name in sorted(gateway.paths):
        detail = f"the calls of {platform} are where they are; take {name!r} out of `paths`."
        yield gateway_finding(gateway, detail, join("/spec", ("paths", name)))
    yield from socket_findings(gateway, capabilities)
