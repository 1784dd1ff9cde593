"""The adapter of Cognigy's REST API before tenants that answer otherwise than the counterpart does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cognigy_bench import ID, PATHS, RICH, SIMPLE, CognigyBench, changed, material, project_at, resource
from wire import listening

from reconciler.errors import Conflict, GatewayError, OutcomeUnknown, Rejected, SecretMissing
from reconciler.model.ports import Adapter
from reconciler.model.resource import Gateway, Readiness
from reconciler.model.run import Verdict
from reconciler.model.secret import SecretValue
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import Target, connect

Said = tuple[int, dict[str, str], Any]
WANTED = resource()
CONNECTION = {"_id": "c1", "referenceId": "r1", "name": "ep-one--k1", "type": "OpenAIProvider"}
MODEL = {
    "_id": "m1",
    "referenceId": "rm1",
    "name": "ep-one",
    "modelType": "gpt-4o",
    "provider": "openAI",
    "connectionId": "r1",
    "openAI": {},
}


def scripted(answers: list[Said], call: Callable[[Adapter], Awaitable[Any]]) -> tuple[Any, list[str]]:
    """What a call comes to before scripted answers, and the first lines of what it sent."""

    async def spoken() -> tuple[Any, list[str]]:
        async with listening(answers) as wire:
            client = connect(Target("prod", wire.url, concurrency=1), FakeClock(), RecordingProgress())
            adapter = find("cognigy-rest").open(Gateway("prod", "cognigy-rest", wire.url, paths=PATHS), client)
            try:
                return await call(adapter), [request.split("\n")[0] for request in wire.requests]
            finally:
                await client.close()

    return asyncio.run(spoken())


def boxed(folder: Path, said: Callable[[CognigyBench], Awaitable[Any]], **faults: Any) -> Any:
    """One conversation with a fresh project."""

    async def talk() -> Any:
        async with project_at(folder, **faults) as bench:
            return await said(bench)

    return asyncio.run(talk())


def ok(*items: Any, following: str | None = None) -> Said:
    return (200, {}, {"items": list(items), "nextCursor": following})


NO_SETTINGS: Said = (200, {}, {})


def test_a_key_that_a_tenant_shows_goes_no_further() -> None:
    """Whether fields are masked is not published: one tenant that shows them must not put keys into a report."""
    shown = {**CONNECTION, "fields": {"apiKey": "sk-in-the-clear-0123"}}
    seen, _ = scripted([ok(MODEL), ok(shown), NO_SETTINGS], lambda adapter: adapter.observe())
    assert seen.objects[0].spec == WANTED.spec
    assert "in-the-clear" not in repr(seen) + str([dict(live.raw) for live in seen.objects])


def test_what_a_list_shows_in_short_is_read_in_full() -> None:
    """A list without the Connection would make every endpoint look as if it had lost its key."""
    short = {name: MODEL[name] for name in ("_id", "referenceId", "name")}
    answers = [ok(short), ok(CONNECTION), NO_SETTINGS, (200, {}, MODEL)]
    seen, sent = scripted(answers, lambda adapter: adapter.observe())
    assert seen.objects[0].spec == WANTED.spec
    assert sent[-1] == "GET /v2.0/largelanguagemodels/m1"


def test_a_list_that_repeats_its_cursor_ends() -> None:
    """A tenant that hands out one cursor for ever must not hang a pipeline."""
    answers = [ok(MODEL, following="x"), ok(CONNECTION), NO_SETTINGS, ok(following="x"), ok(following="x")]
    seen, _ = scripted(answers, lambda adapter: adapter.observe())
    assert not seen.complete
    assert [finding.code for finding in seen.diagnostics] == ["PLATFORM006"]


@pytest.mark.parametrize(
    "answers",
    [
        [(403, {}, {"type": "x", "title": "Forbidden", "status": 403, "detail": "no", "code": 403, "traceId": "t"})]
        * 3,
        [ok(MODEL), (200, {}, "strange"), NO_SETTINGS],
        [ok({"no": "identity"}), ok(CONNECTION), NO_SETTINGS],
        [ok(MODEL), ok(CONNECTION), (200, {}, [])],
        [ok(MODEL), ok(CONNECTION), (404, {}, {"code": 1002, "detail": "no such project"})],
    ],
)
def test_half_a_project_is_no_project(answers: list[Said]) -> None:
    """An endpoint whose parts were not seen must neither be made again nor be taken for changed."""
    seen, _ = scripted(answers, lambda adapter: adapter.observe())
    assert (seen.complete, seen.objects, seen.unseen) == (False, (), frozenset())


def test_a_refusal_is_quoted() -> None:
    """People need the vendor's own words, and the vendor's people their trace."""
    problem = {"type": "x", "title": "Bad Request", "status": 400, "detail": "modelType is odd", "code": 1005}
    answers = [ok(), ok(), NO_SETTINGS, (400, {}, problem)]
    with pytest.raises(Rejected, match="modelType is odd"):
        scripted(answers, lambda adapter: adapter.create(WANTED, material(WANTED)))


def test_an_accepted_creation_without_ids_is_in_doubt() -> None:
    """The object is there, so that repeating the call would make a second one."""
    answers = [ok(), ok(), NO_SETTINGS, (201, {}, None)]
    with pytest.raises(OutcomeUnknown):
        scripted(answers, lambda adapter: adapter.create(WANTED, material(WANTED)))


def test_a_key_in_the_wrong_form_stops_before_the_first_call(tmp_path: Path) -> None:
    """Half of an endpoint with one good key is worse than none."""
    keys = {"k1": {"priority": 2}, "k2": {"priority": 1}}
    given = resource(spec={**SIMPLE, "provider": "bedrock", "credentials": keys, "options": {"region": "eu"}})
    good, bad = sorted(given.secrets)
    values = {good: SecretValue("AKIA:secret"), bad: SecretValue("no-colon-in-it")}

    async def refused(bench: CognigyBench) -> None:
        with pytest.raises(SecretMissing, match="accessKeyId:secretAccessKey") as error:
            await bench.adapter.create(given, values)
        assert "no-colon" not in str(error.value)
        assert await bench.sent() == []

    boxed(tmp_path, refused)


def test_a_write_on_what_moved_is_refused(tmp_path: Path) -> None:
    """There are no revisions: the comparison right before the write is all that protects a colleague's edit."""

    async def moved(bench: CognigyBench) -> None:
        live = await bench.adapter.create(WANTED, material(WANTED))
        await bench.meddle(live)
        await bench.forget()
        with pytest.raises(Conflict):
            await bench.adapter.update(changed(WANTED, model="gpt-5"), live, material(WANTED))
        with pytest.raises(Conflict):
            await bench.adapter.delete(live)
        assert await bench.sent() == []

    boxed(tmp_path, moved)


def test_the_default_is_taken_from_the_one_that_has_it(tmp_path: Path) -> None:
    """The API refuses a second default, so the first has to be given up before."""

    async def taken(bench: CognigyBench) -> None:
        first, second = (resource(name, {**SIMPLE, "options": {"default": True}}) for name in ("first", "second"))
        for each in (first, second):
            await bench.adapter.create(each, material(each))
        models = await bench.listed("largelanguagemodels")
        assert {name: model["isDefault"] for name, model in models.items()} == {"first": False, "second": True}

    boxed(tmp_path, taken)


def test_a_rejected_key_is_a_rejection_and_of_the_fallback_too(tmp_path: Path) -> None:
    """A fallback whose key is wrong is found out when the first key fails, unless it is asked before."""
    plan = {"keys": [{"pattern": "second*", "answer": "rejected"}]}
    wanted = replace(resource(spec=RICH), readiness=Readiness())

    async def asked(bench: CognigyBench) -> Mapping[str, Verdict]:
        live = await bench.adapter.create(wanted, material(wanted))
        return {check.name: check.verdict for check in await bench.adapter.verify(wanted, live)}

    found = boxed(tmp_path, asked, **plan)
    assert found == {"credentials": Verdict.READY, "fallback credentials": Verdict.REJECTED}


def test_a_fault_says_nothing_of_the_key(tmp_path: Path) -> None:
    """A gateway that is down must not make the engine roll back a good endpoint."""

    async def asked(bench: CognigyBench) -> set[Verdict]:
        live = await bench.adapter.create(WANTED, material(WANTED))
        await bench.faults({"match": {"path": "*/test"}, "do": {"status": 503}})
        return {check.verdict for check in await bench.adapter.verify(WANTED, live)}

    assert boxed(tmp_path, asked) == {Verdict.UNKNOWN}


def test_leftovers_without_their_endpoint_are_named(tmp_path: Path) -> None:
    """If nobody declares the endpoint again, its keys would lie there unseen."""

    async def left(bench: CognigyBench) -> list[str]:
        await bench.faults({"match": {"method": "POST", "path": "*/largelanguagemodels"}, "do": {"status": 400}})
        with pytest.raises(GatewayError):
            await bench.adapter.create(WANTED, material(WANTED))
        seen = await bench.adapter.observe()
        assert (seen.complete, seen.objects) == (True, ())
        return [f"{finding.code} {finding.detail}" for finding in seen.diagnostics]

    [said] = boxed(tmp_path, left)
    assert said.startswith("PLATFORM009")
    assert "ep-one--k1" in said


def test_a_hundred_and_more_are_read_to_the_end(tmp_path: Path) -> None:
    """What stands on the second page would otherwise be made a second time."""

    async def many(bench: CognigyBench) -> None:
        made = {
            "projectId": ID,
            "name": "shared",
            "type": "OpenAIProvider",
            "extension": "x",
            "fields": {"apiKey": "k"},
        }
        reference = (await bench.http.post("/v2.0/connections", json=made)).json()["referenceId"]
        model = {"projectId": ID, "modelType": "m", "provider": "openAI", "openAI": {}, "connectionId": reference}
        for n in range(130):
            await bench.http.post("/v2.0/largelanguagemodels", json={**model, "name": f"m{n}"})
        await bench.http.post("/v2.0/largelanguagemodels", json={**model, "name": "vectors", "modelGroup": "embedding"})
        seen = await bench.adapter.observe()
        assert len({live.address for live in seen.objects}) == 130
        assert {tuple(live.spec["credentials"]) for live in seen.objects} == {("shared",)}

    boxed(tmp_path, many)
