"""What planning has to say about single objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities
from reconciler.model.change import Action, Change
from reconciler.model.desired import Desired, Scope
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.resource import Manage, Resource
from reconciler.planning import ignored, ownership
from reconciler.planning.ownership import Ownership
from reconciler.planning.world import Context

SHOWN = 5
"""How many references one finding lists."""


def not_ours(resource: Resource) -> Diagnostic:
    """An object of this identity lives there and the ledger does not know it."""
    return Diagnostic(
        Severity.ERROR,
        "PLAN001",
        "exists on the gateway but is not ours",
        f"{resource.address} already lives on the gateway and was not made by this tool. "
        f"To take it over, run `reconciler adopt {resource.address}`, or set `lifecycle: {{adopt: true}}` in its "
        "manifest; otherwise choose another name.",
        resource.source.position("/metadata/name"),
        resource.address,
    )


def of_ownership(owned: Ownership, resources: Mapping[Address, Resource], context: Context) -> Iterator[Diagnostic]:
    """What is not settled about whose objects are whose, and what a manifest should say to be clear."""
    for address, resource in sorted(resources.items()):
        if address in owned.disputed:
            yield _disputed(resource, owned.disputed[address])
        if address in owned.torn:
            yield _torn(resource, owned.torn[address])
        if address in owned.let_go:
            yield _let_go(resource, owned.let_go[address])
        if _is_called_otherwise(resource, context):
            yield _called_otherwise(resource, owned)


def _disputed(resource: Resource, others: Sequence[Address]) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "PLAN030",
        "two documents lead to one live object",
        f"{resource.address} and {', '.join(map(str, others))} mean the same object on the gateway, by their manifests "
        "or by what the ledger knows of them. Give each the remoteId of its own object, or remove one.",
        resource.source.position("/metadata/remoteId" if resource.stated_id else "/metadata/name"),
        resource.address,
    )


def _torn(resource: Resource, entry: Entry) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "PLAN031",
        "moved from another object than it means",
        f"the ledger knows {entry.address} as {entry.remote_id!r}, and {resource.address} means another object. Take "
        f"movedFrom out, and {entry.address} is no longer declared; or state `remoteId: {entry.remote_id}`.",
        resource.source.position("/metadata/movedFrom"),
        resource.address,
    )


def _let_go(resource: Resource, entry: Entry) -> Diagnostic:
    return Diagnostic(
        Severity.WARNING,
        "PLAN032",
        "the manifest means another object than before",
        f"{resource.address} was {entry.remote_id!r} on the gateway, which stays there and is nobody's from now on. If "
        f"it is still meant, write `remoteId: {entry.remote_id}`; if it is not needed, delete it there.",
        resource.source.position("/metadata/remoteId" if resource.stated_id else "/metadata/name"),
        resource.address,
    )


def _is_called_otherwise(resource: Resource, context: Context) -> bool:
    """Whether an id that is no name stands in the ledger or in `movedFrom` alone."""
    named = context.capability(resource.address.kind).named
    return named and resource.stated_id is None and resource.remote_id not in {None, resource.address.name}


def _called_otherwise(resource: Resource, owned: Ownership) -> Diagnostic:
    known = resource.address in owned.entries
    source = "the ledger knows" if known else "movedFrom says; the ledger does not know this object"
    return Diagnostic(
        Severity.INFO,
        "PLAN033",
        "the id is still the earlier name",
        f"{resource.address} is {resource.remote_id!r} on the gateway, as {source}. Write `remoteId: "
        f"{resource.remote_id}` in its metadata, so that the manifest says so by itself.",
        resource.source.position("/metadata/movedFrom" if resource.moved_from else "/metadata/name"),
        resource.address,
    )


def twins(desired: Desired, capabilities: Mapping[str, Capabilities]) -> Iterator[Diagnostic]:
    """Documents that lead to one live object whatever lives there, each at its line."""
    for resource, other, claim in ownership.twins(desired.everywhere, capabilities):
        if resource.address not in desired.resources and other.address not in desired.resources:
            continue
        able = ownership.capability(capabilities, resource.address)
        path, place = ownership.place_of(resource, claim, able), ownership.place_of(other, claim, able)
        what = ", ".join(map(repr, claim[1:])) or f"the only {resource.address.kind} that the gateway has room for"
        yield Diagnostic(
            Severity.ERROR,
            "POLICY014",
            "two documents lead to one live object",
            f"{other.address} at {other.source.position(place)} stands for {what} on the gateway as well: they would "
            "overwrite each other turn by turn. Remove one, or let them differ.",
            resource.source.position(path),
            resource.address,
            path,
        )


def ambiguous(address: Address, resources: Mapping[Address, Resource]) -> Diagnostic:
    """Several live objects fit one address."""
    resource = resources.get(address)
    return Diagnostic(
        Severity.ERROR,
        "PLAN002",
        "several live objects have this name",
        f"more than one object on the gateway fits {address}, and the ledger does not say which is ours. "
        "Remove or rename the others on the gateway.",
        resource.source.position("/metadata/name") if resource else None,
        address,
    )


def kept(entry: Entry, context: Context) -> Diagnostic | None:
    """Why an object that is no longer declared stays: its last manifest says so, or its gateway, or its platform."""
    if entry.manage is not Manage.FULL:
        way = (
            f"`reconciler ledger forget {entry.address}` lets go of it. To have it deleted, declare it again with "
            "`manage: full`, apply, and take its manifest away after that."
        )
        return _orphan(entry, f"its last manifest said `lifecycle.manage: {entry.manage}`", way)
    way = f"Delete it there and run `reconciler ledger forget {entry.address}`, or declare it again."
    if not context.gateway.prune:
        return _orphan(entry, "its gateway has `prune: false`", way)
    if not context.capability(entry.address.kind).delete:
        return _orphan(entry, "the platform cannot delete it", way)
    return None


def _orphan(entry: Entry, why: str, way: str) -> Diagnostic:
    return Diagnostic(
        Severity.WARNING,
        "PLAN003",
        "orphaned: no longer declared, yet kept",
        f"{entry.address} is no longer in the manifests and stays on the gateway, because {why}. {way}",
        None,
        entry.address,
    )


def cannot(change: Change, context: Context) -> Iterator[Diagnostic]:
    """What the platform or the gateway's manifest rules out."""
    capability = context.capability(change.address.kind)
    floor = context.gateway.guard_floor
    able = {
        Action.CREATE: capability.create,
        Action.DELETE: capability.delete,
        Action.REPLACE: capability.create and capability.delete,
    }
    if not able.get(change.action, True):
        yield Diagnostic(
            Severity.ERROR,
            "PLAN004",
            "the platform cannot do this",
            f"{context.gateway.platform} offers no way to {change.action} {change.address}; do it there by hand.",
            change.position,
            change.address,
        )
    if change.action.writes and change.guard.strength < floor.strength:
        yield Diagnostic(
            Severity.ERROR,
            "PLAN005",
            "the guard is weaker than the gateway's floor",
            f"a write to {change.address} could only be guarded by {change.guard!s}, and gateway "
            f"{context.gateway.name!r} asks for {floor!s} or better (`guardFloor`).",
            change.position,
            change.address,
        )


def of_unknown_origin(entry: Entry) -> Diagnostic:
    """A ledger of an earlier version does not tell which part of the manifests an object came from."""
    return Diagnostic(
        Severity.WARNING,
        "PLAN020",
        "an object that no part of the fleet is known to own",
        f"{entry.address} is in the ledger without the file that declared it, so a run over part of the manifests "
        "leaves it alone. An apply of the whole fleet records it.",
        None,
        entry.address,
    )


def rest_unread(entry: Entry, scope: Scope) -> Diagnostic:
    """Whether another part of the fleet declares an object cannot be told while that part has errors."""
    return Diagnostic(
        Severity.ERROR,
        "PLAN021",
        "a removal while the rest of the manifests has errors",
        f"{entry.address} is no longer declared in {scope}, and whether another part of the fleet declares it now "
        f"cannot be told: {scope.unread}. Correct that first.",
        None,
        entry.address,
    )


def not_replaceable(change: Change, resource: Resource) -> Iterator[Diagnostic]:
    """A replacement deletes the object first, which its manifest may rule out."""
    if change.action is Action.REPLACE and resource.lifecycle.manage is Manage.NO_DELETE:
        yield Diagnostic(
            Severity.ERROR,
            "PLAN004",
            "the object may not be deleted",
            f"{change.address} can only be changed by deleting it and making it anew, and its manifest says "
            "`lifecycle.manage: no-delete`. Take the change back, or say `full`.",
            resource.source.position("/lifecycle/manage"),
            change.address,
        )


def unkeepable(change: Change, resource: Resource, live: Live | None) -> Iterator[Diagnostic]:
    """A write would drop credentials that the manifest says to leave alone."""
    if live is None or change.action not in {Action.UPDATE, Action.REPLACE}:
        return
    for path in ignored.unkeepable(resource, live):
        yield Diagnostic(
            Severity.ERROR,
            "PLAN034",
            "a credential that is ignored cannot be kept",
            f"only the gateway has {path} of {change.address}, and lifecycle.ignore says to leave it alone: a write "
            "sends all credentials, and no gateway gives out the key of this one. Declare it with its key, or take the "
            "path out of lifecycle.ignore.",
            resource.source.position("/lifecycle/ignore"),
            change.address,
            path,
        )


def unverified(resource: Resource, entry: Entry) -> Diagnostic:
    """An object that is there by all that is known, and cannot be looked at."""
    made = "was registered by this tool" if entry.fingerprints else "was there already when it was to be registered"
    return Diagnostic(
        Severity.WARNING,
        "PLAN007",
        "exists, unverified",
        f"{resource.address} {made}, and its gateway cannot be read: whether it is as declared is not known. "
        "Nothing is written to it.",
        resource.source.position("/metadata/name"),
        resource.address,
    )


def unwritable(resource: Resource, paths: Sequence[str]) -> Diagnostic:
    """The manifest has moved on, and the gateway offers no way to follow."""
    return Diagnostic(
        Severity.ERROR,
        "PLAN008",
        "declared otherwise than it was registered",
        f"{resource.address} can be neither read nor changed on its gateway, and the manifest now wants "
        f"{', '.join(paths)} otherwise. Change it there by hand, then run "
        f"`reconciler ledger forget {resource.address}` and apply; or take the change back.",
        resource.source.position(paths[0]),
        resource.address,
        paths[0],
    )


def in_doubt(resource: Resource) -> Diagnostic:
    """The answer to a registration was lost, and nothing tells whether it landed."""
    return Diagnostic(
        Severity.ERROR,
        "PLAN009",
        "a registration whose answer was lost",
        f"{resource.address} was being registered when the answer was lost, and its gateway cannot be read. It is not "
        f"sent again unseen: look at the gateway, then run `reconciler ledger forget {resource.address}` and apply, "
        "which registers it, or records it where it is there already.",
        resource.source.position("/metadata/name"),
        resource.address,
    )


_WHY_UNPROVED = "a verification failed, had no answer, or was interrupted"


def unproved(resource: Resource, entry: Entry) -> Diagnostic:
    """Something that stands as it was applied, and that nobody knows to work."""
    keys = [path for path in entry.unproved if path in resource.secrets]
    said = ", ".join(str(resource.secrets[path]) for path in keys[:SHOWN]) + (" and more" if len(keys) > SHOWN else "")
    what = f"its secret(s) {said}" if keys else "it"
    why = "the run that wrote it was told not to ask" if entry.unasked else _WHY_UNPROVED
    return Diagnostic(
        Severity.WARNING,
        "PLAN011",
        "written, and not proved to work",
        f"{resource.address} stands as it was applied, and whether {what} works was never proved: {why}. "
        "The next apply asks; nothing needs approval for it.",
        resource.source.position(keys[0] if keys else "/metadata/name"),
        resource.address,
    )


def undetermined(count: int) -> Iterator[Diagnostic]:
    """Secrets that could not be compared in this run."""
    if count:
        yield Diagnostic(
            Severity.INFO,
            "PLAN006",
            "secrets that could not be compared",
            f"{count} secret(s) could not be compared with what was applied (no access to their values, or never sent "
            "since their object was adopted) and are taken as unchanged. Plan where the secrets are to be sure.",
        )
