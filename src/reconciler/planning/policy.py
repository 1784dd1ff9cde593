"""Rules over the whole fleet: those built in, and those of the team (JSON Schema and forbidden actions)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Policy, Resource
from reconciler.model.secret import Fingerprint, SecretRef
from reconciler.planning import models
from reconciler.planning.pointer import join
from reconciler.planning.secretdiff import FingerprintOf
from reconciler.schemas import Judge, Unjudgeable


def offline_findings(desired: Desired) -> Iterator[Diagnostic]:
    """Everything that can be said without network and without secrets."""
    endpoints = {a: r for a, r in desired.resources.items() if a.kind == "Endpoint"}
    yield from _duplicate_names(endpoints)
    yield from _fallback_cycles(endpoints)
    matrices: set[int] = set()
    for resource in endpoints.values():
        yield from _lonely_key(resource)
        if id(resource.secrets) not in matrices:
            matrices.add(id(resource.secrets))
            yield from _one_secret_twice(resource)
    yield from models.unusual(endpoints.values())
    yield from models.unserved(desired)
    yield from models.unbounded(desired)
    yield from _policy_rules(desired)


def _duplicate_names(endpoints: Mapping[Address, Resource]) -> Iterator[Diagnostic]:
    first: dict[tuple[str, Any, Any], Resource] = {}
    for address, resource in endpoints.items():
        name = resource.spec.get("displayName", resource.first_name)
        other = first.setdefault((address.gateway, resource.spec.get("provider"), name), resource)
        if other is not resource:
            yield _finding(
                Severity.ERROR,
                "POLICY001",
                "duplicate display name within a provider",
                f"{other.address} at {other.source.position('/spec/displayName')} has the name {name!r} as well; "
                "a gateway refuses a second one within a provider. Choose another displayName.",
                resource,
                "/spec/displayName",
            )


def _lonely_key(resource: Resource) -> Iterator[Diagnostic]:
    if resource.lifecycle.protect and len(resource.spec.get("credentials", ())) == 1:
        yield _finding(
            Severity.WARNING,
            "POLICY002",
            "a protected endpoint has one key only",
            "when that key is limited or revoked nothing takes over. Add a second credential.",
            resource,
            "/spec/credentials",
        )


def _one_secret_twice(resource: Resource) -> Iterator[Diagnostic]:
    first: dict[SecretRef, str] = {}
    for path, ref in sorted(resource.secrets.items()):
        if first.setdefault(ref, path) != path:
            yield _finding(
                Severity.WARNING,
                "POLICY003",
                "the same secret under two key ids",
                f"{ref} is already used at {first[ref]}, so failing over between them changes nothing. "
                "Refer to another secret.",
                resource,
                path,
            )


def _fallback_cycles(endpoints: Mapping[Address, Resource]) -> Iterator[Diagnostic]:
    """Only fallbacks that name endpoints of the same gateway can run in a circle."""
    for address, resource in endpoints.items():
        path, here = [address.name], address
        while (following := _next_fallback(endpoints, here)) is not None:
            if following.name in path:
                if following == address:
                    yield _finding(
                        Severity.ERROR,
                        "POLICY004",
                        "a fallback cycle",
                        f"{' → '.join([*path, following.name])}: a failing call would go in circles. "
                        "Take one of them out of fallbackModels.",
                        resource,
                        "/spec/fallbackModels",
                    )
                break
            path.append(following.name)
            here = following


def _next_fallback(endpoints: Mapping[Address, Resource], address: Address) -> Address | None:
    for name in endpoints[address].spec.get("fallbackModels", ()):
        candidate = address._replace(name=name)
        if candidate in endpoints:
            return candidate
    return None


def secret_findings(desired: Desired, fingerprint: FingerprintOf) -> Iterator[Diagnostic]:
    """What equal fingerprints betray: one value under two ids, a production key elsewhere.

    Endpoints of one matrix share their mapping of secrets: one of them speaks for all.
    """
    users: dict[Fingerprint, list[tuple[Resource, str]]] = defaultdict(list)
    seen: set[tuple[str, int]] = set()
    for address, resource in desired.resources.items():
        shared = (address.gateway, id(resource.secrets))
        if shared in seen:
            continue
        seen.add(shared)
        for path, ref in resource.secrets.items():
            found = fingerprint(address.gateway, ref)
            if found is not None:
                users[found].append((resource, path))
    for places in users.values():
        if len(places) > 1:
            yield from _equal_values(desired, places)


def _equal_values(desired: Desired, places: Sequence[tuple[Resource, str]]) -> Iterator[Diagnostic]:
    seen: dict[Address, tuple[str, SecretRef]] = {}
    environments: dict[str, Resource] = {}
    for resource, path in places:
        ref = resource.secrets[path]
        earlier_path, earlier_ref = seen.setdefault(resource.address, (path, ref))
        if earlier_path != path and earlier_ref != ref:
            yield _finding(
                Severity.WARNING,
                "POLICY006",
                "two references of one endpoint lead to the same secret",
                f"{earlier_ref} and {ref} have the same value, so failing over between them changes nothing.",
                resource,
                path,
            )
        environment = desired.gateways[resource.address.gateway].labels.get("env")
        if environment is None:
            continue
        environments.setdefault(environment, resource)
        other = next((r for env, r in environments.items() if env != environment), None)
        if other is not None and "prod" in environments:
            yield _finding(
                Severity.WARNING,
                "POLICY007",
                "a production key is used in another environment",
                f"{other.address} and {resource.address} share one key. Give each environment its own.",
                resource,
                path,
            )


def _policy_rules(desired: Desired) -> Iterator[Diagnostic]:
    for policy in desired.policies:
        if not policy.rule:
            continue
        judge = Judge(policy.rule)
        for resource in desired.resources.values():
            if not _matches(policy, resource, desired):
                continue
            yield from _broken(policy, judge, resource)


def _broken(policy: Policy, judge: Judge, resource: Resource) -> Iterator[Diagnostic]:
    """What a resource lacks of a rule; a rule that cannot tell is an error, however mild the policy is."""
    try:
        found = judge.violations(document_of(resource))
    except Unjudgeable as error:
        yield _finding(Severity.ERROR, "POLICY010", f"policy {policy.name}", f"{error}.", resource, "/spec")
        return
    for each in found:
        path = join("", list(each.absolute_path)) or "/spec"
        detail = f"{policy.message} ({each.message})"
        yield _finding(Severity(policy.severity), "POLICY010", f"policy {policy.name}", detail, resource, path)


def action_findings(desired: Desired, changes: Sequence[Change]) -> Iterator[Diagnostic]:
    """Planned actions that a policy forbids."""
    for policy in desired.policies:
        for change in changes:
            resource = desired.resources.get(change.address)
            if change.action.value not in policy.forbid or not _concerns(policy, change, resource, desired):
                continue
            yield Diagnostic(
                Severity(policy.severity),
                "POLICY011",
                f"policy {policy.name} forbids this action",
                f"{policy.message} ({change.action} of {change.address})",
                change.position or policy.source.position("/spec/forbid"),
                change.address,
            )


def document_of(resource: Resource) -> Mapping[str, Any]:
    """The effective resource as policies see it."""
    address = resource.address
    metadata = {"name": address.name, "gateway": address.gateway, "labels": dict(resource.labels)}
    return {"kind": address.kind, "metadata": metadata, "spec": resource.spec}


def _matches(policy: Policy, resource: Resource, desired: Desired) -> bool:
    if policy.kind is not None and policy.kind != resource.address.kind:
        return False
    labels = {**desired.gateways[resource.address.gateway].labels, **resource.labels}
    return all(labels.get(key) == value for key, value in policy.match_labels.items())


def _concerns(policy: Policy, change: Change, resource: Resource | None, desired: Desired) -> bool:
    """A deletion has no resource any more: kind and the gateway's labels decide."""
    if resource is not None:
        return _matches(policy, resource, desired)
    gateway = desired.gateways.get(change.address.gateway)
    labels = {} if gateway is None else gateway.labels
    return policy.kind in {None, change.address.kind} and all(
        labels.get(key) == value for key, value in policy.match_labels.items()
    )


def _finding(severity: Severity, code: str, summary: str, detail: str, resource: Resource, path: str) -> Diagnostic:
    return Diagnostic(severity, code, summary, detail, resource.source.position(path), resource.address, path)
