"""Each fault of the box does what its plan says: scenarios of bad days are worth no more than this."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from box import API, KEY, ONE, ask, endpoint, hook, rule

from reconciler.embedded import FaultPlan


def test_a_rule_meets_the_requests_it_names(store: Path) -> None:
    """A test that wants the third write to fail must get exactly that one."""

    async def said(client: httpx.AsyncClient) -> None:
        answers = [await client.put(ONE, json=endpoint()) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201, 200, 503, 503, 200]
        assert (await client.get(ONE)).status_code == 200

    ask(store, said, rule({"status": 503}, method="PUT", after=2, times=2))


def test_only_the_first_rule_that_fits_acts(store: Path) -> None:
    """Rules are read from the top, the one written first counts."""
    plan = {"rules": [rule({"status": 500}, times=1)["rules"][0], rule({"status": 429, "retry_after": 1})["rules"][0]]}

    async def said(client: httpx.AsyncClient) -> None:
        assert [(await client.get(ONE)).status_code for _ in range(3)] == [500, 429, 429]

    ask(store, said, plan)


@pytest.mark.parametrize(
    ("after", "header"), [(0.25, "0.25"), (2, "2"), ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT")]
)
def test_a_refusal_carries_what_was_asked_for(store: Path, after: object, header: str) -> None:
    """Waits, codes and messages that repeat a secret: all of them are things that clients meet."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.put(ONE, json=endpoint())
        assert (answer.status_code, answer.headers["retry-after"]) == (429, header)
        assert answer.json()["error"]["code"] == "quota_exceeded"
        assert KEY in answer.json()["error"]["message"]

    ask(store, said, rule({"status": 429, "retry_after": after, "code": "quota_exceeded", "echo": True}))


@pytest.mark.parametrize(("when", "there"), [("before", 404), ("after", 200)])
def test_a_lost_answer_is_lost_before_or_after_the_write(store: Path, when: str, there: int) -> None:
    """The two look alike to the client and are opposites to the gateway: that is the fault worth having."""

    async def said(client: httpx.AsyncClient) -> None:
        with pytest.raises(httpx.TransportError):
            await client.put(ONE, json=endpoint())
        assert (await client.get(ONE)).status_code == there

    ask(store, said, rule({"drop": when}, method="PUT", times=1))


def test_a_delay_comes_first(store: Path) -> None:
    """A time-out of a client can be provoked."""

    async def said(client: httpx.AsyncClient) -> None:
        began = time.monotonic()
        assert (await client.get(ONE)).status_code == 404
        assert time.monotonic() - began >= 0.05

    ask(store, said, rule({"delay_ms": 50}))


@pytest.mark.parametrize("how", ["truncated", "html", "shape", "empty"])
def test_a_spoiled_answer_keeps_its_status(store: Path, how: str) -> None:
    """The write happened; only what is said about it cannot be read."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.put(ONE, json=endpoint())
        assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
        if how == "shape":
            assert answer.json() == {"items": {"not": "a list"}, "nextPageToken": 7}
        else:
            with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
                answer.json()
        assert (await client.get(ONE)).json()["version"] == 1

    ask(store, said, rule({"bad_json": how}, method="PUT"))


def test_a_stale_read_shows_the_version_before(store: Path) -> None:
    """A replica that lags is how a client comes to hold an old revision."""

    async def said(client: httpx.AsyncClient) -> None:
        await client.put(ONE, json=endpoint(model="old"))
        assert (await client.get(ONE)).status_code == 404
        await client.put(ONE, json=endpoint(model="new"))
        read = await client.get(ONE)
        assert (read.json()["model"], read.json()["version"], read.headers["etag"]) == ("old", 1, '"1"')
        (listed,) = (await client.get(f"{API}/endpoints")).json()["items"]
        assert listed["model"] == "old"

    ask(store, said, rule({"stale": True}, method="GET"))


def test_somebody_else_writes_just_before(store: Path) -> None:
    """The revision moves under the client's hands, while the content stays, for writes and for deletes."""

    async def said(client: httpx.AsyncClient) -> None:
        await client.put(ONE, json=endpoint())
        assert (await client.put(ONE, json=endpoint(model="m"), headers={"if-match": '"1"'})).status_code == 412
        read = (await client.get(ONE)).json()
        assert (read["version"], read["model"]) == (2, "gpt-4o")
        assert (await client.delete(ONE, headers={"if-match": '"2"'})).status_code == 412
        made = (await client.post(f"{API}/webhooks", json=hook())).json()
        path = f"{API}/webhooks/{made['id']}"
        assert (await client.put(path, json=hook(), headers={"if-match": '"1"'})).status_code == 412

    ask(store, said, rule({"conflict": True}))


def test_validation_answers_as_the_provider_would(store: Path) -> None:
    """Keys are judged when they are written, the first that is taken serves, and one answer may be overridden."""
    bad = {"keyId": "k2", "apiKey": "sk-bad-0123456789", "priority": 9}

    async def said(client: httpx.AsyncClient) -> list[Any]:
        await client.put(ONE, json=endpoint(credentials=[bad]))
        alone = (await client.post(f"{ONE}/validate")).json()
        await client.put(ONE, json=endpoint(credentials=[bad, *endpoint()["credentials"]]))
        backed = (await client.post(f"{ONE}/validate")).json()
        assert (await client.post(f"{API}/endpoints/none/validate")).status_code == 404
        return [alone, backed]

    keys = {"keys": [{"pattern": "sk-bad*", "answer": "rejected"}], "latency_ms": 7, "quota_remaining": 5}
    alone, backed = ask(store, said, keys)
    assert alone == {"status": "failed", "latencyMs": 7, "quotaRemaining": 0, "providerReachable": False}
    assert backed == {"status": "ok", "latencyMs": 7, "quotaRemaining": 5, "providerReachable": True}
    slow = ask(store, said, rule({"validate": {"latencyMs": 9000}}, path="*/validate"))
    assert slow[0]["latencyMs"] == 9000


@pytest.mark.parametrize(
    ("masks", "shown"), [("last4", "****cdef"), ("full", "********"), ("null", None), ("absent", "nothing")]
)
def test_keys_are_masked_in_every_way_that_platforms_have(store: Path, masks: str, shown: object) -> None:
    """Whether a key was replaced outside can be told from one of these masks only."""

    async def said(client: httpx.AsyncClient) -> None:
        await client.put(ONE, json=endpoint())
        await client.post(f"{API}/webhooks", json=hook(credentials=[{"more": 1}, 5]))
        await client.post(f"{API}/webhooks", json=hook(credentials=7))
        listed = (await client.get(f"{API}/endpoints")).json()["items"]
        for item in (*listed, (await client.get(ONE)).json()):
            assert item["credentials"][0].get("apiKey", "nothing") == shown
        assert len((await client.get(f"{API}/webhooks")).json()["items"]) == 2

    ask(store, said, {"masks": masks})


def test_a_gateway_without_guards_takes_every_write(store: Path) -> None:
    """Platforms without revisions exist, and what the tool does there has to be tried somewhere."""

    async def said(client: httpx.AsyncClient) -> None:
        made = await client.put(ONE, json=endpoint())
        assert "etag" not in made.headers
        assert (await client.put(ONE, json=endpoint(), headers={"if-match": '"9"'})).status_code == 200
        assert (await client.put(ONE, json=endpoint(), headers={"if-none-match": "*"})).status_code == 200

    ask(store, said, {"etags": False, "preconditions": False})


@pytest.mark.parametrize("lists", ["array", "repeating"])
def test_lists_come_in_other_shapes(store: Path, lists: str) -> None:
    """A plain array is an older contract; a token that repeats would keep a careless client busy for ever."""

    async def said(client: httpx.AsyncClient) -> None:
        await client.put(ONE, json=endpoint())
        listed = (await client.get(f"{API}/endpoints", params={"pageSize": 1})).json()
        if lists == "array":
            assert [item["endpointId"] for item in listed] == ["ep-one"]
        else:
            assert listed["nextPageToken"] == "again"

    ask(store, said, {"lists": lists})


def test_calls_can_be_missing_and_tenants_full(store: Path) -> None:
    """Both are answers that a platform of another version, or of another price, gives."""

    async def said(client: httpx.AsyncClient) -> None:
        assert (await client.put(ONE, json=endpoint())).status_code == 201
        assert (await client.post(f"{ONE}/validate")).status_code == 405
        full = await client.put(f"{API}/endpoints/ep-two", json=endpoint(name="two"))
        assert (full.status_code, full.json()["error"]["code"]) == (409, "endpoint_limit")
        assert (await client.put(ONE, json=endpoint(model="m"))).status_code == 200
        assert (await client.get(ONE)).json()["region"] == "eu"

    plan = {"missing_calls": ["endpoints.validate"], "endpoint_limit": 1, "server_fields": {"region": "eu"}}
    ask(store, said, plan)


@pytest.mark.parametrize(
    "plan",
    [
        {"other": 1},
        {"rules": [{"do": {"status": 99}}]},
        {"rules": [{"do": {"status": 1000}}]},
        {"rules": [{"do": {"delay_ms": -1}}]},
        {"rules": [{"match": {}}]},
        {"masks": "some"},
        [1],
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(store: Path, plan: Any) -> None:
    """A misspelt fault that did nothing would make a scenario pass for no reason."""
    with pytest.raises(ValueError, match="validation error"):
        FaultPlan.read(plan)

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.put("/_embedded/faults", json=plan)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_plan")

    ask(store, said, admin=True)


def test_the_bench_is_steered_and_read_from_outside(store: Path) -> None:
    """Scenarios change the faults and count the requests of a gateway in another process."""

    async def said(client: httpx.AsyncClient) -> None:
        await client.put(ONE, json=endpoint(), headers={"if-none-match": "*"})
        await client.put("/_embedded/faults", json=rule({"status": 500}, times=1))
        assert [(await client.get(f"{ONE}?x=1")).status_code for _ in range(2)] == [500, 200]
        told = (await client.get("/_embedded/requests")).json()
        assert told["counts"] == {"POST": 1, "PUT": 1, "GET": 2}
        assert told["last"][1] == {"method": "PUT", "path": ONE, "if_match": None, "if_none_match": "*"}
        assert told["last"][2]["path"] == f"{ONE}?x=1"
        assert (await client.delete("/_embedded/requests")).json() == {"counts": {}, "last": [], "questions": []}
        await client.post("/_embedded/reset")
        assert (await client.get(f"{API}/endpoints")).json()["items"] == []

    ask(store, said, admin=True)
