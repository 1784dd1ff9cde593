"""Taking over writes to the ledger and nowhere else, and a missing secret stops writes and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from engine_bench import KEY_PATH, Engine, at, endpoint, keyed

from reconciler.engine import adopted, survey, taking_over
from reconciler.errors import Blocked, InputError
from reconciler.model.diagnostic import Severity
from reconciler.model.memory import Entry
from reconciler.model.resource import Resource
from reconciler.model.run import RunStatus
from reconciler.model.secret import Fingerprint
from reconciler.testing.fakes import StaticVault

UNSET = "NOT_SET"


async def take(bench: Engine, *wanted: Resource) -> None:
    """Take these over, as they live."""
    bench.wanted = wanted
    assembly = bench.assembly
    seen = await survey(assembly)
    entries = [adopted(resource, seen.live[resource.address], None) for resource in wanted]
    async with taking_over(assembly, seen, entries):
        pass


def taken_over(*wanted: Resource) -> Engine:
    """A gateway where these live, made by somebody else, with a key that ends in 9999, and now ours."""
    bench = Engine()
    for resource in wanted:
        bench.gateway.put(resource.address, resource.spec, hint="9999")
    asyncio.run(take(bench, *wanted))
    return bench


def test_taking_over_writes_nothing_to_the_gateway() -> None:
    """The first touch of somebody's live fleet must not be a write."""
    bench = taken_over(keyed(key=UNSET))
    assert set(bench.gateway.calls) == {"observe"}
    entry = asyncio.run(bench.entry())
    assert entry is not None
    assert (entry.fingerprints, entry.refs, entry.hints) == ({}, {KEY_PATH: "env:NOT_SET"}, {KEY_PATH: "9999"})
    assert [e["address"] for e in bench.audit.named("object.adopted")] == ["prod/Endpoint/ep"]
    (run,) = asyncio.run(bench.ledger.history(9))
    assert (run.status, run.counts) == ("ok", {"applied": 1})


def test_the_plan_after_it_is_empty_and_says_what_is_not_set() -> None:
    """Secrets that nobody has filled in yet are a warning for as long as nothing needs them."""
    bench = taken_over(keyed(key=UNSET), keyed("other", key="K"))
    plan = asyncio.run(bench.plan(keyed(key=UNSET), keyed("other", key="K"))).plan
    assert plan.empty
    assert not plan.drift
    assert not plan.blocked
    assert sorted(d.code for d in plan.diagnostics) == ["ADOPT001", "PLAN006"]
    (warning,) = [d for d in plan.diagnostics if d.code == "ADOPT001"]
    assert warning.severity is Severity.WARNING
    assert "env:NOT_SET" in warning.detail
    run = asyncio.run(bench.apply(keyed(key=UNSET), keyed("other", key="K")))
    assert run.status is RunStatus.NOTHING


def test_a_write_that_needs_a_missing_secret_is_blocked() -> None:
    """A body without its key would be refused in the middle of an apply, or worse, be taken."""
    bench = taken_over(keyed(key=UNSET))
    plan = asyncio.run(bench.plan(keyed(key=UNSET, model="m2"))).plan
    assert [d.code for d in plan.diagnostics if d.severity is Severity.ERROR] == ["SECRET001"]
    assert "ADOPT001" not in {d.code for d in plan.diagnostics}
    with pytest.raises(Blocked):
        asyncio.run(bench.apply(keyed(key=UNSET, model="m2")))
    assert "update" not in bench.gateway.calls


@pytest.mark.parametrize("case", ["another reference", "not ours", "sent before"])
def test_any_other_missing_secret_is_an_error_at_once(case: str) -> None:
    """The leniency is for what was adopted under this very reference, and for nothing else."""
    bench = taken_over(keyed(key=UNSET))
    wanted = {"another reference": keyed(key="ALSO_NOT_SET"), "not ours": keyed("new", key=UNSET)}.get(
        case, keyed(key=UNSET)
    )
    if case == "sent before":
        entry = asyncio.run(bench.entry())
        assert entry is not None
        bench.ledger._entries[at("ep")] = replace(entry, fingerprints={KEY_PATH: Fingerprint("k", "d")})
    with pytest.raises(InputError):
        asyncio.run(bench.plan(wanted))


def test_the_first_write_sends_the_secret_and_ends_the_doubt() -> None:
    """From then on the key is ours, and its rotations show."""
    bench = taken_over(keyed())
    run = asyncio.run(bench.apply(keyed(model="m2")))
    assert run.status is RunStatus.OK
    entry = asyncio.run(bench.entry())
    assert entry is not None
    assert entry.fingerprints.keys() == {KEY_PATH}
    plan = asyncio.run(bench.plan(keyed(model="m2"))).plan
    assert (plan.empty, plan.diagnostics) == (True, ())
    bench.vault = StaticVault({"K": "sk-rotated-3333", "L": "sk-second-2222"})
    assert not asyncio.run(bench.plan(keyed(model="m2"))).plan.empty


def test_a_catch_up_does_not_claim_that_a_secret_was_sent() -> None:
    """An apply of something else completes ledger entries; an unsent key stays unsent."""
    bench = taken_over(keyed())
    asyncio.run(bench.apply(keyed(), endpoint("new")))
    entry = asyncio.run(bench.entry())
    assert entry is not None
    assert entry.fingerprints == {}
    assert entry.refs == {KEY_PATH: "env:K"}


def test_a_ledger_that_moved_since_the_survey_is_looked_at_again() -> None:
    """Between looking and recording another run may have made, or removed, the very object."""
    bench = Engine()
    bench.gateway.put(at("ep"), endpoint().spec)
    bench.wanted = [endpoint()]

    async def raced() -> None:
        seen = await survey(bench.assembly)
        await bench.apply(endpoint("quick"))
        bench.wanted = [endpoint()]
        async with taking_over(bench.assembly, seen, [adopted(endpoint(), seen.live[at("ep")], None)]):
            pytest.fail("nothing may be written")

    with pytest.raises(Blocked):
        asyncio.run(raced())


def test_nothing_is_recorded_when_the_files_cannot_be_written() -> None:
    """Owned and not declared means deleted by the next apply."""
    bench = Engine()
    bench.gateway.put(at("ep"), endpoint().spec)
    bench.wanted = [endpoint()]

    async def failing() -> None:
        seen = await survey(bench.assembly)
        async with taking_over(bench.assembly, seen, [adopted(endpoint(), seen.live[at("ep")], None)]):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        asyncio.run(failing())
    assert asyncio.run(bench.entry()) is None


def test_what_is_free_is_neither_declared_nor_owned() -> None:
    """Importing what a manifest or the ledger has already would declare it twice."""
    bench = taken_over(endpoint("owned"))
    for name in ("declared", "free"):
        bench.gateway.put(at(name), endpoint().spec)
    bench.wanted = [endpoint("declared")]
    seen = asyncio.run(survey(bench.assembly))
    assert [live.remote_id for live in seen.unclaimed["prod"]] == ["free"]


def test_a_key_that_came_with_the_live_object_is_unsent_and_others_stay_known() -> None:
    """Writing live values back must neither forget what was sent nor claim what was not."""
    old = Entry(
        at("ep"), "ep", {"credentials": {"k1": {"priority": 1}}}, {KEY_PATH: Fingerprint("k", "d")}, {KEY_PATH: "env:K"}
    )
    resource = keyed()
    more = "/spec/credentials/k2/apiKey"
    wanted = replace(
        resource,
        spec={**resource.spec, "credentials": {"k1": {"priority": 1}, "k2": {"priority": 2}}},
        secrets={**resource.secrets, more: resource.secrets[KEY_PATH]},
    )
    bench = Engine()
    live = bench.gateway.put(at("ep"), wanted.spec)
    entry = adopted(wanted, live, old)
    assert entry.fingerprints == old.fingerprints
    assert entry.refs == {KEY_PATH: "env:K", more: "env:K"}
    doubted = adopted(resource, live, replace(old, fingerprints={}, refs={}))
    assert doubted.refs == {}, "a doubt about a key is not cleared by adopting"
