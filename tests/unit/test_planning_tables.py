"""The truth tables, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.change import ABSENT, Action, Origin, Undo
from reconciler.model.desired import Desired
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, LedgerSnapshot
from reconciler.model.plan import Plan
from reconciler.model.resource import Gateway, Lifecycle, Limits, Manage, Resource
from reconciler.model.secret import Fingerprint, SecretRef
from reconciler.planning import PlanOptions, Rotations, World, earlier_resource, make_plan, readdressed
from reconciler.planning.threeway import origin_of

ONE = Address("prod", "Endpoint", "one")
KEY = "/spec/credentials/k/apiKey"
REF = SecretRef("env", ("KEY",))
OTHER = SecretRef("env", ("OTHER",))
SAME, NEW = Fingerprint("key", "a"), Fingerprint("key", "b")
SPEC = {"model": "m", "credentials": {"k": {"priority": 1}}}


@pytest.mark.parametrize(
    ("desired", "applied", "live", "expected"),
    [
        (1, 1, 1, None),
        (1, ABSENT, ABSENT, Origin.CONFIG),
        (1, 2, 1, None),
        (1, 2, 2, Origin.CONFIG),
        (1, 1, 2, Origin.DRIFT),
        (1, 1, ABSENT, Origin.DRIFT),
        (1, 2, 3, Origin.BOTH),
        (1, 2, ABSENT, Origin.BOTH),
        (1, ABSENT, 2, Origin.TAKEOVER),
        (ABSENT, 2, 2, Origin.RELEASE),
        (ABSENT, 2, 3, Origin.RELEASE),
        (ABSENT, 2, ABSENT, None),
        (ABSENT, ABSENT, 2, None),
        (None, None, 0, Origin.DRIFT),
    ],
)
def test_a_field(desired: Any, applied: Any, live: Any, expected: Origin | None) -> None:
    """Each row of the field table decides whether a gateway is written to, and what a person reads about it."""
    assert origin_of(desired, applied, live) is expected


def resource(**changes: Any) -> Resource:
    """A desired endpoint with one key."""
    given: dict[str, Any] = {"address": ONE, "spec": SPEC, "secrets": {KEY: REF}}
    return Resource(**(given | changes))


def entry(**changes: Any) -> Entry:
    """What was applied: the same."""
    given: dict[str, Any] = {
        "address": ONE,
        "remote_id": "one",
        "spec": SPEC,
        "fingerprints": {KEY: SAME},
        "refs": {KEY: "env:KEY"},
        "hints": {KEY: "aaaa"},
    }
    return Entry(**(given | changes))


def live(**changes: Any) -> Live:
    """What is there: the same."""
    given: dict[str, Any] = {"address": ONE, "remote_id": "one", "spec": SPEC, "hints": {KEY: "aaaa"}, "revision": "1"}
    return Live(**(given | changes))


def planned(
    wanted: Resource | None,
    applied: Entry | None,
    seen: Live | None,
    *,
    fingerprint: Fingerprint | None = SAME,
    gateway: Gateway | None = None,
    options: PlanOptions | None = None,
    complete: bool = True,
    capability: KindCapability | None = None,
) -> Plan:
    """A plan of a world with one object at most, and another endpoint beside it that nobody manages."""
    beside = Live(Address("prod", "Endpoint", "theirs"), "theirs", {"model": "x"})
    return make_plan(
        World(
            Desired(
                {"prod": gateway or Gateway("prod", "cxone", "https://x")}, {} if wanted is None else {ONE: wanted}
            ),
            {"prod": Observed("prod", (beside,) if seen is None else (beside, seen), complete=complete)},
            LedgerSnapshot(3, {} if applied is None else {ONE: applied}),
            {"prod": Capabilities({"Endpoint": capability or KindCapability()})},
            lambda _gateway, _ref: fingerprint,
        ),
        options or PlanOptions(allow=frozenset({"empty"})),
    )


def action(plan: Plan) -> str | None:
    """The one action of a plan."""
    return plan.changes[0].action.value if plan.changes else None


@pytest.mark.parametrize(
    ("wanted", "applied", "seen", "expected", "code"),
    [
        (resource(), None, None, "create", None),
        (resource(), None, live(), None, "PLAN001"),
        (resource(lifecycle=Lifecycle(adopt=True)), None, live(), "update", None),
        (resource(lifecycle=Lifecycle(adopt=True), secrets={}), None, live(hints={}), "adopt", None),
        (resource(), entry(), None, "create", None),
        (resource(), entry(), live(), None, None),
        (resource(), entry(), live(spec={**SPEC, "model": "n"}), "update", None),
        (None, entry(), live(), "delete", None),
        (None, entry(), None, "forget", None),
        (None, None, live(), None, None),
        (None, entry(protect=True), live(), "delete", "SAFETY004"),
        (None, entry(manage=Manage.NO_DELETE), live(), None, "PLAN003"),
        (None, entry(manage=Manage.CREATE_ONLY), live(), None, "PLAN003"),
        (None, entry(manage=Manage.OBSERVE), live(), None, "PLAN003"),
        (None, entry(manage=Manage.NO_DELETE), None, "forget", None),
        (resource(lifecycle=Lifecycle(manage=Manage.OBSERVE)), None, None, None, None),
        (resource(lifecycle=Lifecycle(manage=Manage.OBSERVE)), None, live(), None, None),
        (resource(lifecycle=Lifecycle(manage=Manage.CREATE_ONLY)), entry(), live(spec={"model": "n"}), None, None),
        (resource(lifecycle=Lifecycle(manage=Manage.CREATE_ONLY)), None, None, "create", None),
    ],
)
def test_an_object(
    wanted: Resource | None, applied: Entry | None, seen: Live | None, expected: str | None, code: str | None
) -> None:
    """Each row of the object table: a wrong cell deletes somebody's endpoint, or never makes one."""
    plan = planned(wanted, applied, seen)
    assert action(plan) == expected
    assert [d.code for d in plan.diagnostics] == ([code] if code else [])


def test_what_was_not_seen_is_neither_made_nor_forgotten() -> None:
    """An unreachable gateway looks empty; acting on that is how fleets were wiped."""
    assert planned(resource(), None, None, complete=False).changes == ()
    assert planned(None, entry(), None, complete=False).changes == ()
    assert planned(resource(), entry(), None, complete=False).drift == ()


def test_without_pruning_what_is_no_longer_declared_stays() -> None:
    """A team that shares a tenant switches pruning off, and must be told what is left lying there."""
    plan = planned(None, entry(), live(), gateway=Gateway("prod", "cxone", "https://x", prune=False))
    assert plan.changes == ()
    assert [d.code for d in plan.diagnostics] == ["PLAN003"]


def test_a_platform_that_cannot_update_replaces() -> None:
    """Where there is no update, the object is made anew, and the plan says so beforehand."""
    changed = live(spec={**SPEC, "model": "n"})
    assert action(planned(resource(), entry(), changed, capability=KindCapability(update=False))) == "replace"


@pytest.mark.parametrize(
    ("now", "ref", "hint", "expected"),
    [
        (SAME, REF, "aaaa", None),
        (SAME, REF, "", None),
        (NEW, REF, "aaaa", Origin.SECRET),
        (NEW, OTHER, "aaaa", Origin.CONFIG),
        (SAME, REF, "zzzz", Origin.DRIFT),
        (NEW, REF, "zzzz", Origin.BOTH),
        (None, REF, "aaaa", None),
        (None, OTHER, "aaaa", Origin.CONFIG),
        (None, REF, "zzzz", Origin.DRIFT),
        (Fingerprint("another key", "a"), REF, "aaaa", Origin.UNCOMPARED),
        (Fingerprint("another key", "a"), OTHER, "aaaa", Origin.CONFIG),
        (Fingerprint("another key", "a"), REF, "zzzz", Origin.DRIFT),
        (SAME, OTHER, "aaaa", None),
    ],
)
def test_a_secret(now: Fingerprint | None, ref: SecretRef, hint: str, expected: Origin | None) -> None:
    """Each row of the secret table: rotations must show, and no run without secrets may rotate everything."""
    plan = planned(resource(secrets={KEY: ref}), entry(), live(hints={KEY: hint}), fingerprint=now)
    origins = [field.origin for change in plan.changes for field in change.fields if field.sensitive]
    assert origins == ([] if expected is None else [expected])
    assert [d.code for d in plan.diagnostics if d.code == "PLAN006"] == (["PLAN006"] if now is None else [])


@pytest.mark.parametrize(
    ("now", "ref", "hint", "expected"),
    [
        (SAME, REF, "aaaa", None),
        (SAME, REF, "", None),
        (None, REF, "aaaa", None),
        (SAME, OTHER, "aaaa", Origin.CONFIG),
        (None, OTHER, "aaaa", Origin.CONFIG),
        (SAME, REF, "zzzz", Origin.DRIFT),
        (None, REF, "zzzz", Origin.DRIFT),
        (SAME, OTHER, "zzzz", Origin.DRIFT),
    ],
)
def test_an_unsent_secret(now: Fingerprint | None, ref: SecretRef, hint: str, expected: Origin | None) -> None:
    """Each row for what was adopted: a fleet that was taken over must not be rotated by the next plan."""
    unsent = entry(fingerprints={})
    plan = planned(resource(secrets={KEY: ref}), unsent, live(hints={KEY: hint}), fingerprint=now)
    origins = [field.origin for change in plan.changes for field in change.fields if field.sensitive]
    assert origins == ([] if expected is None else [expected])
    assert [d.code for d in plan.diagnostics if d.code == "PLAN006"] == ["PLAN006"]


@pytest.mark.parametrize("now", [SAME, None])
def test_a_secret_of_which_the_ledger_knows_nothing_is_set(now: Fingerprint | None) -> None:
    """After a doubt both fingerprint and reference are gone: what is there may be a stranger's, so it is sent."""
    plan = planned(resource(), entry(fingerprints={}, refs={}), live(), fingerprint=now)
    assert [f.origin for f in plan.changes[0].fields] == [Origin.CONFIG]


def test_a_write_takes_unsent_secrets_along_and_says_so() -> None:
    """A write replaces the whole object: whoever approves a new limit approves the key that goes with it."""
    plan = planned(resource(), entry(fingerprints={}), live(spec={**SPEC, "model": "n"}))
    (change,) = plan.changes
    assert {f.path: f.origin for f in change.fields} == {"/spec/model": Origin.DRIFT, KEY: Origin.TAKEOVER}
    assert change.reversible.level is Undo.NONE
    gone = planned(
        None, entry(fingerprints={}), live(), options=PlanOptions(allow=frozenset({"empty", "last-endpoint"}))
    )
    assert gone.changes[0].reversible.level is Undo.NONE


def test_an_unsent_secret_that_was_replaced_is_drift() -> None:
    """What the gateway shows of a key is recorded when it is adopted: a key that changes after that is news."""
    plan = planned(resource(), entry(fingerprints={}), live(hints={KEY: "zzzz"}))
    (drift,) = plan.drift
    assert [f.path for f in drift.fields] == [KEY]


def test_what_was_never_sent_cannot_be_restored() -> None:
    """A roll back that promised to bring an unknown key back would leave an endpoint without one."""
    assert earlier_resource(resource(), live(hints={}), entry(fingerprints={}), lambda _g, _r: SAME) is None


def hook(remote_id: str, name: str, url: str = "https://x.example.com") -> Live:
    """A live webhook."""
    return Live(Address("prod", "Webhook", name), remote_id, {"name": name, "url": url, "events": []})


def test_an_object_is_ours_by_its_id_whatever_its_name() -> None:
    """A name on the gateway may be no name in the language, or be changed there: neither makes another object."""
    mine, odd = Address("prod", "Webhook", "mine"), Address("prod", "Endpoint", "ep-odd")
    seen = Observed("prod", (hook("1", "renamed"), hook("2", "mine"), Live(odd._replace(name="EP odd"), "EP odd", {})))
    entries = {mine: Entry(mine, "1", {}), odd: Entry(odd, "EP odd", {})}
    found = readdressed({"prod": seen}, {}, entries)["prod"]
    assert [(o.address.name, o.remote_id) for o in found.objects] == [
        ("mine", "1"),
        ("mine (2)", "2"),
        ("ep-odd", "EP odd"),
    ]
    same = Observed("prod", (hook("1", "mine"),))
    assert readdressed({"prod": same}, {}, entries)["prod"] is same


def test_without_a_ledger_a_manifest_says_which_object_it_means() -> None:
    """The remote id of an endpoint, and the remote name and url of a webhook, survive the loss of a ledger."""
    odd, second = Address("prod", "Endpoint", "ep-odd"), Address("prod", "Webhook", "costs-2")
    wanted = {
        odd: Resource(odd, {}, remote_id="EP odd"),
        second: Resource(second, {"name": "costs", "url": "https://two.example.com", "events": []}),
    }
    objects = (
        Live(odd._replace(name="EP odd"), "EP odd", {}),
        hook("1", "costs"),
        hook("2", "costs", "https://two.example.com"),
    )
    found = readdressed({"prod": Observed("prod", objects)}, wanted, {})["prod"]
    assert [o.address.name for o in found.objects] == ["ep-odd", "costs", "costs-2"]


def test_ignored_drift_is_left_alone_and_config_still_applies() -> None:
    """A team that lets a console own a limit must still be able to change the model from Git."""
    ignoring = resource(lifecycle=Lifecycle(ignore=("/spec/model",)))
    assert planned(ignoring, entry(), live(spec={**SPEC, "model": "n"})).changes == ()
    changed = resource(lifecycle=Lifecycle(ignore=("/spec/model",)), spec={**SPEC, "model": "o"})
    assert action(planned(changed, entry(), live())) == "update"


def test_server_defaults_are_left_alone() -> None:
    """A field that nobody here ever wrote is none of our business, in every plan from now on."""
    assert planned(resource(), entry(), live(spec={**SPEC, "strategy": "failover"})).changes == ()


def fleet_plan(count: int, changed: int, *allow: str, limit: int | None = None) -> Plan:
    """A plan over many endpoints of which some were changed in the manifests."""
    addresses = [Address("prod", "Endpoint", f"ep-{n:02}") for n in range(count)]
    gateway = Gateway("prod", "cxone", "https://x", limits=Limits(endpoints=limit))
    spec = {"displayName": "d", "provider": "openai", "model": "gpt-4o"}

    def named(n: int, model: str) -> dict[str, Any]:
        return {**spec, "displayName": f"d{n}", "model": model}

    return make_plan(
        World(
            Desired(
                {"prod": gateway},
                {a: Resource(a, named(n, "gpt-4" if n < changed else "gpt-4o")) for n, a in enumerate(addresses)},
            ),
            {"prod": Observed("prod", tuple(Live(a, a.name, named(n, "gpt-4o")) for n, a in enumerate(addresses)))},
            LedgerSnapshot(1, {a: Entry(a, a.name, named(n, "gpt-4o")) for n, a in enumerate(addresses)}),
            {"prod": Capabilities({"Endpoint": KindCapability()})},
            lambda _gateway, _ref: None,
        ),
        PlanOptions(allow=frozenset(allow)),
    )


def test_a_mass_change_needs_a_word() -> None:
    """Three of ten is a rollout, four of ten is a wrong branch."""
    assert not fleet_plan(10, 3).blocked
    assert [d.code for d in fleet_plan(10, 4).diagnostics] == ["SAFETY001"]
    assert not fleet_plan(10, 4, "mass-change").blocked
    assert not fleet_plan(9, 9).blocked


def test_the_last_endpoint_and_the_empty_desired_set_need_a_word() -> None:
    """An empty checkout must not silence every bot."""
    plan = make_plan(
        World(
            Desired({"prod": Gateway("prod", "cxone", "https://x")}, {}),
            {"prod": Observed("prod", (live(),))},
            LedgerSnapshot(1, {ONE: entry()}),
            {"prod": Capabilities({"Endpoint": KindCapability()})},
            lambda _gateway, _ref: SAME,
        ),
        PlanOptions(),
    )
    assert [d.code for d in plan.diagnostics] == ["SAFETY002", "SAFETY003"]


UPDATES, REPLACES = KindCapability(), KindCapability(update=False)


def endpoints_plan(
    *names: str, live: Sequence[str], limit: int | None = None, capability: KindCapability = UPDATES
) -> Plan:
    """A plan that wants endpoints of these names where others live; those of one name differ in their model."""
    wanted = {at: Resource(at, {"model": "new"}) for at in (Address("prod", "Endpoint", name) for name in names)}
    there = [Live(Address("prod", "Endpoint", name), name, {"model": "old"}) for name in live]
    return make_plan(
        World(
            Desired({"prod": Gateway("prod", "cxone", "https://x", limits=Limits(endpoints=limit))}, wanted),
            {"prod": Observed("prod", tuple(there))},
            LedgerSnapshot(1, {o.address: Entry(o.address, o.remote_id, o.spec) for o in there}),
            {"prod": Capabilities({"Endpoint": capability})},
            lambda _gateway, _ref: SAME,
        ),
        PlanOptions(allow=frozenset({"empty"})),
    )


@pytest.mark.parametrize(
    ("wanted", "there", "capability", "code"),
    [
        ("b", "a", UPDATES, "SAFETY003"),
        ("ab", "a", UPDATES, None),
        ("a", "ab", UPDATES, None),
        ("a", "a", REPLACES, "SAFETY003"),
        ("ab", "a", REPLACES, "SAFETY003"),
        ("a", "ab", REPLACES, "SAFETY003"),
        ("ab", "ab", REPLACES, None),
    ],
)
def test_breakers_judge_as_if_every_creation_failed(
    wanted: str, there: str, capability: KindCapability, code: str | None
) -> None:
    """What is to be made may never come: the last endpoint is the last one beside any number of new ones."""
    plan = endpoints_plan(*wanted, live=there, capability=capability)
    assert [d.code for d in plan.diagnostics] == ([] if code is None else [code])


def test_a_tenant_must_have_room_for_old_and_new_at_once() -> None:
    """A deletion waits for what replaces it, so that at the limit neither could begin."""
    assert [d.code for d in endpoints_plan("a", "c", live=("a", "b"), limit=2).diagnostics] == ["SAFETY005"]
    assert endpoints_plan("a", "c", live=("a", "b"), limit=3).diagnostics == ()


def test_what_must_not_be_deleted_is_not_replaced() -> None:
    """A replacement deletes first; the manifest's own word counts, so that it is the way out as well."""
    moved, unable = live(spec={**SPEC, "model": "n"}), KindCapability(update=False)
    kept = resource(lifecycle=Lifecycle(manage=Manage.NO_DELETE))
    assert [d.code for d in planned(kept, entry(), moved, capability=unable).diagnostics] == ["PLAN004"]
    remembered = planned(resource(), entry(manage=Manage.NO_DELETE), moved, capability=unable)
    assert remembered.diagnostics == ()


def test_an_incomplete_plan_is_never_complete_by_accident() -> None:
    """`complete` is what apply trusts."""
    assert planned(resource(), entry(), live()).complete
    assert not planned(resource(), entry(), live(), complete=False).complete


def test_reason_and_drift_say_what_happened() -> None:
    """Drift is shown apart from the change that repairs it."""
    plan = planned(resource(), entry(), live(spec={**SPEC, "model": "n"}))
    (drift,) = plan.drift
    assert drift.action is Action.UPDATE
    assert [(f.path, f.before, f.after) for f in drift.fields] == [("/spec/model", "n", "m")]
    assert plan.changes[0].reason == "changed outside"
    assert plan.summary.drifted == 1


def test_a_kind_that_was_not_seen_matters_where_one_is_declared_or_applied() -> None:
    """A tenant without webhooks must be usable; one whose endpoints could not be read must not be planned."""

    def complete(unseen: frozenset[str], entries: dict[Address, Entry]) -> bool:
        world = World(
            Desired({"prod": Gateway("prod", "cxone", "https://x")}, {ONE: resource()}),
            {"prod": Observed("prod", (live(),), complete=False, unseen=unseen)},
            LedgerSnapshot(3, {ONE: entry(), **entries}),
            {"prod": Capabilities({"Endpoint": KindCapability(), "Webhook": KindCapability()})},
            lambda _gateway, _ref: SAME,
        )
        plan = make_plan(world, PlanOptions())
        assert plan.changes == ()
        return plan.complete

    hook = Address("prod", "Webhook", "costs")
    assert complete(frozenset({"Webhook"}), {})
    assert not complete(frozenset({"Webhook"}), {hook: entry(address=hook)})
    assert not complete(frozenset({"Endpoint"}), {})
    assert not complete(frozenset(), {})


def test_a_rotation_is_blocked_where_the_settings_forbid_it() -> None:
    """Where another tool rotates keys, sending one from here would undo its work."""
    rotated = planned(resource(), entry(), live(), fingerprint=NEW, options=PlanOptions(rotations=Rotations.FORBID))
    assert [d.code for d in rotated.diagnostics if d.severity.value == "error"] == ["SAFETY007"]
    named = planned(
        resource(secrets={KEY: OTHER}),
        entry(),
        live(),
        fingerprint=NEW,
        options=PlanOptions(rotations=Rotations.FORBID),
    )
    assert not named.blocked
