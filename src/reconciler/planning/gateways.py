"""Gateways as what they are: places that credentials go to. Planned, approved and recorded like objects.

The ledger holds one entry for each gateway, under ``NAME/Gateway/NAME``: its settings, and the texts of the references
to its credential. Nothing on the gateway stands for it, so that recording it writes to the ledger alone.

| declared    | recorded as | its objects in the ledger | the plan                                                 |
|-------------|-------------|---------------------------|----------------------------------------------------------|
| yes         | the same    | any                       | nothing                                                  |
| yes         | otherwise   | any                       | an update, counted like any other                        |
| yes         | nothing     | any                       | `Plan.gateways`: in the digest; an apply records it      |
| `movedFrom` | the earlier | any                       | an update; entries move along, nothing is written        |
| no          | any         | some                      | SAFETY010: a person decides what becomes of them         |
| no          | yes         | none                      | forgotten                                                |

Where credentials go (`receivers`) is compared before anything is sent:

| a secret would go                  | who only looks, and `serve`               | apply                               |
|------------------------------------|-------------------------------------------|-------------------------------------|
| where the ledger says              | sends                                     | sends                               |
| somewhere, and it is not recorded  | sends                                     | sends once approved; else SAFETY011 |
| elsewhere                          | SAFETY011: nothing is sent                | sends once approved; else SAFETY011 |
| elsewhere, and --allow-destination | sends (`plan`; the others have no such wor| sends                               |

"Elsewhere" is asked of the gateway and of each secret: a Gateway that nobody knows, with a secret that went to another
host until now, leads that elsewhere. A router holds to what the ledger says, and to what it began with.

A run over a part of the fleet judges the gateways of that part; one with -g those that it names. Where several fleets
share a ledger, each judges its own.

And a gateway that now leads elsewhere, while what was applied is not all there as it was, is another tenant: SAFETY012.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.hosts import host_of, is_loopback, origin_of
from reconciler.model.memory import Entry, Intent, LedgerSnapshot
from reconciler.model.resource import Gateway, Guard, Header, Limits, OAuth, Timeouts, credential_refs
from reconciler.planning.diff import differing
from reconciler.planning.digest import GATEWAY
from reconciler.planning.pointer import join, leaves, lookup

KIND = GATEWAY
EMBEDDED = "embedded:"
ALLOWANCE = "destination"
"""What a person allows for one gateway, as ``destination:NAME``."""

_TENANT = ("/spec/platform", "/spec/url", "/spec/org", "/spec/paths")
"""Settings that lead to another tenant."""

_NO_LIMITS, _NO_TIMEOUTS = Limits(), Timeouts()


def address_of(name: str) -> Address:
    """Where the ledger holds a gateway."""
    return Address(name, KIND, name)


def objects_of(ledger: LedgerSnapshot) -> LedgerSnapshot:
    """The ledger without what it says of gateways themselves."""
    return replace(ledger, entries={a: entry for a, entry in ledger.entries.items() if a.kind != KIND})


def entry_of(gateway: Gateway) -> Entry:
    """What the ledger remembers of a gateway: settings that differ from the defaults, and no secret."""
    return Entry(
        address_of(gateway.name),
        gateway.url or f"org {gateway.org}",
        _settings(gateway),
        refs={path: str(ref) for path, ref in credential_refs(gateway.auth).items()},
        origin=gateway.source.position("").file,
        labels=dict(gateway.labels),
    )


def _settings(gateway: Gateway) -> Mapping[str, Any]:
    limits, timeouts = gateway.limits, gateway.timeouts
    written: Mapping[str, Any] = {
        "platform": gateway.platform,
        "url": gateway.url,
        "org": gateway.org,
        "auth": _auth(gateway),
        "paths": dict(gateway.paths) or None,
        "limits": _said(
            concurrency=(limits.concurrency, _NO_LIMITS.concurrency),
            requestsPerSecond=(limits.requests_per_second, None),
            endpoints=(limits.endpoints, None),
        ),
        "timeouts": _said(connect=(timeouts.connect, _NO_TIMEOUTS.connect), total=(timeouts.total, _NO_TIMEOUTS.total)),
        "prune": None if gateway.prune else False,
        "guardFloor": None if gateway.guard_floor is Guard.COMPARE else gateway.guard_floor.value,
        "transport": gateway.transport,
        "webSocketUrl": gateway.web_socket_url,
        "labels": dict(gateway.labels) or None,
    }
    return {name: value for name, value in written.items() if value is not None}


def _said(**given: tuple[Any, Any]) -> Mapping[str, Any] | None:
    return {name: value for name, (value, usual) in given.items() if value != usual} or None


def _auth(gateway: Gateway) -> Mapping[str, Any] | None:
    """What it says besides references, which tell the method too."""
    match gateway.auth:
        case OAuth() as oauth:
            client_auth = None if oauth.client_auth == "post" else oauth.client_auth
            given = {"tokenUrl": oauth.token_url, "scopes": list(oauth.scopes) or None, "clientAuth": client_auth}
            said = {name: value for name, value in given.items() if value is not None}
            return {"oauth": said} if said else None
        case Header(name=name):
            return {"header": {"name": name}}
        case _:
            return None


def receivers(entry: Entry) -> frozenset[tuple[str, str]]:
    """Which secret goes to which origin; "" stands for what goes along with all of them. Nothing for this process."""
    spec = entry.spec
    base = _place(str(spec["url"])) if spec.get("url") else f"{spec.get('platform')} {entry.remote_id}"
    paths: Mapping[str, str] = spec.get("paths", {})
    by_token = any(path.startswith("/spec/auth/oauth/") for path in entry.refs)
    tokens = str(spec.get("auth", {}).get("oauth", {}).get("tokenUrl") or paths.get("token", "")) if by_token else ""
    keeper = _place(tokens) if "://" in tokens else base
    places = {base, *(_place(path) for path in paths.values() if "://" in path)}
    places |= {_place(str(spec["webSocketUrl"]))} if "webSocketUrl" in spec else set()
    pairs = {(keeper, ref) for ref in entry.refs.values()} | {(place, "") for place in places}
    return frozenset(pair for pair in pairs if pair[0] != EMBEDDED)


def _is_local(place: str) -> bool:
    return "://" in place and is_loopback(host_of(place))


def _place(url: str) -> str:
    if url == EMBEDDED:
        return url
    try:
        return origin_of(url)
    except ValueError:
        return url


@dataclass(frozen=True, slots=True)
class GatewayChanges:
    """What changes of gateways themselves: `changes` are counted and executed, `first` are seen for the first time."""

    changes: tuple[Change, ...] = ()
    first: tuple[Change, ...] = ()

    @property
    def all(self) -> tuple[Change, ...]:
        """Both, as they stand in digests."""
        return (*self.first, *self.changes)


def gateway_changes(desired: Desired, recorded: Recorded) -> GatewayChanges:
    """Compare what is declared with what was recorded. Needs no gateway."""
    changes, first = [], []
    ledger, earlier = recorded.ledger, {new: old for old, new in recorded.renamed.items()}
    for name, gateway in sorted(desired.gateways.items()):
        before = ledger.entries.get(address_of(name))
        fields = _fields(gateway, before, entry_of(gateway), earlier.get(name))
        if name in earlier:
            changes.append(_change(gateway, Action.UPDATE, f"renamed from {earlier[name]!r}", fields))
        elif before is None:
            first.append(_change(gateway, Action.ADOPT, "seen for the first time", fields))
        elif fields:
            changes.append(_change(gateway, Action.UPDATE, "changed in the manifests", fields))
    forgotten = (
        Change(address, Action.FORGET, "no longer in the manifests, and nothing of it is left", guard=Guard.VERSION)
        for address in sorted(ledger.entries)
        if address.kind == KIND and address.gateway in _abandoned(desired, ledger)
    )
    return GatewayChanges((*changes, *forgotten), tuple(first))


def _abandoned(desired: Desired, ledger: LedgerSnapshot) -> frozenset[str]:
    """Gateways that are neither declared nor hold anything any more."""
    if desired.chosen is not None or desired.scope is not None:
        return frozenset()
    held = {address.gateway for address in (*objects_of(ledger).entries, *ledger.intents)}
    recorded = {a.gateway for a, e in ledger.entries.items() if a.kind == KIND and e.fleet == desired.fleet}
    return frozenset(recorded - held - desired.gateways.keys())


def _change(gateway: Gateway, action: Action, reason: str, fields: tuple[FieldChange, ...]) -> Change:
    """The ledger's serial guards it."""
    position = gateway.source.position(fields[0].path if action is Action.UPDATE else "/metadata/name")
    owned = action is Action.UPDATE
    return Change(address_of(gateway.name), action, reason, fields, Guard.VERSION, position=position, owned=owned)


def _fields(gateway: Gateway, before: Entry | None, now: Entry, earlier: str | None) -> tuple[FieldChange, ...]:
    """Settings, and references: where a secret is to be found is none."""
    spec, refs = ({}, {}) if before is None else (before.spec, before.refs)
    paths = [*leaves(now.spec)] if before is None else [*differing(spec, now.spec)]
    found = [(join("/spec", keys), lookup(spec, keys), lookup(now.spec, keys)) for keys in paths]
    found += [(path, refs.get(path, ABSENT), now.refs.get(path, ABSENT)) for path in sorted({*refs, *now.refs})]
    if earlier is not None:
        found.append(("/metadata/name", earlier, gateway.name))
    return tuple(_field(gateway, path, was, wanted) for path, was, wanted in found if was != wanted)


def _field(gateway: Gateway, path: str, before: Any, after: Any) -> FieldChange:
    return FieldChange(path, before, after, Origin.CONFIG, place=gateway.source)


@dataclass(frozen=True, slots=True)
class Destination:
    """A gateway whose credential would go where the ledger does not say.

    `known`: it says another place. `local`: all of it stays on this machine. `strays` are references to secrets that
    the ledger knows to go elsewhere, where it does not know the gateway.
    """

    change: Change
    known: bool
    local: bool = False
    strays: tuple[str, ...] = ()


Admits = Callable[[Mapping[str, Destination], Sequence[Change]], frozenset[str]]
"""Which of the new destinations may be looked at, given them and all that changes of gateways."""


def looking(allow: frozenset[str] = frozenset()) -> Admits:
    """Who writes nothing may look where nothing is recorded, and elsewhere than recorded where a person said so."""

    def admits(found: Mapping[str, Destination], _changes: Sequence[Change]) -> frozenset[str]:
        return frozenset(name for name, one in found.items() if not one.known or is_allowed(name, allow))

    return admits


def is_allowed(name: str, allow: frozenset[str]) -> bool:
    """Whether a person said that the credential of this gateway may go elsewhere."""
    return f"{ALLOWANCE}:{name}" in allow


def held(desired: Desired, recorded: Recorded, admits: Admits) -> frozenset[str]:
    """Gateways that nothing may be sent to."""
    found = new_destinations(desired, recorded)
    return frozenset(found) - admits(found, gateway_changes(desired, recorded).all) if found else frozenset()


def new_destinations(desired: Desired, recorded: Recorded) -> Mapping[str, Destination]:
    """Gateways whose credentials would go where nobody has sent them yet, by name."""
    found = {}
    for change in gateway_changes(desired, recorded).all:
        gateway, before = desired.gateways.get(change.address.gateway), recorded.ledger.entries.get(change.address)
        if gateway is None:
            continue
        now = receivers(entry_of(gateway))
        if now - (frozenset() if before is None else receivers(before)):
            strays = _strays(now, recorded.ledger) if before is None else ()
            local = all(_is_local(place) for place, _ in now)
            found[gateway.name] = Destination(change, before is not None or bool(strays), local, strays)
    return found


def _strays(now: frozenset[tuple[str, str]], ledger: LedgerSnapshot) -> tuple[str, ...]:
    """Secrets that go elsewhere by the ledger: those of gateways, and what objects hand to theirs."""
    gateways = {a.gateway: receivers(e) for a, e in ledger.entries.items() if a.kind == KIND}
    known: dict[str, set[str]] = {}
    for pairs in gateways.values():
        for place, ref in pairs:
            known.setdefault(ref, set()).add(place)
    for address, entry in objects_of(ledger).entries.items():
        for ref in entry.refs.values():
            known.setdefault(ref, set()).update(place for place, _ in gateways.get(address.gateway, ()))
    return tuple(sorted({ref for place, ref in now if ref and known.get(ref) and place not in known[ref]}))


@dataclass(frozen=True, slots=True)
class Recorded:
    """The ledger as it reads once gateways have the names that they are declared under now.

    `renamed` holds those names by the earlier ones.
    """

    ledger: LedgerSnapshot
    renamed: Mapping[str, str] = field(default_factory=dict)


NO_RECORD = Recorded(LedgerSnapshot(0))


def recorded_for(desired: Desired, ledger: LedgerSnapshot) -> Recorded:
    """The ledger, read with the names of today. What is under a new name already stays: a move is completed."""
    names = _renames(desired, ledger)
    if not names:
        return Recorded(ledger)
    entries: dict[Address, Entry] = {a: e for a, e in ledger.entries.items() if a.gateway not in names}
    intents: dict[Address, Intent] = {a: i for a, i in ledger.intents.items() if a.gateway not in names}
    for address, entry in ledger.entries.items():
        if address.gateway in names:
            entries.setdefault(_renamed(address, names), _moved_entry(entry, names))
    for address, intent in ledger.intents.items():
        if address.gateway in names:
            after = None if intent.after is None else _moved_entry(intent.after, names)
            now = _renamed(address, names)
            intents.setdefault(now, replace(intent, address=now, after=after))
    return Recorded(replace(ledger, entries=entries, intents=intents), names)


def _renames(desired: Desired, ledger: LedgerSnapshot) -> Mapping[str, str]:
    held = {address.gateway for address in (*ledger.entries, *ledger.intents)}
    held -= desired.gateways.keys() | desired.other_gateways
    return {
        gateway.moved_from: name
        for name, gateway in sorted(desired.gateways.items())
        if gateway.moved_from is not None and gateway.moved_from in held
    }


def first_seen(desired: Desired, ledger: LedgerSnapshot) -> Mapping[Address, Entry | None]:
    """Entries of gateways that the ledger does not know at all."""
    return {address: entry for address, entry in _entries(desired).items() if address not in ledger.entries}


def _entries(desired: Desired) -> Mapping[Address, Entry]:
    return {
        address_of(name): replace(entry_of(gateway), fleet=desired.fleet) for name, gateway in desired.gateways.items()
    }


def settlements(
    desired: Desired, ledger: LedgerSnapshot, recorded: Recorded
) -> Sequence[Mapping[Address, Entry | None]]:
    """What an apply records of gateways, in this order: what stands now, then what stands no longer.

    `ledger` is as it was read, `recorded` as it reads today. A run that ends between the two is completed by the next.
    """
    names = recorded.renamed
    wanted = _entries(desired)
    moving = {a: e for a, e in recorded.ledger.entries.items() if a.gateway in names.values() and a.kind != KIND}
    stand = {a: e for a, e in {**moving, **wanted}.items() if ledger.entries.get(a) != e}
    gone = [a for a in (*ledger.entries, *ledger.intents) if a.gateway in names]
    forgotten = [c.address for c in gateway_changes(desired, recorded).changes if c.action is Action.FORGET]
    return [stand, dict.fromkeys((*gone, *forgotten))]


def _renamed(address: Address, names: Mapping[str, str]) -> Address:
    if address.gateway not in names:
        return address
    now = names[address.gateway]
    return address_of(now) if address.kind == KIND else address._replace(gateway=now)


def _moved_entry(entry: Entry, names: Mapping[str, str]) -> Entry:
    needed = tuple(_renamed(address, names) for address in entry.depends_on)
    return replace(entry, address=_renamed(entry.address, names), depends_on=needed)


def needs_decision(found: Iterable[Diagnostic]) -> bool:
    """Whether a person must decide about a gateway before anything can be said of what is behind it."""
    return any(finding.code in _DECISIONS for finding in found)


_DECISIONS = frozenset({"SAFETY010", "SAFETY011", "SAFETY012"})


def undecided(desired: Desired, recorded: Recorded, held: frozenset[str]) -> tuple[Diagnostic, ...]:
    """What a person must decide before anything is said of these gateways; `held` were not looked at."""
    return (*undeclared(desired, recorded.ledger), *unlooked(desired, recorded, held))


def unlooked(desired: Desired, recorded: Recorded, held: frozenset[str]) -> tuple[Diagnostic, ...]:
    """Why each of these gateways was sent nothing."""
    destinations = new_destinations(desired, recorded)
    return tuple(unapproved(desired, destinations[name]) for name in sorted(held & destinations.keys()))


def undeclared(desired: Desired, ledger: LedgerSnapshot) -> Iterator[Diagnostic]:
    """Gateways that own objects by the ledger, and are in no manifest that was read."""
    if desired.chosen is not None:
        return
    declared, scope = desired.gateways.keys() | desired.other_gateways, desired.scope
    entries = {a: e for a, e in objects_of(ledger).entries.items() if scope is None or scope.covers(e.origin, e.labels)}
    waiting = ledger.intents if scope is None else ()
    others = {a.gateway for a, e in ledger.entries.items() if a.kind == KIND and e.fleet != desired.fleet}
    held = {address for address in (*entries, *waiting) if address.gateway not in declared | others}
    for name in sorted({address.gateway for address in held}):
        yield _left_behind(name, sum(a.gateway == name for a in held), _likely(name, desired, ledger))


def _likely(name: str, desired: Desired, ledger: LedgerSnapshot) -> str | None:
    """A gateway that the ledger does not know, and that leads where this one led."""
    before = ledger.entries.get(address_of(name))
    for other, gateway in sorted(desired.gateways.items()):
        unknown = address_of(other) not in ledger.entries
        if unknown and before is not None and entry_of(gateway).remote_id == before.remote_id:
            return other
    return None


def _left_behind(name: str, count: int, likely: str | None) -> Diagnostic:
    renamed = f"{likely!r} leads to the same place: if it" if likely else "if it"
    detail = (
        f"{count} object(s) were applied to {name!r}, and no manifest that was read declares this Gateway: they stay "
        f"live, and nothing looks after them. Declare it again (an empty one deletes what is left, with "
        f"--allow-empty); {renamed} was renamed, write `movedFrom: {name}` into the metadata of the Gateway that it is "
        f"now; to leave everything there as it is, run `reconciler ledger forget '{name}/*'`."
    )
    return Diagnostic(Severity.ERROR, "SAFETY010", "a gateway with objects is no longer declared", detail)


def unapproved(desired: Desired, destination: Destination) -> Diagnostic:
    """Nothing was sent to this gateway: who may have its credential is not decided."""
    change = destination.change
    name = change.address.gateway
    paths = ", ".join(field.path for field in change.fields if field.path.startswith(_STEERING))
    if destination.strays:
        what = f"{name!r} is new, and would be sent {', '.join(destination.strays)}, which went elsewhere until now"
    elif destination.known:
        what = f"the manifests lead the credential of {name!r} elsewhere than the last apply did ({paths})"
    else:
        what = f"the credential of {name!r} has not been sent anywhere yet, and nobody approved where it would go"
    way_out = (
        "otherwise put the earlier place back."
        if destination.known
        else "or approve the plan that shows it: --expect DIGEST, a PLANFILE, or --auto-approve."
    )
    detail = (
        f"{what}. Nothing was sent, and nothing behind it was looked at. If it is meant, give `plan` and `apply` "
        f"--allow-destination {name}; {way_out}"
    )
    position = desired.gateways[name].source.position("/spec/url")
    return Diagnostic(
        Severity.ERROR, "SAFETY011", "the destination of a credential is not approved", detail, position, change.address
    )


_STEERING = (*_TENANT, "/spec/auth", "/spec/webSocketUrl")


def other_tenants(
    desired: Desired, changes: Sequence[Change], seen: frozenset[str], astray: Mapping[str, int], allow: frozenset[str]
) -> Iterator[Diagnostic]:
    """Gateways that lead elsewhere now, where what was applied is not as it was.

    `seen` are those that were looked at, `astray` counts applied objects that are gone or otherwise by gateway.
    """
    for change in changes:
        name = change.address.gateway
        leads = any(field.path.startswith((*_TENANT, "/metadata/name")) for field in change.fields)
        if change.address.kind != KIND or not leads or name not in seen or not astray.get(name):
            continue
        if is_allowed(name, allow):
            continue
        yield Diagnostic(
            Severity.ERROR,
            "SAFETY012",
            "the gateway leads to another tenant",
            f"{name!r} leads elsewhere than the last apply did, and there {astray[name]} object(s) that were applied "
            "are not, or not as they were: it looks like another tenant, on which all would be made anew while the "
            f"earlier one is left to itself. If that is meant, say --allow-destination {name}; to keep the earlier "
            "tenant, declare this one as a Gateway of another name.",
            desired.gateways[name].source.position("/spec/url"),
            change.address,
        )
