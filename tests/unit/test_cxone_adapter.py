"""CXone's adapter against gateways that lack calls, lose answers, and answer what the contract does not know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from wire import Wire, listening

from reconciler.embedded import FaultPlan, serve
from reconciler.errors import (
    Conflict,
    GatewayError,
    OutcomeUnknown,
    Rejected,
    SecretMissing,
    Unsupported,
)
from reconciler.model.address import Address
from reconciler.model.diagnostic import Severity
from reconciler.model.live import Live
from reconciler.model.ports import Ask
from reconciler.model.resource import Gateway, Guard, Resource
from reconciler.model.run import Check, Verdict
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms.cxone import PLATFORM
from reconciler.platforms.cxone.adapter import CxoneAdapter, guard_of
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import BearerCredential, Target, connect

Said = tuple[int, dict[str, str], Any]
Script = Sequence[Said]

ENDPOINT = PLATFORM.normalize(
    Resource(
        Address("prod", "Endpoint", "ep-one"),
        {
            "provider": "openai",
            "model": "gpt-4o",
            "credentials": {"k1": {"priority": 1}},
            "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
        },
        {"/spec/credentials/k1/apiKey": SecretRef("env", ("K",))},
    )
)
WEBHOOK = Resource(
    Address("prod", "Webhook", "hook"),
    {"name": "hook", "url": "https://h.example.com", "events": ["endpoint.created"]},
    {"/spec/secret": SecretRef("env", ("S",))},
)
KEYS = {"/spec/credentials/k1/apiKey": SecretValue("without+a/shape==")}
HOOK_KEYS = {"/spec/secret": SecretValue("whsec-0123456789")}

STORED: dict[str, Any] = {
    "endpointId": "ep-one",
    "version": 1,
    "name": "ep-one",
    "provider": "openai",
    "model": "gpt-4o",
    "credentials": [{"keyId": "k1", "apiKey": "****cdef", "priority": 1}],
    "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
    "fallbackStrategy": "failover",
}
HOOKED: dict[str, Any] = {"id": "wh-1", "version": 1, "name": "hook", "url": "https://h.example.com", "events": []}
READY: dict[str, Any] = {"latencyMs": 1, "quotaRemaining": 9, "providerReachable": True}
LIVE = Live(ENDPOINT.address, "ep-one", ENDPOINT.spec, STORED, etag='"1"')
LIVE_HOOK = Live(WEBHOOK.address, "wh-1", WEBHOOK.spec, HOOKED, etag='"1"')


@asynccontextmanager
async def scripted(answers: Script, gateway: Gateway | None = None) -> AsyncIterator[tuple[CxoneAdapter, Wire]]:
    """An adapter before a gateway that answers from a script."""
    async with listening(answers) as wire:
        client = connect(Target("prod", wire.url, concurrency=1), FakeClock(), RecordingProgress())
        try:
            yield PLATFORM.open(gateway or Gateway("prod", "cxone", wire.url), client), wire
        finally:
            await client.close()


def sent(wire: Wire) -> list[str]:
    """Request lines, without the prefix that all share."""
    return [request.split("\n")[0].replace("/api/v1/llm/gateway", "") for request in wire.requests]


def run(answers: Script, call: Callable[[CxoneAdapter], Awaitable[Any]], **gateway: Any) -> tuple[Any, list[str]]:
    """What a call gives, or raises, and what it sent."""

    async def spoken() -> tuple[Any, list[str]]:
        tenant = Gateway("prod", "cxone", "https://x.example.com", **gateway)
        async with scripted(answers, tenant) as (adapter, wire):
            try:
                given = await call(adapter)
            except (GatewayError, SecretMissing) as error:
                given = error
            return given, sent(wire)

    return asyncio.run(spoken())


# What cannot be read


MISSING: Mapping[str, Said] = {"405": (405, {}, None), "501": (501, {}, None), "404 that says nothing": (404, {}, None)}


@pytest.mark.parametrize("case", MISSING)
def test_a_tenant_without_a_list_of_webhooks_still_shows_its_endpoints(case: str) -> None:
    """That list was never promised: what was seen in full counts, and what was not is named and never guessed."""
    answers: Script = [(200, {}, {"items": [STORED], "nextPageToken": None}), MISSING[case]]
    seen, _ = run(answers, lambda adapter: adapter.observe())
    assert [live.remote_id for live in seen.objects] == ["ep-one"]
    assert not seen.complete
    assert seen.saw("Endpoint")
    assert not seen.saw("Webhook")
    (finding,) = seen.diagnostics
    assert (finding.severity, finding.code) == (Severity.WARNING, "PLATFORM005")
    assert "cannot list webhooks" in finding.detail


def test_a_list_that_breaks_off_is_incomplete() -> None:
    """What stands on the second page must not look as if it were gone."""
    hooks: Said = (200, {}, [HOOKED])
    answers: Script = [(200, {}, {"items": [STORED], "nextPageToken": "2"}), hooks, *[(500, {}, None)] * 3]
    seen, _ = run(answers, lambda adapter: adapter.observe())
    assert (seen.complete, seen.unseen) == (False, {"Endpoint"})
    assert [finding.code for finding in seen.diagnostics] == ["PLATFORM006"]


def test_one_unreadable_object_makes_its_list_incomplete() -> None:
    """Passing over it would plan it as gone, and make it a second time."""
    answers: Script = [(200, {}, [STORED, {**STORED, "endpointId": "ep-two", "credentials": "none"}]), (403, {}, None)]
    seen, _ = run(answers, lambda adapter: adapter.observe())
    assert not seen.complete
    assert not seen.saw("Endpoint")
    assert not seen.saw("Webhook")
    assert "'ep-two'" in seen.diagnostics[0].detail


def test_an_object_on_two_pages_counts_once() -> None:
    """Pages shift while someone makes or removes objects; seen twice it would be two objects of one name."""
    pages = [{"items": [HOOKED], "nextPageToken": "2"}, {"items": [{**HOOKED, "version": 2}]}]
    answers: Script = [(200, {}, []), (200, {}, pages[0]), (200, {}, pages[1])]
    seen, _ = run(answers, lambda adapter: adapter.observe())
    assert [live.revision for live in seen.objects] == ["2"]


@pytest.mark.parametrize("case", MISSING)
def test_where_webhooks_have_no_single_read_the_list_tells(case: str) -> None:
    """Otherwise every webhook would look as if it had been removed since the plan."""
    found, asked = run([MISSING[case], (200, {}, [HOOKED])], lambda adapter: adapter.read(WEBHOOK.address, "wh-1"))
    assert found.remote_id == "wh-1"
    assert guard_of(found) is Guard.COMPARE
    assert asked == ["GET /webhooks/wh-1", "GET /webhooks?pageSize=100"]


def test_what_the_gateway_says_is_gone_is_gone() -> None:
    """A 404 that names the missing object needs no second look."""
    gone: Said = (404, {}, {"error": {"code": "not_found"}})
    for resource, key in ((ENDPOINT, "ep-one"), (WEBHOOK, "wh-1")):
        found, asked = run([gone], lambda adapter, r=resource, k=key: adapter.read(r.address, k))  # type: ignore[misc]  # bound now
        assert found is None
        assert len(asked) == 1


def test_webhooks_of_one_name_are_not_chosen_between() -> None:
    """After a lost answer the wrong one would be recorded as ours, and later deleted."""
    answers: Script = [(200, {}, [HOOKED, {**HOOKED, "id": "wh-2"}])]
    found, _ = run(answers, lambda adapter: adapter.read(WEBHOOK.address, None))
    assert isinstance(found, Conflict)


# What is written


def test_nothing_is_sent_without_every_key() -> None:
    """A replacement that lacks a key deletes it on the gateway."""
    for call in (
        lambda adapter: adapter.create(ENDPOINT, {}),
        lambda adapter: adapter.update(ENDPOINT, LIVE, {}),
        lambda adapter: adapter.preflight(ENDPOINT, {}, "scratch", once),
        lambda adapter: adapter.create(WEBHOOK, {}),
        lambda adapter: adapter.update(WEBHOOK, LIVE_HOOK, {}),
    ):
        error, asked = run([], call)
        assert isinstance(error, SecretMissing)
        assert asked == []


def test_a_masked_member_that_nobody_modelled_stops_the_write() -> None:
    """The gateway would store the stars; leaving the member out would delete what is behind them."""
    live = replace(LIVE, raw={**STORED, "signing": {"keys": ["****9f2c"]}})
    error, asked = run([], lambda adapter: adapter.update(ENDPOINT, live, KEYS))
    assert isinstance(error, Unsupported)
    assert "signing.keys.0" in str(error)
    assert asked == []


def test_a_weak_tag_guards_nothing() -> None:
    """A weak tag fits no If-Match: each write would be refused, and look like somebody else's change for ever."""
    weak = {"etag": 'W/"1"'}
    read, _ = run([(200, weak, STORED)], lambda adapter: adapter.read(ENDPOINT.address, "ep-one"))
    assert guard_of(read) is Guard.COMPARE
    strong, _ = run([(200, {"etag": '"1"'}, STORED)], lambda adapter: adapter.read(ENDPOINT.address, "ep-one"))
    assert guard_of(strong) is Guard.ETAG


def test_a_write_weaker_than_the_floor_is_not_sent() -> None:
    """The plan promised a guard that the server checks; this gateway turns out not to give one."""
    bare = replace(LIVE, etag=None)
    for call in (
        lambda adapter: adapter.update(ENDPOINT, bare, KEYS),
        lambda adapter: adapter.delete(bare),
    ):
        error, asked = run([], call, guard_floor=Guard.ETAG)
        assert isinstance(error, Unsupported)
        assert "guardFloor" in str(error)
        assert asked == []
    _, asked = run([(204, {}, None)], lambda adapter: adapter.delete(bare))
    assert asked == ["DELETE /endpoints/ep-one"]


UNREADABLE = {"nothing": None, "a list": [STORED], "another object": {"endpointId": "ep-two", "ok": True}}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_accepted_write_whose_answer_cannot_be_read_is_in_doubt_and_not_undone(case: str) -> None:
    """Taken as a failure the ledger would not know the object, and the next plan would call it somebody else's."""
    for call in (
        lambda adapter: adapter.create(ENDPOINT, KEYS),
        lambda adapter: adapter.update(ENDPOINT, LIVE, KEYS),
        lambda adapter: adapter.create(WEBHOOK, HOOK_KEYS),
        lambda adapter: adapter.update(WEBHOOK, LIVE_HOOK, HOOK_KEYS),
    ):
        error, asked = run([(200, {}, UNREADABLE[case])], call)
        assert isinstance(error, OutcomeUnknown)
        assert len(asked) == 1


def test_a_call_that_the_gateway_lacks_is_named() -> None:
    """Two thirds of the contract were never promised: whoever reads this must not look for a fault of theirs."""
    calls: Mapping[str, Callable[[CxoneAdapter], Awaitable[Any]]] = {
        "cannot delete endpoints": lambda adapter: adapter.delete(LIVE),
        "cannot change webhooks": lambda adapter: adapter.update(WEBHOOK, LIVE_HOOK, HOOK_KEYS),
        "cannot delete webhooks": lambda adapter: adapter.delete(LIVE_HOOK),
        "cannot make webhooks": lambda adapter: adapter.create(WEBHOOK, HOOK_KEYS),
        "cannot read one endpoint": lambda adapter: adapter.read(ENDPOINT.address, None),
    }
    for said, call in calls.items():
        error, _ = run([(405, {}, None)], call)
        assert isinstance(error, Unsupported)
        assert said in str(error)


# What is proven


async def once(ask: Ask) -> Sequence[Check]:
    """A judge that asks once."""
    return await ask()


DOUBTS: Mapping[str, Script] = {
    "throttled": [(429, {}, None)] * 3,
    "server fault": [(500, {}, None)] * 3,
    "no such call": [(404, {}, None)],
    "not allowed here": [(405, {}, None)],
    "not implemented": [(501, {}, None)],
    "not there yet": [(404, {}, {"error": {"code": "not_found"}})],
    "garbled": [(200, {}, ["?"])],
    "forbidden": [(403, {}, None)],
    "broken off": [],
}


@pytest.mark.parametrize("case", DOUBTS)
def test_a_validation_that_cannot_be_had_is_a_doubt(case: str) -> None:
    """A rejection rolls back: a good change must not be undone because the gateway was busy."""
    found, _ = run(DOUBTS[case], lambda adapter: adapter.verify(ENDPOINT, LIVE))
    (check,) = found
    assert check.verdict is Verdict.UNKNOWN
    assert check.message
    if case in {"no such call", "not allowed here", "not implemented"}:
        assert "cannot validate endpoints" in check.message


def test_a_webhook_has_nothing_to_prove() -> None:
    """There is no call for it, and no check is no reason to wait."""
    assert run([], lambda adapter: adapter.verify(WEBHOOK, LIVE_HOOK)) == ((), [])


def test_a_gateway_that_cannot_delete_is_given_no_candidate() -> None:
    """Candidates that stay would serve traffic with real keys, one more with each change."""
    error, asked = run([(405, {}, None)], lambda adapter: adapter.preflight(ENDPOINT, KEYS, "scratch", once))
    assert isinstance(error, Unsupported)
    assert asked == ["DELETE /endpoints/scratch"]


def test_the_ability_to_delete_is_asked_for_once() -> None:
    """A run that rotates a thousand keys need not ask a thousand times."""

    async def twice(adapter: CxoneAdapter) -> None:
        for scratch in ("one", "two"):
            await adapter.preflight(ENDPOINT, KEYS, scratch, once)

    made: Script = [(201, {}, STORED), (200, {}, READY), (204, {}, None)]
    _, asked = run([(404, {}, None), *made, *made], twice)
    assert [line.split("/")[0] for line in asked] == ["DELETE ", *["PUT ", "POST ", "DELETE "] * 2]


def test_no_room_for_a_candidate_is_a_conflict() -> None:
    """The engine then goes on in place, with a warning, instead of failing the change."""
    answers: Script = [(404, {}, None), (409, {}, {"error": {"code": "endpoint_limit"}}), (404, {}, None)]
    error, _ = run(answers, lambda adapter: adapter.preflight(ENDPOINT, KEYS, "scratch", once))
    assert isinstance(error, Conflict)


# The same against a gateway that keeps what it is given


@asynccontextmanager
async def embedded(folder: Path, plan: Mapping[str, Any]) -> AsyncIterator[CxoneAdapter]:
    """An adapter before the gateway in a box, with faults."""
    async with serve(folder / "gateway.sqlite", faults=FaultPlan.read(plan)) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
            token = (await http.post("/oauth/token", data=form)).json()["access_token"]
        credential = BearerCredential(SecretValue(token))
        client = connect(Target("prod", url, credential), FakeClock(), RecordingProgress())
        try:
            yield PLATFORM.open(Gateway("prod", "cxone", url), client)
        finally:
            await client.close()


def rule(method: str, path: str, deed: Mapping[str, Any], *, times: int = 1, after: int = 0) -> dict[str, Any]:
    """One fault."""
    return {"match": {"method": method, "path": path, "times": times, "after": after}, "do": deed}


def test_lost_answers_leave_no_candidate_behind(tmp_path: Path) -> None:
    """A candidate is ours alone, so its writes may be sent again; given up on, it would keep serving."""
    faults = [
        rule("PUT", "*/scratch", {"drop": "after"}),
        rule("PUT", "*/scratch", {"status": 502}, after=1),
        rule("DELETE", "*/scratch", {"drop": "after"}, after=1),
        rule("POST", "*/validate", {"status": 503}),
    ]
    verdicts: list[Verdict] = []

    async def judge(ask: Ask) -> Sequence[Check]:
        found = await ask()
        verdicts.extend(check.verdict for check in found)
        return found

    async def proven() -> int:
        async with embedded(tmp_path, {"rules": faults}) as adapter:
            await adapter.preflight(ENDPOINT, KEYS, "scratch", judge)
            return len((await adapter.observe()).objects)

    assert asyncio.run(proven()) == 0
    assert set(verdicts) == {Verdict.READY}


class Weary(Exception):
    """Something that a judge may end in."""


@pytest.mark.parametrize("how", ["error", "cancelled"])
def test_a_candidate_is_removed_however_the_judging_ends(how: str, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a validation must not leave a second endpoint with live keys."""

    async def ended() -> int:
        judging = asyncio.Event()

        async def judge(_ask: Ask) -> Sequence[Check]:
            judging.set()
            if how == "error":
                raise Weary
            await asyncio.Event().wait()
            return ()

        async with embedded(tmp_path, {}) as adapter:
            task = asyncio.create_task(adapter.preflight(ENDPOINT, KEYS, "scratch", judge))
            await judging.wait()
            if how == "cancelled":
                task.cancel()
            (end,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(end, Weary | asyncio.CancelledError)
            return len((await adapter.observe()).objects)

    assert asyncio.run(ended()) == 0


def test_a_candidate_carries_another_name_and_no_precondition(tmp_path: Path) -> None:
    """Beside the live endpoint, the rule of one name within a provider would refuse every candidate."""

    async def proven() -> int:
        async with embedded(tmp_path, {}) as adapter:
            await adapter.create(ENDPOINT, KEYS)
            await adapter.preflight(ENDPOINT, KEYS, "scratch", once)
            await adapter.discard("scratch")
            return len((await adapter.observe()).objects)

    assert asyncio.run(proven()) == 1


def test_a_refusal_that_echoes_the_keys_keeps_them_out_of_a_check(tmp_path: Path) -> None:
    """Checks are printed and kept in the history; a gateway may repeat what it was given."""
    rules = [rule("PUT", "*", {"status": 422, "echo": True})]  # the key looks like none, so only knowing it helps

    async def refused() -> str:
        async with embedded(tmp_path, {"rules": rules}) as adapter:
            with pytest.raises(Rejected) as raised:
                await adapter.preflight(ENDPOINT, KEYS, "scratch", once)
            return str(raised.value)

    assert KEYS["/spec/credentials/k1/apiKey"].reveal() not in asyncio.run(refused())
