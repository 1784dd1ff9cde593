"""From the world to a plan. Pure: no clock, no network, no file, no vendor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.model.address import Address
from reconciler.model.change import Action, Change, FieldChange, Origin
from reconciler.model.desired import Scope
from reconciler.model.diagnostic import Diagnostic, has_errors, ordered
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.plan import Basis, Mode, Plan, Summary, Tally
from reconciler.model.resource import Manage, Resource
from reconciler.planning import findings, gateways, keys, names, policy, safety
from reconciler.planning.decide import change_for, doubled, in_step, move
from reconciler.planning.digest import intent_digest, observed_digest
from reconciler.planning.graph import in_order
from reconciler.planning.match import live_objects, matched
from reconciler.planning.ownership import Ownership
from reconciler.planning.secretdiff import Numbering, hint_moved, undetermined
from reconciler.planning.threeway import drifted, server_given
from reconciler.planning.unread import blind_change
from reconciler.planning.world import Context, PlanOptions, World


@dataclass(slots=True)
class _Draft:
    """What is gathered while the objects are gone through."""

    changes: list[Change] = field(default_factory=list)
    drift: list[Change] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    defaults: list[Change] = field(default_factory=list)
    unchanged: Counter[tuple[str, str]] = field(default_factory=Counter)
    unmanaged: Counter[tuple[str, str]] = field(default_factory=Counter)
    undetermined: int = 0

    def go_along(self, resource: Resource | None, owned: Ownership) -> None:
        """The entry of what cannot be looked at may still go elsewhere."""
        if resource is not None and resource.address in owned.moved:
            self.changes.append(move(resource, owned))

    def leave(self, resource: Resource | None, owned: Ownership) -> None:
        """Nothing is to be done to an object, but that its entry may go elsewhere."""
        if resource is not None and resource.address in owned.moved:
            self.changes.append(move(resource, owned))
        elif resource is not None:
            self.unchanged[resource.address.gateway, resource.address.kind] += 1


def make_plan(world: World, options: PlanOptions) -> Plan:
    """Compare what is desired, what was applied and what is live: gateways as such, then object by object."""
    of_gateways, doubts = _gateways(world, options)
    draft, numbering = _Draft(), Numbering()
    for gateway in sorted(world.observed):
        _gateway(world, options, draft, world.context(gateway, numbering))
    waiting, taken = names.handed_on(world, draft.changes)
    changes = (*of_gateways.changes, *in_order(waiting, world.ledger.entries))
    unproved = _unproved(world, options, changes)
    astray = Counter(change.address.gateway for change in draft.drift)
    found = [
        *doubts,
        *gateways.other_tenants(world.desired, changes, frozenset(world.observed), astray, options.allow),
        *draft.diagnostics,
        *(d for seen in world.observed.values() for d in seen.diagnostics),
        *policy.offline_findings(world.desired),
        *findings.twins(world.desired, world.capabilities),
        *policy.secret_findings(world.desired, world.fingerprint),
        *keys.misplaced(world.desired, world.issuer, world.misfit),
        *policy.action_findings(world.desired, changes),
        *safety.check(world, changes, options),
        *taken,
        *findings.undetermined(draft.undetermined),
        *(findings.unproved(world.desired.resources[a], world.ledger.entries[a]) for a in unproved),
    ]
    return Plan(
        mode=options.mode,
        basis=_basis(world, options, changes),
        changes=changes,
        drift=tuple(draft.drift),
        diagnostics=ordered(found),
        summary=_summary(draft, changes),
        complete=all(_sees_enough(world, gateway) for gateway in world.observed),
        digest=intent_digest((*of_gateways.first, *changes)),
        defaults=tuple(draft.defaults),
        tallies=_tallies(draft),
        unproved=tuple(a for a in unproved if not world.ledger.entries[a].unasked),
        unasked=tuple(a for a in unproved if world.ledger.entries[a].unasked),
        gateways=of_gateways.first,
    )


def _gateways(world: World, options: PlanOptions) -> tuple[gateways.GatewayChanges, Sequence[Diagnostic]]:
    """What changes of gateways themselves, and which of them nobody may decide about but a person."""
    if options.only is not None:
        return gateways.GatewayChanges(), ()
    found = gateways.gateway_changes(world.desired, world.recorded)
    return found, gateways.undecided(world.desired, world.recorded, world.held)


def _sees_enough(world: World, gateway: str) -> bool:
    """Whether all was read that there is to read.

    | a kind that was not read                   | declared, or applied | neither |
    |--------------------------------------------|----------------------|---------|
    | the gateway does not offer it: a warning   | incomplete           | enough  |
    | it could not be read: an error             | incomplete           | incomplete |
    | the platform never lets it be read         | enough               | enough  |
    """
    seen = world.observed[gateway]
    if seen.complete:
        return True
    if has_errors(seen.diagnostics):
        return False
    concerned = {a.kind for a in (*world.desired.resources, *world.ledger.entries) if a.gateway == gateway}
    kinds = world.capabilities[gateway].kinds
    return bool(seen.unseen) and all(seen.saw(kind) for kind in concerned if kind not in kinds or kinds[kind].read)


def _gateway(world: World, options: PlanOptions, draft: _Draft, context: Context) -> None:
    name = context.gateway.name
    resources = {a: r for a, r in world.desired.resources.items() if a.gateway == name}
    entries = {a: e for a, e in world.ledger.entries.items() if a.gateway == name}
    seen = world.observed[name]
    live, ambiguous, unowned = matched(seen.objects, resources, entries)
    draft.diagnostics += (findings.ambiguous(address, resources) for address in ambiguous)
    draft.unmanaged.update({(name, kind): count for kind, count in unowned.items()})
    owned = world.ownership
    draft.diagnostics += findings.of_ownership(owned, resources, context)
    draft.changes += (doubled(a, owned) for a, owner in owned.doubles.items() if owner in resources)
    unclear = owned.disputed.keys() | owned.torn.keys()
    for address in sorted({*resources, *_in_scope(world.desired.scope, resources, entries, draft)} - unclear):
        if options.only is not None and address not in options.only:
            continue
        resource, entry, found = resources.get(address), entries.get(address), live.get(address)
        if not context.reads(address.kind):
            _unread(blind_change(resource, entry, world.ledger.intents.get(address), context), context, draft)
            draft.go_along(resource, owned)
        elif resource is not None and in_step(resource, entry, found, context):
            draft.leave(resource, owned)
        elif found is not None or seen.saw(address.kind):
            _show(resource, entry, found, options, draft)
            if address not in ambiguous:
                _decide(resource, entry, found, context, draft, owned)


def _in_scope(
    scope: Scope | None, resources: Mapping[Address, Resource], entries: Mapping[Address, Entry], draft: _Draft
) -> Iterator[Address]:
    """Entries that this run may speak of.

    | the entry is of                                              | then                            |
    |--------------------------------------------------------------|---------------------------------|
    | what is declared here, or anything in a run over all         | as planned                      |
    | what was applied from within this part, and nothing declares | as planned: it is removed       |
    | what another part declares, or was applied from there        | passed over                     |
    | a ledger that did not keep where it was applied from         | passed over, and PLAN020        |
    | this part, while the rest of the manifests cannot be read    | passed over, and PLAN021        |
    """
    if scope is None:
        yield from entries
        return
    taken = {(a.gateway, a.kind, resource.remote_id or a.name) for a, resource in scope.elsewhere.items()}
    for address, entry in entries.items():
        if address in resources:
            yield address
        elif not entry.origin:
            draft.diagnostics.append(findings.of_unknown_origin(entry))
        elif not scope.covers(entry.origin, entry.labels) or _is_declared_in(scope, entry, taken):
            continue
        elif scope.unread:
            draft.diagnostics.append(findings.rest_unread(entry, scope))
        else:
            yield address


def _is_declared_in(scope: Scope, entry: Entry, taken: Container[tuple[str, str, str]]) -> bool:
    gateway, kind, _ = entry.address
    return entry.address in scope.elsewhere or (gateway, kind, entry.remote_id) in taken


def _show(
    resource: Resource | None, entry: Entry | None, live: Live | None, options: PlanOptions, draft: _Draft
) -> None:
    """What moved outside, and what only the server speaks of."""
    if entry is not None:
        draft.drift += _drift(entry, live, resource)
    if options.mode is Mode.DRIFT:
        draft.defaults += _defaults(resource, entry, live)


def _unread(found: Change | Diagnostic | None, context: Context, draft: _Draft) -> None:
    """What cannot be looked at counts neither as unchanged nor as drifted."""
    if isinstance(found, Change):
        draft.diagnostics += findings.cannot(found, context)
        draft.changes.append(found)
    elif found is not None:
        draft.diagnostics.append(found)


def _decide(
    resource: Resource | None,
    entry: Entry | None,
    live: Live | None,
    context: Context,
    draft: _Draft,
    owned: Ownership,
) -> None:
    """Judge one object's change: is it ours, may it go."""
    if resource is not None:
        draft.undetermined += undetermined(resource, entry, context.fingerprint)
    if resource is not None and live is not None and entry is None and not _may_take(resource):
        draft.diagnostics.append(findings.not_ours(resource))
        return
    change = change_for(resource, entry, live, context)
    if change is None:
        draft.leave(resource, owned)
        return
    change = replace(change, moved_from=owned.moved.get(change.address))
    if change.action is Action.DELETE and entry is not None:
        kept = findings.kept(entry, context)
        if kept is not None:
            draft.diagnostics.append(kept)
            return
    draft.diagnostics += findings.cannot(change, context)
    if resource is not None:
        draft.diagnostics += findings.not_replaceable(change, resource)
        draft.diagnostics += findings.unkeepable(change, resource, live)
    draft.changes.append(change)


def _may_take(resource: Resource) -> bool:
    return resource.lifecycle.adopt or resource.lifecycle.manage is Manage.OBSERVE


def _drift(entry: Entry, live: Live | None, resource: Resource | None) -> Iterator[Change]:
    """What is live now against what was last applied; shown, never executed."""
    source = resource.source if resource is not None else None
    position = source.position("/metadata/name") if source is not None else None
    ignore = resource.lifecycle.ignore if resource is not None else ()
    if live is None:
        yield Change(entry.address, Action.DELETE, "gone from the gateway", position=position)
        return
    fields = [
        FieldChange(p, there, ours, Origin.DRIFT, place=source)
        for p, there, ours in drifted(entry.spec, live.spec, ignore)
    ]
    fields += [
        FieldChange(path, "(sensitive #1)", "(sensitive #2)", Origin.DRIFT, sensitive=True)
        for path in sorted({*entry.fingerprints, *entry.refs})
        if hint_moved(path, entry, live)
    ]
    if fields:
        reason = "changed outside" if any(not f.sensitive for f in fields) else "secret replaced outside"
        yield Change(
            entry.address,
            Action.UPDATE,
            reason,
            tuple(fields),
            position=position,
            remote_id=live.remote_id,
            revision=live.revision,
            observed=observed_digest(live),
        )


def _defaults(resource: Resource | None, entry: Entry | None, live: Live | None) -> Iterator[Change]:
    """What only the server speaks of, in an object that is ours; shown, neither counted nor executed."""
    if resource is None or live is None or entry is None:
        return
    fields = tuple(server_given(resource, entry.spec, live.spec))
    if fields:
        position = resource.source.position("/metadata/name")
        yield Change(resource.address, Action.NOOP, "given by the server", fields, position=position)


def _tallies(draft: _Draft) -> Mapping[tuple[str, str], Tally]:
    counted = sorted({*draft.unchanged, *draft.unmanaged})
    return {key: Tally(draft.unchanged[key], draft.unmanaged[key]) for key in counted}


def _unproved(world: World, options: PlanOptions, changes: tuple[Change, ...]) -> tuple[Address, ...]:
    """Objects that no change touches and that nobody knows to work; one that changes is proved along with that."""
    waiting = [
        a for a, entry in sorted(world.ledger.entries.items()) if entry.unproved and a in world.desired.resources
    ]
    if not waiting:
        return ()
    live, changing = live_objects(world), {change.address for change in changes}
    chosen = (a for a in waiting if a not in changing and (options.only is None or a in options.only))
    return tuple(a for a in chosen if a in live or not _is_read(world, a))


def _is_read(world: World, address: Address) -> bool:
    kind = world.capabilities[address.gateway].kinds.get(address.kind)
    return kind is None or kind.read


def _basis(world: World, options: PlanOptions, changes: tuple[Change, ...]) -> Basis:
    return Basis(
        commit=options.commit,
        manifests=world.desired.digest,
        ledger_serial=world.ledger.serial,
        tool_version=options.tool_version,
        secrets_available=options.secrets_available,
        observed={str(c.address): c.observed for c in changes if c.observed is not None},
    )


def _summary(draft: _Draft, changes: tuple[Change, ...]) -> Summary:
    counts: Mapping[str, int] = {
        action.value: sum(change.action is action for change in changes)
        for action in Action
        if action is not Action.NOOP
    }
    unchanged, unmanaged = draft.unchanged.total(), draft.unmanaged.total()
    return Summary(**counts, unchanged=unchanged, unmanaged=unmanaged, drifted=len(draft.drift))
