"""One live object has one owner: renames, given ids and exchanged names never cost anybody an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from scenario_bench import Bench, endpoint, webhook

WRITES = {"PUT", "POST", "PATCH", "DELETE"}


def named(document: str, metadata: str) -> str:
    """The same document with other metadata."""
    head, _, rest = document.partition("metadata: {")
    return f"{head}metadata: {{{metadata}}}{rest.partition('}')[2]}"


def actions(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a plan or run does to which name."""
    changes = document.get("changes", document.get("outcomes"))
    assert changes is not None
    return [(change["action"], change["address"].rpartition("/")[2]) for change in changes]


def codes(document: Mapping[str, Any]) -> set[str]:
    """The codes of errors and warnings."""
    return {d["code"] for d in document["diagnostics"] if d["severity"] != "info"}


def written(bench: Bench) -> list[tuple[str, str]]:
    """Writes that reached the gateway since the last look."""
    found = [(r["method"], r["path"]) for r in bench.requests()["last"]]
    bench.forget_requests()
    return [(method, path) for method, path in found if method in WRITES and "token" not in path]


def lose_the_ledger(bench: Bench) -> None:
    """As a checkout on a new machine has none."""
    (bench.root / ".reconciler" / "ledger.sqlite").unlink()


def settled(bench: Bench) -> None:
    """Nothing is left to do."""
    plan = bench.plan()
    assert (plan.code, plan.json["changes"]) == (0, []), plan.out


@pytest.mark.parametrize("more", ["", "lifecycle: {adopt: true}\n"])
def test_a_rename_that_states_the_id_moves_the_entry_and_writes_nothing(bench: Bench, more: str) -> None:
    """A nicer name for a manifest once deleted the live endpoint that it stood for."""
    bench.manifests(endpoint("ep-a", more=more), endpoint("ep-b"))
    assert bench.apply().code == 0
    before, _ = bench.endpoints(), written(bench)
    bench.manifests(named(endpoint("ep-a", more=more), "name: chat-prod, remoteId: ep-a"), endpoint("ep-b"))
    plan = bench.plan()
    assert (plan.code, actions(plan.json)) == (2, [("move", "chat-prod")])
    assert plan.json["changes"][0]["moved_from"] == "prod/Endpoint/ep-a"
    assert plan.json["summary"]["move"] == 1
    assert plan.json["summary"]["unchanged"] == 1
    done = bench.apply()
    assert (done.code, actions(done.json)) == (0, [("move", "chat-prod")]), done.out + done.err
    assert written(bench) == []
    assert bench.endpoints() == before
    settled(bench)
    entries = bench.run("ledger", "list", "--format", "json").json["entries"]
    addresses = [entry["address"] for entry in entries if "/Endpoint/" in entry["address"]]
    assert addresses == ["prod/Endpoint/chat-prod", "prod/Endpoint/ep-b"]
    assert "object.moved" in (bench.root / ".reconciler" / "audit.jsonl").read_text()


def test_a_rename_may_change_the_object_as_well(bench: Bench) -> None:
    """One commit often does both; the change is an update of the same object, and the plan says that it moves."""
    bench.manifests(endpoint("ep-a"))
    assert bench.apply().code == 0
    bench.manifests(named(endpoint("ep-a", rpm=700), "name: chat-prod, remoteId: ep-a"))
    plan = bench.plan()
    assert actions(plan.json) == [("update", "chat-prod")]
    assert plan.json["changes"][0]["moved_from"] == "prod/Endpoint/ep-a"
    assert bench.apply().code == 0
    assert [e["rateLimits"]["requestsPerMinute"] for e in bench.endpoints().values()] == [700]
    settled(bench)


def test_a_rename_is_said_by_moved_from_and_keeps_the_id(bench: Bench) -> None:
    """Where the name is the id, the object keeps its own: in the ledger, without it, and once the word is taken out."""
    bench.manifests(endpoint("ep-a"))
    assert bench.apply().code == 0
    before, _ = bench.endpoints(), written(bench)
    moved = named(endpoint("ep-a"), "name: chat, movedFrom: ep-a")
    bench.manifests(moved)
    plan = bench.plan()
    assert actions(plan.json) == [("move", "chat")]
    assert "PLAN033" in {d["code"] for d in plan.json["diagnostics"]}
    assert bench.apply().code == 0
    settled(bench)
    bench.manifests(named(endpoint("ep-a"), "name: chat"))
    settled(bench)
    bench.manifests(named(endpoint("ep-a"), "name: talk, movedFrom: chat"))
    assert actions(bench.plan().json) == [("move", "talk")]
    assert bench.apply().code == 0
    settled(bench)
    assert written(bench) == []
    lose_the_ledger(bench)
    bench.manifests(named(endpoint("ep-a"), "name: chat, movedFrom: ep-a"))
    lost = bench.plan()
    assert (lost.code, codes(lost.json)) == (3, {"PLAN001"})
    assert any("movedFrom says" in d["detail"] for d in lost.json["diagnostics"])
    assert bench.run("adopt", "prod/Endpoint/chat", "--auto-approve").code == 0
    settled(bench)
    assert bench.endpoints() == before


def test_a_webhook_is_renamed_too(bench: Bench) -> None:
    """Its id is the gateway's own, so that only the manifest can say what it was called."""
    bench.manifests(webhook("costs"))
    assert bench.apply().code == 0
    written(bench)
    bench.manifests(named(webhook("costs"), "name: billing, movedFrom: costs"))
    assert actions(bench.plan().json) == [("move", "billing")]
    assert bench.apply().code == 0
    settled(bench)
    assert written(bench) == []
    assert len(bench.call("GET", "/api/v1/llm/gateway/webhooks", headers=bench.token())["items"]) == 1


def test_a_webhook_that_is_recognized_is_not_deleted(bench: Bench) -> None:
    """Display name and URL say which one is meant, whatever the manifest calls it."""
    shown = webhook("costs").replace("spec:", "spec:\n  displayName: costs")
    bench.manifests(shown)
    assert bench.apply().code == 0
    written(bench)
    bench.manifests(named(shown, "name: billing"))
    assert actions(bench.plan().json) == [("move", "billing")]
    assert bench.apply().code == 0
    settled(bench)
    assert written(bench) == []


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ((endpoint("one"), named(endpoint("two"), "name: two, movedFrom: one")), "REF012"),
        ((named(endpoint("two"), "name: two, movedFrom: two"),), "REF012"),
        (
            (
                named(endpoint("two"), "name: two, movedFrom: one"),
                named(endpoint("three"), "name: three, movedFrom: one"),
            ),
            "REF013",
        ),
        ((endpoint("one"), named(endpoint("two"), "name: two, remoteId: one")), "POLICY014"),
        (
            (
                named(endpoint("one"), "name: one, remoteId: EP"),
                named(endpoint("two"), "name: two, remoteId: EP"),
            ),
            "POLICY014",
        ),
        (
            (webhook("one"), named(webhook("one"), "name: two").replace("spec:", "spec:\n  displayName: one")),
            "POLICY014",
        ),
    ],
)
def test_validate_refuses_two_owners_of_one_object(bench: Bench, documents: tuple[str, ...], code: str) -> None:
    """Two documents of one object overwrite each other turn by turn, and both look applied."""
    bench.manifests(*documents)
    done = bench.run("validate", "--format", "json")
    assert done.code == 1
    found = [d for d in done.json["diagnostics"] if d["code"] == code]
    assert len({(d["file"], d["line"], d["column"]) for d in found}) == (2 if code == "POLICY014" else 1), found


def test_ids_that_are_exchanged_are_exchanged(bench: Bench) -> None:
    """Each object gets what its new document says; nothing is deleted, with a ledger and without."""

    def fleet(one: str, two: str) -> None:
        more = "lifecycle: {adopt: true}\n"
        bench.manifests(
            named(endpoint("one", rpm=100, more=more), f"name: one, remoteId: {one}").replace(
                "shown-one", f"shown-{one}"
            ),
            named(endpoint("two", rpm=200, more=more), f"name: two, remoteId: {two}").replace(
                "shown-two", f"shown-{two}"
            ),
        )

    fleet("A", "B")
    assert bench.apply().code == 0
    fleet("B", "A")
    plan = bench.plan()
    assert actions(plan.json) == [("update", "one"), ("update", "two")]
    kept = (bench.root / ".reconciler" / "ledger.sqlite").read_bytes()
    lose_the_ledger(bench)
    assert actions(bench.plan().json) == [("update", "one"), ("update", "two")]
    (bench.root / ".reconciler" / "ledger.sqlite").write_bytes(kept)
    assert bench.apply().code == 0
    limits = {key: e["rateLimits"]["requestsPerMinute"] for key, e in bench.endpoints().items()}
    assert limits == {"A": 200, "B": 100}
    settled(bench)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: one, remoteId: A", "name: one, remoteId: B"),
        ("name: one, remoteId: A", "name: one"),
        ("name: one", "name: one, remoteId: B"),
    ],
)
def test_another_id_is_another_object(bench: Bench, before: str, after: str) -> None:
    """What the manifest means now is made, and what it meant stays where it is: an id is no order to delete."""
    bench.manifests(named(endpoint("one"), before))
    assert bench.apply().code == 0
    old = set(bench.endpoints())
    bench.manifests(named(endpoint("one", rpm=700), after).replace("shown-one", "another"))
    plan = bench.plan()
    assert (actions(plan.json), codes(plan.json)) == ([("create", "one")], {"PLAN032"})
    kept = (bench.root / ".reconciler" / "ledger.sqlite").read_bytes()
    lose_the_ledger(bench)
    assert actions(bench.plan().json) == [("create", "one")]
    (bench.root / ".reconciler" / "ledger.sqlite").write_bytes(kept)
    assert bench.apply().code == 0
    assert old < set(bench.endpoints())
    assert len(bench.endpoints()) == 2
    settled(bench)


def shown(name: str, display: str, rpm: int = 600) -> str:
    """An endpoint with a display name of its own."""
    return endpoint(name, rpm=rpm).replace(f"shown-{name}", display)


def test_display_names_that_are_passed_on_are_written_in_turn(bench: Bench) -> None:
    """The gateway refuses a name that somebody still has: whoever takes it comes after who gives it up."""
    bench.manifests(shown("one", "first"), shown("two", "second"))
    assert bench.apply().code == 0
    bench.manifests(shown("one", "second"), shown("three", "first"), shown("two", "third"))
    plan = bench.plan()
    order = [name for _, name in actions(plan.json)]
    assert order == ["two", "one", "three"], plan.out
    done = bench.apply()
    assert done.code == 0, done.out + done.err
    assert {e["name"] for e in bench.endpoints().values()} == {"first", "second", "third"}
    settled(bench)


def test_display_names_that_are_exchanged_are_refused_in_the_plan(bench: Bench) -> None:
    """No order would do: better said before the first write than by a 409 in the middle."""
    bench.manifests(shown("one", "first"), shown("two", "second"))
    assert bench.apply().code == 0
    before, _ = bench.endpoints(), written(bench)
    bench.manifests(shown("one", "second"), shown("two", "first"))
    plan = bench.plan()
    assert (plan.code, codes(plan.json)) == (3, {"SAFETY006"}), plan.out
    assert bench.apply().code == 3
    assert (written(bench), bench.endpoints()) == ([], before)


def test_what_a_list_lacks_is_read_by_its_id(bench: Bench) -> None:
    """A webhook that a list leaves out was made a second time; an endpoint, forgotten."""
    bench.manifests(endpoint("one"), webhook("costs"), webhook("other"))
    assert bench.apply().code == 0
    path = "/api/v1/llm/gateway/*s"
    bench.faults({"match": {"path": path, "method": "GET"}, "do": {"stale": True}})
    hooks = bench.call("GET", "/api/v1/llm/gateway/webhooks", headers=bench.token())
    assert hooks["items"] == [], "the list is behind"
    settled(bench)
    bench.manifests(endpoint("one"), webhook("other"))
    assert actions(bench.plan().json) == [("delete", "costs")]
    bench.faults(
        {"match": {"path": path, "method": "GET"}, "do": {"stale": True}},
        {"match": {"path": "/api/v1/llm/gateway/webhooks/*", "method": "GET"}, "do": {"status": 500}},
    )
    doubtful = bench.plan()
    assert (doubtful.code, doubtful.json["complete"], doubtful.json["changes"]) == (1, False, [])


IGNORING = "lifecycle: {ignore: [/spec/rateLimits/requestsPerMinute, /spec/credentials/key-2/priority]}\n"
SECOND = "    - {keyId: key-2, priority: 7, apiKey: {env: KEY_B}}\n"


def two_keys(*, model: str = "gpt-4-turbo", first: str = "KEY_A", more: str = IGNORING) -> str:
    """An endpoint with two keys, of which others look after a limit and a rank."""
    return endpoint("one", model=model, key=first, more=more).replace("  rateLimits", f"{SECOND}  rateLimits")


def looked_after(bench: Bench) -> tuple[int, int]:
    """What others look after, as it is live."""
    [live] = bench.endpoints().values()
    [rank] = [c["priority"] for c in live["credentials"] if c["keyId"] == "key-2"]
    return live["rateLimits"]["requestsPerMinute"], rank


def test_what_is_ignored_stays_as_others_set_it_in_every_write(bench: Bench) -> None:
    """A write replaces the whole object: an update of something else put the manifest's value back, unshown."""
    bench.manifests(two_keys())
    assert bench.apply().code == 0
    live = bench.endpoints()["one"]
    ranked = [{**c, "apiKey": "sk-colleague-0123456789abcdef"} for c in live["credentials"]]
    ranked = [{**c, "priority": 9} if c["keyId"] == "key-2" else c for c in ranked]
    limits = {**live["rateLimits"], "requestsPerMinute": 999}
    path = "/api/v1/llm/gateway/endpoints/one"
    keys = {"key-1": bench.environ["KEY_A"], "key-2": bench.environ["KEY_B"]}
    ranked = sorted(({**c, "apiKey": keys[c["keyId"]]} for c in ranked), key=lambda c: -c["priority"])
    bench.call("PUT", path, {**live, "rateLimits": limits, "credentials": ranked}, bench.token())
    settled(bench)

    bench.manifests(two_keys(model="gpt-4o"))
    assert [f["path"] for f in bench.plan().json["changes"][0]["fields"]] == ["/spec/model"]
    assert bench.apply().code == 0
    assert looked_after(bench) == (999, 9)
    bench.environ["KEY_A"] = "sk-rotated-0123456789abcd"
    assert bench.apply().code == 0
    assert bench.endpoints()["one"]["credentials"][-1]["apiKey"].endswith("abcd")
    assert looked_after(bench) == (999, 9)
    settled(bench)

    lose_the_ledger(bench)
    bench.manifests(two_keys(model="gpt-4-turbo", more=IGNORING.replace("{ignore", "{adopt: true, ignore")))
    assert bench.apply().code == 0
    assert looked_after(bench) == (999, 9)
    settled(bench)


def test_a_credential_that_only_the_gateway_has_cannot_be_ignored(bench: Bench) -> None:
    """Its key is never shown, and a write sends all of them: it would be gone, whatever the manifest says."""
    more = "lifecycle: {ignore: [/spec/credentials/theirs]}\n"
    bench.manifests(endpoint("one", more=more))
    assert bench.apply().code == 0
    live = bench.endpoints()["one"]
    theirs = {"keyId": "theirs", "priority": 9, "apiKey": "sk-theirs-0123456789"}
    ours = [{**c, "apiKey": bench.environ["KEY_A"]} for c in live["credentials"]]
    bench.call("PUT", "/api/v1/llm/gateway/endpoints/one", {**live, "credentials": [theirs, *ours]}, bench.token())
    settled(bench)
    bench.manifests(endpoint("one", rpm=700, more=more))
    plan = bench.plan()
    assert (plan.code, codes(plan.json)) == (3, {"PLAN034"})
    assert bench.apply().code == 3
    assert len(bench.endpoints()["one"]["credentials"]) == 2
