"""Runs that end between two calls: the next one finds what is there and completes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cognigy_bench import RICH, SIMPLE, CognigyBench, changed, material, project_at, resource

from reconciler.engine.leftover import contains
from reconciler.errors import Conflict, GatewayError
from reconciler.model.resource import Resource

Work = Callable[[CognigyBench], Awaitable[object]]

MODELFUL = {**SIMPLE, "fallbackModels": ["gpt-4o-mini"], "options": {"useCases": ["aiAgent"]}}
SPECS: Mapping[str, Mapping[str, Any]] = {"simple": SIMPLE, "rich": RICH, "fallback model": MODELFUL}
DROPS = ("before", "after")


async def make(bench: CognigyBench, wanted: Resource) -> None:
    """What a run does about a declared endpoint: make it where there is none, change it where it differs."""
    live = await bench.adapter.read(wanted.address, None)
    if live is None:
        await bench.adapter.create(wanted, material(wanted))
    elif not contains(live.spec, wanted.spec):
        await bench.adapter.update(wanted, live, material(wanted))


async def remove(bench: CognigyBench, wanted: Resource) -> None:
    live = await bench.adapter.read(wanted.address, None)
    if live is not None:
        await bench.adapter.delete(live)


async def crashed(bench: CognigyBench, number: int, drop: str, work: Work) -> bool:
    """Let `work` end at its call of this number; False when it had fewer."""
    await bench.faults(
        {"match": {"method": "[PD]*", "path": "/v2.0/*", "after": number, "times": 99}, "do": {"status": 400}}
        if drop == "before"
        else {"match": {"method": "[PD]*", "path": "/v2.0/*", "after": number, "times": 1}, "do": {"drop": "after"}}
    )
    try:
        await work(bench)
    except GatewayError:
        return True
    finally:
        await bench.faults()
    return False


async def require_whole(bench: CognigyBench, wanted: Resource) -> None:
    """Everything is there once, and nothing else."""
    observed = await bench.adapter.observe()
    assert observed.complete
    assert observed.diagnostics == ()
    assert [live.spec for live in observed.objects] == [wanted.spec]
    name, keys = wanted.spec["displayName"], sorted(wanted.spec["credentials"])
    fallback = [f"{name}--fallback"] if len(keys) > 1 or wanted.spec["fallbackModels"] else []
    assert await bench.names() == ([name, *fallback], [f"{name}--{key}" for key in keys])


def each_call(tmp_path: Path, drop: str, before: Resource | None, work: Work, after: Resource | None) -> None:
    """Crash `work` at each of its calls in turn, on a fresh project each; then run again, and look."""

    async def once(number: int) -> bool:
        folder = tmp_path / str(number)
        async with project_at(folder) as bench:
            if before is not None:
                await make(bench, before)
            went_wrong = await crashed(bench, number, drop, work)
            await work(bench)
            if after is None:
                assert await bench.names() == ([], [])
                assert await bench.cases() == {}
            else:
                await require_whole(bench, after)
            return went_wrong

    number = 0
    while asyncio.run(once(number)):
        number += 1
    assert number > 0


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("spec", SPECS)
def test_a_creation_is_completed(spec: str, drop: str, tmp_path: Path) -> None:
    """A run killed between two calls must leave neither a second object nor one that nobody finds."""
    wanted = resource(spec=SPECS[spec])
    each_call(tmp_path, drop, None, lambda bench: make(bench, wanted), wanted)


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("spec", SPECS)
def test_a_removal_is_completed(spec: str, drop: str, tmp_path: Path) -> None:
    """Keys that stay behind after their endpoint are credentials that nobody rotates."""
    wanted = resource(spec=SPECS[spec])
    each_call(tmp_path, drop, wanted, lambda bench: remove(bench, wanted), None)


CHANGES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "another key": (SIMPLE, {**SIMPLE, "credentials": {"k9": {"priority": 1}}}),
    "another provider": (SIMPLE, {**SIMPLE, "provider": "anthropic", "model": "claude-4"}),
    "from one to two keys": (SIMPLE, RICH),
    "from two keys to one": (RICH, SIMPLE),
    "keys change places": (RICH, {**RICH, "credentials": {"k1": {"priority": 1}, "k2": {"priority": 2}}}),
    "a fallback model comes": (SIMPLE, MODELFUL),
    "a fallback model goes": (MODELFUL, SIMPLE),
    "from a fallback model to a second key": (MODELFUL, RICH),
    "other use cases": (RICH, {**RICH, "options": {**RICH["options"], "useCases": ["nlu"], "default": False}}),
}


@pytest.mark.parametrize("drop", DROPS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_completed(change: str, drop: str, tmp_path: Path) -> None:
    """What a half-made change leaves has to show in the next plan, or it stays for ever."""
    old, new = (resource(spec=spec) for spec in CHANGES[change])
    each_call(tmp_path, drop, old, lambda bench: make(bench, new), new)


def test_a_half_deleted_endpoint_can_be_declared_again(tmp_path: Path) -> None:
    """People change their minds after a failed run: the remains must become the endpoint, not block it."""
    wanted = resource(spec=RICH)

    async def again() -> None:
        for number in range(7):
            async with project_at(tmp_path / str(number)) as bench:
                await make(bench, wanted)
                await crashed(bench, number, "before", lambda b: remove(b, wanted))
                await make(bench, wanted)
                await require_whole(bench, wanted)
                assert len(await bench.cases()) == 2

    asyncio.run(again())


def test_a_model_in_use_keeps_its_keys(tmp_path: Path) -> None:
    """The gateway refuses to delete a model that flows use: its keys must not be gone by then."""
    wanted = resource(spec=SIMPLE)

    async def refused() -> None:
        async with project_at(tmp_path) as bench:
            await make(bench, wanted)
            live = await bench.adapter.read(wanted.address, None)
            assert live is not None
            path = f"/v2.0/largelanguagemodels/{live.remote_id}"
            await bench.faults({"match": {"method": "DELETE", "path": path}, "do": {"status": 409}})
            with pytest.raises(Conflict):
                await bench.adapter.delete(live)
            await require_whole(bench, wanted)

    asyncio.run(refused())


def test_what_serves_others_stays(tmp_path: Path) -> None:
    """Deleting a Connection breaks its users in silence, says the vendor: only what nobody else needs may go."""
    wanted = resource(spec=SIMPLE)

    async def removed() -> None:
        async with project_at(tmp_path) as bench:
            await make(bench, wanted)
            reference = (await bench.listed("connections"))["ep-one--k1"]["referenceId"]
            model = {"projectId": (await bench.listed("connections"))["ep-one--k1"]["projectId"], "name": "theirs"}
            model |= {"modelType": "gpt-4o", "provider": "openAI", "openAI": {}, "connectionId": reference}
            assert (await bench.http.post("/v2.0/largelanguagemodels", json=model)).status_code == 201
            await remove(bench, wanted)
            assert await bench.names() == (["theirs"], ["ep-one--k1"])

    asyncio.run(removed())


def test_a_renamed_endpoint_takes_its_parts_along(tmp_path: Path) -> None:
    """A Connection cannot be renamed, so that it is made anew under the new name, and the old one goes."""
    wanted = resource(spec=RICH)

    async def renamed() -> None:
        async with project_at(tmp_path) as bench:
            await make(bench, wanted)
            live = await bench.adapter.read(wanted.address, None)
            assert live is not None
            other = replace(changed(wanted, displayName="Ep Two"), remote_id=live.remote_id)
            await bench.adapter.update(other, live, material(other))
            await require_whole(bench, other)

    asyncio.run(renamed())
