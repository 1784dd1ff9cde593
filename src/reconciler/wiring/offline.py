"""What needs neither network nor secrets: platforms, rules, a plan from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from reconciler import __version__, planning, platforms
from reconciler.engine import SystemClock, concerned, select
from reconciler.model.capability import Capabilities
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, ordered
from reconciler.model.live import Observed
from reconciler.model.plan import Plan
from reconciler.model.ports import Clock, Platform
from reconciler.model.resource import Gateway, Resource
from reconciler.model.snapshot import Snapshot
from reconciler.planning import PlanOptions
from reconciler.wiring.destinations import in_clear
from reconciler.wiring.findings import finding, require
from reconciler.wiring.inference import history_findings, unaskable, unfit
from reconciler.wiring.vendors import misdirected, require_hosts


def today(clock: Clock) -> date:
    """The day, UTC."""
    return date.fromisoformat(clock.now()[:10])


def validate(desired: Desired, allowed_hosts: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    """Everything that can be found offline: what platforms cannot express, no question could be put with, the rules.

    `allowed_hosts` are those of the settings. Raises InputError for a platform that nobody provides.
    """
    known = platforms_of(desired)
    fleet = normalized(desired, known)
    limits = unsupported(desired, known)
    questions = (*unfit(desired.inference), *unaskable(desired), *history_findings(desired, known))
    hosts = (*misdirected(desired, known, allowed_hosts), *in_clear(desired, known))
    dates = planning.due(desired, today(SystemClock()))
    rules = (*planning.offline_findings(fleet), *planning.twins(fleet, _abilities(known)))
    return ordered((*limits, *hosts, *questions, *dates, *rules))


def plan_against(
    desired: Desired,
    taken: Snapshot,
    options: PlanOptions,
    gateways: tuple[str, ...] = (),
    allowed_hosts: tuple[str, ...] = (),
) -> Plan:
    """Plan from a snapshot: no network, no secret, no ledger. Secrets that cannot be compared count as unchanged.

    Raises InputError for a platform that nobody provides, what a platform cannot express, a host of another vendor.
    """
    chosen = concerned(select(desired, gateways), taken.ledger.entries)
    known = platforms_of(chosen)
    require(unsupported(chosen, known))
    require_hosts(chosen, known, allowed_hosts)
    fleet = normalized(chosen, known)
    recorded = planning.recorded_for(chosen, taken.ledger)
    held = planning.held(chosen, recorded, planning.looking(options.allow))
    seen = {name: _taken(gateway, taken) for name, gateway in chosen.gateways.items() if name not in held}
    objects, abilities = planning.objects_of(recorded.ledger), _abilities(known)
    located = planning.located(fleet.resources, objects.entries, abilities, lambda each: _normal(each, known))
    fleet = replace(fleet, resources=located)
    world = planning.world_of(
        fleet, seen, objects, abilities, lambda _gateway, _ref: None, recorded=recorded, held=held
    )
    made = planning.make_plan(world, replace(options, tool_version=__version__, secrets_available=False))
    clock = SystemClock()
    dates = planning.due(chosen, today(clock))
    found = ordered((*chosen.diagnostics, *in_clear(chosen, known), *dates, *made.diagnostics))
    return replace(made, diagnostics=found, created_at=clock.now())


def _taken(gateway: Gateway, taken: Snapshot) -> Observed:
    """What was seen of a gateway, also under the name that it had then."""
    seen = taken.observed.get(gateway.name)
    earlier = None if gateway.moved_from is None else taken.observed.get(gateway.moved_from)
    if seen is not None or earlier is None:
        return seen or _not_taken(gateway)
    objects = (replace(live, address=live.address._replace(gateway=gateway.name)) for live in earlier.objects)
    return replace(earlier, gateway=gateway.name, objects=tuple(objects))


def _not_taken(gateway: Gateway) -> Observed:
    detail = f"the snapshot does not hold {gateway.name!r}. Take it again once the Gateway is on the main branch."
    missing = finding("WIRING006", "a gateway that is not in the snapshot", detail, gateway, "/metadata/name")
    return Observed(gateway.name, (), complete=False, diagnostics=(missing,))


def platforms_of(desired: Desired) -> Mapping[str, platforms.OpenablePlatform]:
    """The platform of each gateway by its name. Raises InputError for one that nobody provides."""
    found, findings = {}, []
    for name, gateway in desired.gateways.items():
        try:
            found[name] = platforms.of_gateway(gateway)
        except LookupError as error:
            findings.append(
                finding("WIRING001", "nobody provides this platform", str(error), gateway, "/spec/platform")
            )
    require(findings)
    return found


def unsupported(desired: Desired, known: Mapping[str, Platform]) -> Sequence[Diagnostic]:
    """What platforms cannot express of the resources bound to them."""
    return [
        finding
        for resource in desired.resources.values()
        for finding in known[resource.address.gateway].unsupported(resource, desired.gateways[resource.address.gateway])
    ]


def normalized(desired: Desired, known: Mapping[str, Platform]) -> Desired:
    """The same fleet with each platform's defaults, as a read would show it."""
    fleet = replace(desired, resources={address: _normal(r, known) for address, r in desired.resources.items()})
    if desired.scope is None:
        return fleet
    others = {a: _normal(r, known) if a.gateway in known else r for a, r in desired.scope.elsewhere.items()}
    return replace(fleet, scope=replace(desired.scope, elsewhere=others))


def _normal(resource: Resource, known: Mapping[str, Platform]) -> Resource:
    platform = known[resource.address.gateway]
    able = platform.capabilities.kinds.get(resource.address.kind)
    return platform.normalize(resource if able is None else planning.with_first_id(resource, able))


def _abilities(known: Mapping[str, Platform]) -> Mapping[str, Capabilities]:
    return {name: platform.capabilities for name, platform in known.items()}
