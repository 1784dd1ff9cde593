"""What an interrupted run left open, decided by looking: every row of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_bench import KEY_PATH, at

from reconciler.engine.assembly import Leftovers
from reconciler.engine.leftover import addresses, resolve
from reconciler.model.change import Action
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, Intent, LedgerSnapshot
from reconciler.model.secret import Fingerprint

EP = at("ep")
BEFORE = Entry(EP, "ep", {"model": "m1"}, {KEY_PATH: Fingerprint("k", "old")}, revision="1")
AFTER = Entry(EP, "ep", {"model": "m2"}, {KEY_PATH: Fingerprint("k", "new")}, {KEY_PATH: "env:K"})


def live(model: str, revision: str | None = "2", **more: object) -> Live:
    """What stands on the gateway, with a field of the server's own."""
    return Live(EP, "ep", {"model": model, "region": "eu", **more}, hints={KEY_PATH: "1111"}, revision=revision)


def intent(action: Action, after: Entry | None = AFTER, **more: object) -> Intent:
    """A write that was about to leave."""
    return replace(Intent("run", EP, action, after, "ep", "1"), **more)  # type: ignore[arg-type]  # fields by name


def decided(open_intent: Intent, *objects: Live, entry: Entry | None = BEFORE) -> Entry | None:
    """The entry that the ledger holds once the intent is resolved; what is said of it is consistent."""
    entries = {} if entry is None else {EP: entry}
    snapshot = LedgerSnapshot(7, entries, {open_intent.address: open_intent})
    found = resolve(snapshot, {"prod": Observed("prod", objects)})
    assert set(found.entries) == {EP} == set(addresses(found))
    assert found.snapshot.entries.get(EP) == found.entries[EP]
    assert not found.snapshot.intents
    assert found.snapshot.serial == 7
    assert not found.none
    return found.entries[EP]


def test_a_creation_that_never_landed_leaves_nothing() -> None:
    """The next plan creates it, as if nothing had happened."""
    assert decided(intent(Action.CREATE, before_revision=None, remote_id=None), entry=None) is None


def test_a_creation_that_landed_is_ours() -> None:
    """Without this the next plan would say of our own object that it is somebody else's."""
    found = decided(intent(Action.CREATE, before_revision=None, remote_id=None), live("m2", "1"), entry=None)
    assert found == replace(AFTER, fingerprints={}, refs={}, hints={KEY_PATH: "1111"}, revision="1")


def test_a_creation_that_finds_something_else_is_not_ours() -> None:
    """Somebody was quicker: the plan must ask, and not take over."""
    assert decided(intent(Action.CREATE, before_revision=None, remote_id=None), live("other"), entry=None) is None


def test_a_webhook_gets_the_id_that_the_gateway_chose() -> None:
    """The intent could not know it, and every later write needs it."""
    address = at("hook", "Webhook")
    opened = Intent("run", address, Action.CREATE, Entry(address, "hook", {"url": "u"}))
    seen = (Live(address, "wh-1", {"url": "other"}), Live(address, "wh-2", {"url": "u"}))
    found = resolve(LedgerSnapshot(1, {}, {address: opened}), {"prod": Observed("prod", seen)}).entries[address]
    assert found is not None
    assert found.remote_id == "wh-2"


@pytest.mark.parametrize(
    ("seen", "landed"),
    [
        (live("m2", "2"), True),
        (live("m2", None), True),
        (live("m2", "1"), False),
        (live("m1", "1"), False),
        (live("m3", "2"), False),
        (live("m1", "2"), False),
    ],
    ids=["moved and equal", "equal without revisions", "not moved", "as before", "another's", "moved, as before"],
)
def test_an_update_landed_where_the_revision_moved_to_what_was_meant(seen: Live, *, landed: bool) -> None:
    """Equality alone proves nothing (somebody may have written it before us), nor does a revision alone."""
    wanted = replace(AFTER, fingerprints={}, refs={}, hints={KEY_PATH: "1111"}, revision=seen.revision)
    assert decided(intent(Action.UPDATE), seen) == (wanted if landed else BEFORE)


def test_an_update_of_what_is_gone_did_not_land() -> None:
    """The entry stays, so that the plan can say that the object is gone."""
    assert decided(intent(Action.UPDATE)) == BEFORE


def test_fingerprints_are_not_taken_from_an_intention() -> None:
    """No read tells whose key is there; remembered as ours, a stranger's key would stay for ever."""
    found = decided(intent(Action.UPDATE), live("m2"))
    assert found is not None
    assert not found.fingerprints
    assert not found.refs, "a reference on record without a fingerprint would mean: adopted, leave it alone"


@pytest.mark.parametrize(
    ("seen", "kept"),
    [((), None), ((live("m1", "1"),), BEFORE), ((replace(live("m1"), remote_id="another"),), None)],
    ids=["gone", "there", "another of the name"],
)
def test_a_deletion_landed_where_the_object_is_gone(seen: tuple[Live, ...], kept: Entry | None) -> None:
    """Another object of the same name is not the one that was to go."""
    assert decided(intent(Action.DELETE, None), *seen) == kept


@pytest.mark.parametrize("action", [Action.ADOPT, Action.FORGET])
def test_what_touches_the_ledger_alone_did_not_happen(action: Action) -> None:
    """Its settlement is its only effect, and that is not there."""
    assert decided(intent(action), live("m2")) == BEFORE


def test_candidates_are_to_be_removed() -> None:
    """A candidate that an interrupted run left costs money and uses up the tenant's limit."""
    opened = intent(Action.UPDATE, scratch="ep-candidate-1")
    found = resolve(LedgerSnapshot(1, {EP: BEFORE}, {EP: opened}), {"prod": Observed("prod", (live("m1", "1"),))})
    assert found.scratch == (("prod", "ep-candidate-1"),)


def test_nothing_is_decided_about_what_was_not_seen() -> None:
    """Absence in a list that broke off proves nothing: the intent stays for a run that can look."""
    elsewhere = at("ep", gateway="other")
    snapshot = LedgerSnapshot(1, {EP: BEFORE}, {EP: intent(Action.DELETE, None), elsewhere: intent(Action.CREATE)})
    found = resolve(snapshot, {"prod": Observed("prod", (), complete=False)})
    assert found == Leftovers(snapshot)
    assert found.none


def test_other_entries_and_intents_are_left_alone() -> None:
    """Resolving one object must not lose the memory of another."""
    other, elsewhere = replace(BEFORE, address=at("two")), intent(Action.CREATE, address=at("ep", gateway="other"))
    snapshot = LedgerSnapshot(
        1, {EP: BEFORE, at("two"): other}, {EP: intent(Action.DELETE, None), elsewhere.address: elsewhere}
    )
    found = resolve(snapshot, {"prod": Observed("prod", ())}).snapshot
    assert found.entries == {at("two"): other}
    assert found.intents == {elsewhere.address: elsewhere}


def test_a_clean_ledger_is_passed_on_as_it_is() -> None:
    """The usual case, and the cheapest."""
    snapshot = LedgerSnapshot(1, {EP: BEFORE})
    assert resolve(snapshot, {"prod": Observed("prod", ())}).snapshot is snapshot


def test_what_was_made_anew_may_bear_the_old_number() -> None:
    """A gateway that counts each object's writes begins again at one; ours would read as somebody else's."""
    wanted = replace(AFTER, fingerprints={}, refs={}, hints={KEY_PATH: "1111"}, revision="1")
    assert decided(intent(Action.REPLACE), live("m2", "1"), entry=None) == wanted
    assert decided(intent(Action.REPLACE), live("m1", "1")) == BEFORE
