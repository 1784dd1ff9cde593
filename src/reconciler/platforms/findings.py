"""What platforms have in common when they say what they cannot express. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Gateway, Resource
from reconciler.planning.pointer import covers, join

Keys = tuple[str, ...]

_SUMMARIES: Mapping[str, str] = {
    "PLATFORM001": "the platform cannot express this field",
    "PLATFORM002": "the platform needs this field",
    "PLATFORM003": "the platform does not take this value",
    "PLATFORM004": "the platform does not have this kind",
    "PLATFORM007": "the gateway cannot be used as it is described",
}


def finding(resource: Resource, code: str, detail: str, path: str) -> Diagnostic:
    """An error at a field of a resource."""
    position = resource.source.position(path)
    return Diagnostic(Severity.ERROR, code, _SUMMARIES[code], detail, position, resource.address, path)


def gateway_finding(gateway: Gateway, detail: str, path: str) -> Diagnostic:
    """An error at a field of a Gateway."""
    position = gateway.source.position(path)
    return Diagnostic(Severity.ERROR, "PLATFORM007", _SUMMARIES["PLATFORM007"], detail, position, path=path)


def strangers(members: Mapping[str, Any], known: AbstractSet[str], keys: Keys = ()) -> Iterator[Keys]:
    """Where in `members` something stands that is not `known`."""
    yield from ((*keys, name) for name in sorted(members.keys() - known))


def inexpressible(resource: Resource, fields: AbstractSet[str], member: AbstractSet[str]) -> Iterator[Keys]:
    """Where in the spec something stands that is none of `fields`, nor, within a credential, of `member`."""
    yield from strangers(resource.spec, fields)
    for key_id, credential in resource.spec.get("credentials", {}).items():
        yield from strangers(credential, member, ("credentials", key_id))


def refused(resource: Resource, platform: str, found: Iterator[Keys]) -> Iterator[Diagnostic]:
    """An error for each place that the manifest does not allow to be left out."""
    for keys in found:
        path = join("/spec", keys)
        if not ignored(resource, path):
            name = ".".join(keys)
            detail = f"{platform} has no {name}: take it out, or name {path} in lifecycle.ignore to leave it out."
            yield finding(resource, "PLATFORM001", detail, path)


def ignored(resource: Resource, path: str) -> bool:
    """Whether the manifest allows that `path` is left out."""
    return any(covers(pattern, path) for pattern in resource.lifecycle.ignore)


def without_ignored(resource: Resource, found: Iterator[Keys]) -> Resource:
    """The resource without those of `found` that may be left out; itself where there are none."""
    left_out = [keys for keys in found if ignored(resource, join("/spec", keys))] if resource.lifecycle.ignore else []
    if not left_out:
        return resource
    return replace(resource, spec=_without(resource.spec, left_out))


def _without(spec: Mapping[str, Any], left_out: Sequence[Keys]) -> Mapping[str, Any]:
    for keys in left_out:
        spec = _cut(spec, keys)
    return spec


def _cut(value: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
    first, *rest = keys
    if not rest:
        return {name: member for name, member in value.items() if name != first}
    return {**value, first: _cut(value[first], tuple(rest))}


def keyless(resource: Resource, platform: str) -> Iterator[Diagnostic]:
    """An error for each credential whose key is no reference."""
    for key_id in resource.spec.get("credentials", {}):
        path = join("/spec", ("credentials", key_id))
        if f"{path}/apiKey" not in resource.secrets:
            yield finding(resource, "PLATFORM002", f"{platform} needs the key itself; refer to a secret.", path)


def misplaced(gateway: Gateway, platform: str) -> Iterator[Diagnostic]:
    """What keeps a gateway without tenants from being reached: no `url`, or `paths` that it does not have."""
    if gateway.url is None:
        detail = f"{platform} has no tenants from whose name a URL could be derived: give `url`."
        yield gateway_finding(gateway, detail, "/spec/org")
    for name in sorted(gateway.paths):
        detail = f"the calls of {platform} are where they are; take {name!r} out of `paths`."
        yield gateway_finding(gateway, detail, join("/spec", ("paths", name)))
