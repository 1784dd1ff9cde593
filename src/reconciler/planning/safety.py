"""Circuit breakers: what a plan must not do until a person says so by name.

| breaker                                                    | code      | allowed by                     |
|------------------------------------------------------------|-----------|--------------------------------|
| over 30 % of at least 10 owned objects updated or deleted  | SAFETY001 | --allow-mass-change            |
| nothing desired for a gateway that owns objects            | SAFETY002 | --allow-empty                  |
| the last endpoint of a gateway deleted                     | SAFETY003 | --allow-last-endpoint          |
| a protected object deleted or replaced                     | SAFETY004 | --allow-protected ADDRESS      |
| more endpoints than the tenant may hold                    | SAFETY005 | nothing: raise `limits`        |
| a name that the gateway gives once, and another has        | SAFETY006 | nothing: see `names.py`        |
| a value-only rotation where the settings forbid them       | SAFETY007 | nothing: `rotations`           |
| objects of a gateway that is no longer declared            | SAFETY010 | nothing: see `gateways`        |
| a credential that would go where nobody approved           | SAFETY011 | --allow-destination GATEWAY    |
| a gateway that leads to another tenant                     | SAFETY012 | --allow-destination GATEWAY    |
| an incomplete read                                         | ENGINE001, PLATFORM…             | nothing |

All judge the plan as if every creation failed: what is to be made does not count as being there. A deletion is carried
out only after all creations of its kind on the gateway (see `engine/executor`), so that limits and names count what is
to be deleted as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, Origin
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Gateway
from reconciler.planning.rotation import Rotations, rotated
from reconciler.planning.world import PlanOptions, World

_DISRUPTIVE = frozenset({Action.UPDATE, Action.REPLACE, Action.DELETE})
_REMOVING = frozenset({Action.REPLACE, Action.DELETE})


def check(world: World, changes: Sequence[Change], options: PlanOptions) -> Iterator[Diagnostic]:
    """All breakers that trip."""
    for name, gateway in sorted(world.desired.gateways.items()):
        if name in world.observed:
            ours = [change for change in changes if change.address.gateway == name]
            yield from _mass_change(world, gateway, ours, options)
            yield from _emptied(world, gateway, ours, options)
            yield from _last_endpoint(world, gateway, ours, options)
            yield from _endpoint_limit(world, gateway, ours)
    yield from _protected(world, changes, options)
    if options.rotations is Rotations.FORBID:
        yield from map(_forbidden, rotated(changes))


def _forbidden(change: Change) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "SAFETY007",
        "secrets are not rotated from here",
        f"another value stands behind a secret of {change.address}, and the settings forbid value-only rotations "
        "(`rotations: forbid`). Put the earlier value back, name another reference in the manifest, or allow them.",
        change.position,
        change.address,
    )


def _mass_change(world: World, gateway: Gateway, ours: Sequence[Change], options: PlanOptions) -> Iterator[Diagnostic]:
    scope = world.desired.scope
    owned = sum(
        address.gateway == gateway.name and (scope is None or scope.covers(entry.origin, entry.labels))
        for address, entry in world.ledger.entries.items()
    )
    touched = sum(change.action in _DISRUPTIVE and change.owned and not _completes(change) for change in ours)
    if owned < options.min_objects or touched * 100 <= owned * options.max_change_percent:
        return
    if "mass-change" not in options.allow:
        yield _tripped(
            "SAFETY001",
            "a large part of the gateway would change",
            f"{touched} of {owned} objects on {gateway.name!r} would be updated or deleted, more than "
            f"{options.max_change_percent} %. If that is meant, allow it with --allow-mass-change.",
            gateway,
        )


def _completes(change: Change) -> bool:
    """Whether a change only sends secrets that an interrupted run may have left unsent, or that cannot be compared."""
    return bool(change.fields) and all(
        f.sensitive and (f.before is ABSENT or f.origin is Origin.UNCOMPARED) for f in change.fields
    )


def _emptied(world: World, gateway: Gateway, ours: Sequence[Change], options: PlanOptions) -> Iterator[Diagnostic]:
    """Where the manifests want new endpoints only, the breaker for the last endpoint says it: one word is enough."""
    made = {change.address for change in ours if change.action is Action.CREATE}
    wanted = any(address.gateway == gateway.name and address not in made for address in world.desired.resources)
    removed = sum(change.action is Action.DELETE for change in ours)
    if wanted or not removed or "empty" in options.allow or (made and _leaves_no_endpoint(world, gateway, ours)):
        return
    but = ", and what is to be made may fail" if made else ""
    yield _tripped(
        "SAFETY002",
        "the manifests want nothing that is on this gateway" if made else "the manifests want nothing on this gateway",
        f"all {removed} objects on {gateway.name!r} would be deleted{but}. If that is meant, allow it with "
        "--allow-empty.",
        gateway,
    )


def _last_endpoint(
    world: World, gateway: Gateway, ours: Sequence[Change], options: PlanOptions
) -> Iterator[Diagnostic]:
    if not _leaves_no_endpoint(world, gateway, ours) or "last-endpoint" in options.allow:
        return
    yield _tripped(
        "SAFETY003",
        "the last endpoint of the gateway would go",
        f"no endpoint that is there now would be left on {gateway.name!r}: should nothing that the plan creates work, "
        "every bot behind it would stop answering. If that is meant, allow it with --allow-last-endpoint.",
        gateway,
    )


def _leaves_no_endpoint(world: World, gateway: Gateway, ours: Sequence[Change]) -> bool:
    """Without what is to be made. Replacements go one at a time, so that one of them at most is missing at once."""
    endpoints = [change for change in ours if change.address.kind == "Endpoint"]
    deleted = {change.address for change in endpoints if change.action is Action.DELETE}
    replaced = any(change.action is Action.REPLACE for change in endpoints)
    live = {o.address for o in world.observed[gateway.name].objects if o.address.kind == "Endpoint"}
    return (bool(deleted) or replaced) and len(live - deleted) <= replaced


def _protected(world: World, changes: Sequence[Change], options: PlanOptions) -> Iterator[Diagnostic]:
    for change in changes:
        if change.action not in _REMOVING or f"protected:{change.address}" in options.allow:
            continue
        if _is_protected(world, change.address):
            yield Diagnostic(
                Severity.ERROR,
                "SAFETY004",
                "a protected object would be deleted or replaced",
                f"{change.address} is protected. If this is meant, allow it with --allow-protected {change.address}.",
                change.position,
                change.address,
            )


def _is_protected(world: World, address: Address) -> bool:
    """The ledger's word counts as well: protection outlives the manifest that stated it."""
    entry, resource = world.ledger.entries.get(address), world.desired.resources.get(address)
    return bool(entry and entry.protect) or bool(resource and resource.lifecycle.protect)


def _endpoint_limit(world: World, gateway: Gateway, ours: Sequence[Change]) -> Iterator[Diagnostic]:
    limit = gateway.limits.endpoints
    endpoints = [change for change in ours if change.address.kind == "Endpoint"]
    live = sum(o.address.kind == "Endpoint" for o in world.observed[gateway.name].objects)
    made = sum(change.action is Action.CREATE for change in endpoints)
    gone = sum(change.action is Action.DELETE for change in endpoints)
    if limit is None or not made or live + made <= limit:
        return
    fits = live + made - gone <= limit
    way = (
        "A deletion waits for what replaces it, so there is no room to begin: declare the new ones in a change of "
        "their own once the old ones are gone, or raise the limit with the vendor."
        if fits
        else "Remove some first, or raise the limit with the vendor."
    )
    yield _tripped(
        "SAFETY005",
        "the tenant cannot hold old and new endpoints at once"
        if fits
        else "the tenant cannot hold that many endpoints",
        f"{gateway.name!r} has {live} endpoints, {made} would be added and {gone} removed, and its manifest says that "
        f"the tenant holds at most {limit} (`limits.endpoints`). {way}",
        gateway,
    )


def _tripped(code: str, summary: str, detail: str, gateway: Gateway) -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, summary, detail, gateway.source.position("/metadata/name"))
