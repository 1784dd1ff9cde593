"""What stands after a write: the ledger's entry, what can be restored, what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.change import ABSENT, FieldChange, Origin
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.plan import Plan
from reconciler.model.resource import Resource, Spec
from reconciler.model.run import Cause, Residue
from reconciler.model.secret import Fingerprint, SecretRef
from reconciler.planning.diff import differing
from reconciler.planning.ignored import CREDENTIALS, blended, is_ignored
from reconciler.planning.pointer import join, lookup
from reconciler.planning.secretdiff import FingerprintOf, unsent

WHOLE = "/spec"
"""What `Entry.unproved` holds for an object as a whole."""


def entry_for(resource: Resource, live: Live, fingerprints: Mapping[str, Fingerprint]) -> Entry:
    """The ledger's entry once `resource` stands on the gateway as `live`."""
    return Entry(
        resource.address,
        live.remote_id,
        resource.spec,
        fingerprints,
        {path: str(ref) for path, ref in resource.secrets.items()},
        dict(live.hints),
        live.revision,
        resource.lifecycle.protect,
        resource.depends_on,
        resource.lifecycle.manage,
        resource.origin,
        resource.labels,
        id_stated=resource.stated_id is not None,
    )


def sent_before(wanted: Entry, entry: Entry) -> Entry:
    """`wanted` without claiming that a secret was sent which was not.

    | fingerprint now against applied | reference | the entry then holds    |
    |---------------------------------|-----------|-------------------------|
    | the same secret                 | any       | the reference as it is  |
    | anything else                   | any       | what was applied        |

    A fingerprint that was made with another key proves nothing, so that what was applied stays until it is sent. What
    was not proved to work stays unproved: nothing was asked.
    """
    fingerprints, refs = dict(entry.fingerprints), dict(entry.refs)
    for path, applied in entry.fingerprints.items():
        now, ref = wanted.fingerprints.get(path), wanted.refs.get(path)
        if now is None or ref is None:
            continue
        if now == applied:
            fingerprints[path], refs[path] = now, ref
    unproved = tuple(path for path in entry.unproved if path == WHOLE or path in wanted.refs)
    return replace(wanted, fingerprints=fingerprints, refs=refs, unproved=unproved, unasked=entry.unasked)


def earlier_refs(wanted: Resource, entry: Entry) -> Mapping[str, SecretRef | None]:
    """What the secrets were sent from that were last applied, also where the manifest names others by now."""
    by_text = {str(ref): ref for ref in wanted.secrets.values()}
    texts = {path: entry.refs.get(path, "") for path in entry.fingerprints}
    return {path: by_text.get(text) or SecretRef.parse(text) for path, text in texts.items()}


def earlier_resource(
    wanted: Resource, before: Live, entry: Entry | None, fingerprint: FingerprintOf
) -> Resource | None:
    """The resource that restores `before`, or None when one of its secrets cannot be had any more.

    A secret can be sent again only while its reference still leads to what was last applied.
    """
    if entry is None or unsent(entry):
        return None
    secrets = earlier_refs(wanted, entry)
    for path, ref in secrets.items():
        if ref is None or fingerprint(wanted.address.gateway, ref) != entry.fingerprints[path]:
            return None
    if not set(before.hints) <= set(secrets):
        return None
    spec = blended(before.spec, entry.spec, wanted.lifecycle.ignore)
    return replace(wanted, spec=spec, secrets={path: ref for path, ref in secrets.items() if ref is not None})


def apart(resource: Resource, live: Live) -> tuple[FieldChange, ...]:
    """Where a live object differs from its manifest, whoever made it so, but for what the manifest ignores.

    What only the gateway has is its own default; a credential that only it has is none: a write would drop it.
    """
    found = ((join("/spec", keys), keys) for keys in differing(live.spec, resource.spec))
    return tuple(
        FieldChange(path, lookup(live.spec, keys), lookup(resource.spec, keys), Origin.TAKEOVER, place=resource.source)
        for path, keys in found
        if keys[0] == "credentials" or lookup(resource.spec, keys) is not ABSENT
        if not is_ignored(path, resource.lifecycle.ignore)
    )


def as_lives(resource: Resource, live: Spec) -> Spec:
    """What is taken for applied of an object that was taken over as it was: what the manifest speaks of, as it lives.

    Credentials count whole, since a write replaces them whole; what is ignored counts as the manifest has it.
    """
    spec: dict[str, Any] = {}
    for name, wanted in resource.spec.items():
        found = live.get(name, ABSENT)
        both = isinstance(found, Mapping) and isinstance(wanted, Mapping) and name != CREDENTIALS
        value = {key: each for key, each in found.items() if key in wanted} if both else found
        if value is not ABSENT:
            spec[name] = value
    return blended(spec, resource.spec, resource.lifecycle.ignore)


def residue(after: Plan) -> tuple[Residue, ...]:
    """What a plan made right after an apply still wants, path by path, with the likely cause."""
    return tuple(
        Residue(change.address, field.path, _cause(field), _shown(field.before), _shown(field.after))
        for change in after.changes
        for field in change.fields
    )


def _shown(value: object) -> object:
    return None if value is ABSENT else value


def _cause(field: FieldChange) -> Cause:
    """Mask: a secret never settles. Order, coercion: the same in another shape. A server default: ours is not there."""
    if field.sensitive:
        return Cause.MASK
    if field.after is ABSENT:
        return Cause.SERVER_DEFAULT
    if isinstance(field.before, list) and isinstance(field.after, list):
        alike = sorted(map(str, field.before)) == sorted(map(str, field.after))
        return Cause.ORDER if alike else Cause.DRIFT
    return Cause.COERCION if str(field.before).casefold() == str(field.after).casefold() else Cause.DRIFT
