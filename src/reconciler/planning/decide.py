"""One object: what is to be done about it.

| desired | ledger | live | action                                                                    |
|---------|--------|------|---------------------------------------------------------------------------|
| yes     | no     | no   | create                                                                    |
| yes     | no     | yes  | adopt (update when it differs) if allowed, else the error "not ours"      |
| yes     | yes    | no   | create, for it is gone                                                    |
| yes     | yes    | yes  | nothing, update, or replace where the platform cannot update              |
| no      | yes    | yes  | delete when pruning, unprotected, not kept; else shown as orphaned        |
| no      | yes    | no   | forget                                                                    |
| no      | no     | yes  | unmanaged: counted, never touched                                         |

An entry that another address had so far (see `ownership.py`) is moved with the change, or by a move of its own.

`lifecycle.manage` narrows this: `observe` writes nothing, `create-only` creates, `no-delete` keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.resource import Manage, Resource
from reconciler.planning.digest import observed_digest
from reconciler.planning.ownership import Ownership
from reconciler.planning.pointer import join, leaves, lookup
from reconciler.planning.secretdiff import first_sent, secret_changes, unsent
from reconciler.planning.threeway import field_changes
from reconciler.planning.world import Context

_READ_ONLY = frozenset({Manage.OBSERVE, Manage.CREATE_ONLY})


def change_for(resource: Resource | None, entry: Entry | None, live: Live | None, context: Context) -> Change | None:
    """The change that brings one object to what is desired; None when nothing is to be done.

    Whether it may be done (adoption, protection, guards) is judged elsewhere.
    """
    if resource is None:
        return None if entry is None else removal(entry, live, context)
    if live is None:
        return None if resource.lifecycle.manage is Manage.OBSERVE else _creation(resource, entry, context)
    if resource.lifecycle.manage in _READ_ONLY and (entry is not None or not resource.lifecycle.adopt):
        return None
    return _modification(resource, entry, live, context)


def in_step(resource: Resource, entry: Entry | None, live: Live | None, context: Context) -> bool:
    """The quick way to "nothing to do" for the many objects that did not move."""
    if entry is None or live is None or resource.spec != live.spec or resource.spec != entry.spec:
        return False
    if not resource.secrets:
        return True
    if entry.hints != live.hints:
        return False
    return context.fingerprints(resource.secrets) == entry.fingerprints


def _creation(resource: Resource, entry: Entry | None, context: Context) -> Change:
    address = resource.address
    origin = Origin.CONFIG if entry is None else Origin.DRIFT
    fields = [
        FieldChange(join("/spec", keys), ABSENT, lookup(resource.spec, keys), origin, place=resource.source)
        for keys in leaves(resource.spec)
    ]
    fields += [
        FieldChange(path, ABSENT, _label(context, resource, path), origin, sensitive=True, place=resource.source)
        for path in sorted(resource.secrets)
    ]
    return Change(
        address,
        Action.CREATE,
        "new in the manifests" if entry is None else "gone from the gateway",
        tuple(fields),
        guard=context.capability(address.kind).guard,
        reversible=Reversible(Undo.FULL),
        depends_on=resource.depends_on,
        position=resource.source.position("/metadata/name"),
        owned=entry is not None,
    )


def _label(context: Context, resource: Resource, path: str) -> str:
    ref = resource.secrets[path]
    return context.numbering.label(context.fingerprint(resource.address.gateway, ref) or (str(ref), path))


def _modification(resource: Resource, entry: Entry | None, live: Live, context: Context) -> Change | None:
    capability = context.capability(resource.address.kind)
    releases = frozenset({Origin.RELEASE}) if capability.clears else frozenset[Origin]()
    ours = tuple(field_changes(resource, entry.spec if entry else None, live.spec, releases))
    fields = (*ours, *_secrets(resource, entry, live, context, ours))
    if not fields:
        return None if entry is not None else _change(resource, None, live, context, Action.ADOPT, ())
    action = Action.UPDATE if capability.update else Action.REPLACE
    return _change(resource, entry, live, context, action, fields)


def _secrets(
    resource: Resource, entry: Entry | None, live: Live, context: Context, others: tuple[FieldChange, ...]
) -> tuple[FieldChange, ...]:
    """A first write of what was taken over sends the secrets: what is stored there cannot be known to be ours."""
    found = tuple(secret_changes(resource, entry, live, context.fingerprint, context.numbering))
    if entry is None:
        return tuple(replace(field, origin=Origin.TAKEOVER) for field in found)
    if not (found or others):
        return ()
    said = {field.path for field in found}
    along = first_sent(resource, entry, context.fingerprint, context.numbering)
    return (*found, *(field for field in along if field.path not in said))


def _change(
    resource: Resource,
    entry: Entry | None,
    live: Live,
    context: Context,
    action: Action,
    fields: tuple[FieldChange, ...],
) -> Change:
    return Change(
        resource.address,
        action,
        _reason(fields, entry),
        fields,
        guard=context.capability(resource.address.kind).guard,
        reversible=_reversible(fields, entry),
        depends_on=resource.depends_on,
        position=resource.source.position(fields[0].path if fields else "/metadata/name"),
        remote_id=live.remote_id,
        revision=live.revision,
        observed=observed_digest(live),
        owned=entry is not None,
    )


def removal(entry: Entry, live: Live | None, context: Context) -> Change:
    """Delete what is no longer declared, or forget what is gone."""
    action = Action.FORGET if live is None else Action.DELETE
    return Change(
        entry.address,
        action,
        "no longer in the manifests" if live else "gone from the gateway and from the manifests",
        guard=context.capability(entry.address.kind).guard,
        reversible=_restorable(entry) if live else Reversible(Undo.FULL),
        remote_id=entry.remote_id if live is None else live.remote_id,
        revision=None if live is None else live.revision,
        observed=None if live is None else observed_digest(live),
    )


def move(resource: Resource, owned: Ownership) -> Change:
    """Nothing but the ledger's entry goes elsewhere."""
    address, earlier = resource.address, owned.moved[resource.address]
    said = "/metadata/movedFrom" if resource.moved_from == earlier.name else "/metadata/name"
    return Change(
        address,
        Action.MOVE,
        f"was {earlier.name}; nothing is written to the gateway",
        position=resource.source.position(said),
        remote_id=owned.entries[address].remote_id,
        moved_from=earlier,
    )


def doubled(address: Address, owned: Ownership) -> Change:
    """Of two entries for one object, the one that no manifest stands for goes."""
    reason = f"the same object as {owned.doubles[address]}, which stays"
    return Change(address, Action.FORGET, reason, remote_id=owned.entries[owned.doubles[address]].remote_id)


_REASONS: Mapping[Origin, str] = {
    Origin.TAKEOVER: "taken over",
    Origin.BOTH: "changed in the manifests and outside",
    Origin.CONFIG: "changed in the manifests",
    Origin.RELEASE: "no longer in the manifests",
    Origin.SECRET: "secret rotated",
    Origin.UNCOMPARED: "secret could not be compared",
    Origin.DRIFT: "changed outside",
}


def _reason(fields: tuple[FieldChange, ...], entry: Entry | None) -> str:
    if entry is None:
        return "taken over"
    origins = {field.origin for field in fields}
    return ", ".join(text for origin, text in _REASONS.items() if origin in origins)


def _reversible(fields: tuple[FieldChange, ...], entry: Entry | None) -> Reversible:
    if not any(field.sensitive for field in fields):
        return Reversible(Undo.FULL)
    if entry is None or unsent(entry):
        return Reversible(Undo.NONE, "the secrets stored there are not known")
    return Reversible(Undo.PARTIAL, "only while the earlier secret references still lead to the earlier values")


def _restorable(entry: Entry) -> Reversible:
    if unsent(entry):
        return Reversible(Undo.NONE, "the secrets stored there are not known")
    if not entry.fingerprints:
        return Reversible(Undo.FULL)
    return Reversible(Undo.PARTIAL, "only while the secret references still lead to the values that were applied")


def equivalent(approved: Change, recomputed: Change) -> bool:
    """Whether a recomputed change does the same as the approved one; revisions may have moved."""
    return approved.action is recomputed.action and _essence(approved) == _essence(recomputed)


def _essence(change: Change) -> object:
    return [
        (field.path, field.origin) if field.sensitive else (field.path, field.before, field.after)
        for field in sorted(change.fields, key=lambda field: field.path)
    ]
