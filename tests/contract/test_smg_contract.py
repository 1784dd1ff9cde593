"""smg's adapter keeps the published laws, against smg itself; and what is peculiar to workers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
import pytest
import smg_bench
from model_server import Provider, provider
from tampering import Tampering

from reconciler.engine import SystemClock
from reconciler.errors import Conflict, Forbidden, Rejected
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter, Material, Platform
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Verdict
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.testing.adapter_suite import LAWS, Law
from reconciler.testing.fakes import RecordingProgress
from reconciler.transport import BearerCredential, Target, connect

pytestmark = pytest.mark.smg

KEY = "/spec/credentials/first/apiKey"
MATERIAL: Material = {KEY: SecretValue("sk-worker-0123456789abcd")}
_places = itertools.count()


@dataclass
class Stack:
    """One gateway for all tests of this file, emptied between them."""

    url: str
    provider: Provider
    place: str = ""

    def endpoint(self, name: str = "chat") -> Resource:
        """An endpoint at a place that no other test has used: a worker that is removed holds its URL for seconds."""
        spec = {
            "provider": "openai",
            "model": "gpt-4o",
            "apiBase": self.provider.url + self.place + f"/{name}",
            "credentials": {"first": {"priority": 7}},
        }
        return Resource(Address("prod", "Endpoint", name), spec, {KEY: SecretRef("env", ("A",))})


@pytest.fixture(scope="module")
def served() -> Iterator[Stack]:
    """The gateway and a provider."""
    program = smg_bench.program()
    assert program is not None
    with smg_bench.gateway(program) as url, provider() as behind:
        yield Stack(url, behind)


@pytest.fixture
def stack(served: Stack) -> Iterator[Stack]:
    """The same, with nothing on it."""
    yield replace(served, place=f"/p{next(_places)}")
    with httpx.Client(base_url=served.url, headers={"authorization": f"Bearer {smg_bench.ADMIN}"}) as http:
        for worker in http.get("/workers").json()["workers"]:
            http.delete(f"/workers/{worker['id']}")


@dataclass
class SmgBench:
    """Implements the suite's Bench."""

    platform: Platform
    gateway: Gateway
    adapter: Adapter
    http: httpx.AsyncClient
    network: Tampering
    stack: Stack

    def samples(self) -> Sequence[tuple[Resource, Material]]:
        return [(self.stack.endpoint(), MATERIAL)]

    def altered(self, resource: Resource) -> Resource:
        return replace(resource, spec={**resource.spec, "model": "gpt-4", "credentials": {"first": {"priority": 3}}})

    async def meddle(self, live: Live) -> None:
        await self.http.patch(f"/workers/{live.remote_id}", json={"priority": 1})

    async def written(self) -> int:
        return self.network.written

    async def lose_answer(self) -> None:
        await self.network.lose_answer()

    async def refuse_echoing(self) -> None:
        await self.network.refuse_echoing()


@asynccontextmanager
async def opened(stack: Stack, token: str = smg_bench.ADMIN) -> AsyncIterator[SmgBench]:
    """An adapter before the gateway, and a colleague with a console."""
    platform, gateway, network = find("smg"), Gateway("prod", "smg", stack.url), Tampering()
    target = Target("prod", stack.url, BearerCredential(SecretValue(token)))
    client = connect(target, SystemClock(), RecordingProgress(), network)
    headers = {"authorization": f"Bearer {smg_bench.ADMIN}"}
    async with httpx.AsyncClient(base_url=stack.url, headers=headers) as http:
        try:
            yield SmgBench(platform, gateway, platform.open(gateway, client), http, network, stack)
        finally:
            await client.close()


def tried(stack: Stack, test: Callable[[SmgBench], Awaitable[None]]) -> None:
    """Run one test with an adapter of its own."""

    async def run() -> None:
        async with opened(stack) as bench:
            await test(bench)

    asyncio.run(run())


async def shown(bench: SmgBench, key: str, status: str) -> None:
    """Return when the gateway says this of a worker: what is queued shows a little later."""
    for _ in range(500):
        if (await bench.http.get(f"/workers/{key}")).json().get("status") == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"worker {key} never was {status}")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_smg_keeps_the_law(law: Law, stack: Stack) -> None:
    """Every platform behaves alike where the engine relies on it; this one against the gateway itself."""
    tried(stack, law)


@pytest.mark.parametrize("moved", ["provider", "apiBase"])
def test_what_a_patch_cannot_change_is_changed(stack: Stack, moved: str) -> None:
    """A PATCH ignores provider and URL without a word: an apply that trusts it would never end in an empty plan."""

    async def test(bench: SmgBench) -> None:
        before = stack.endpoint()
        after = replace(
            before, spec={**before.spec, moved: {"provider": "xai", "apiBase": before.spec["apiBase"] + "/x"}[moved]}
        )
        live = await bench.adapter.create(before, MATERIAL)
        await bench.http.patch(f"/workers/{live.remote_id}", json={"labels": {"team": "bots"}, "cost": 3.5})
        fresh = await bench.adapter.read(before.address, live.remote_id)
        assert fresh is not None
        await bench.adapter.update(after, fresh, MATERIAL)
        found = await bench.adapter.read(after.address, live.remote_id)
        assert found is not None
        assert found.spec == after.spec
        assert len((await bench.adapter.observe()).objects) == 1
        if moved == "provider":
            assert found.raw["labels"]["team"] == "bots"
            assert found.raw["models"], "a replacement without its key loses the models"

    tried(stack, test)


def test_a_rotated_key_reaches_the_provider(stack: Stack) -> None:
    """A read never shows the key: only a call tells that the new one is used."""

    async def test(bench: SmgBench) -> None:
        resource = stack.endpoint()
        live = await bench.adapter.create(resource, MATERIAL)
        await bench.adapter.update(resource, live, {KEY: SecretValue("sk-rotated-0123456789")})
        asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
        async with httpx.AsyncClient(base_url=stack.url) as caller:
            answer = await caller.post("/v1/chat/completions", json=asked)
        assert answer.status_code == 200, answer.text
        assert stack.provider.keys[-1] == "sk-rotated-0123456789"

    tried(stack, test)


def test_a_worker_whose_key_is_refused_is_no_success(stack: Stack) -> None:
    """The gateway says 202 and then drops the worker without a word."""

    async def test(bench: SmgBench) -> None:
        with pytest.raises(Rejected, match="gave up"):
            await bench.adapter.create(stack.endpoint(), {KEY: SecretValue("sk-revoked-0123456789")})
        assert (await bench.adapter.observe()).objects == ()

    tried(stack, test)


def test_a_worker_whose_provider_does_not_answer_is_no_success(stack: Stack) -> None:
    """The same silence where nobody listens: the gateway looks for models, finds none, and says nothing."""

    async def test(bench: SmgBench) -> None:
        nobody = replace(stack.endpoint(), spec={**stack.endpoint().spec, "apiBase": "http://127.0.0.1:9/nobody"})
        with pytest.raises(Rejected, match="gave up"):
            await bench.adapter.create(nobody, MATERIAL)
        assert (await bench.adapter.observe()).objects == ()

    tried(stack, test)


def test_a_worker_without_a_key_is_healthy_by_name_alone(stack: Stack) -> None:
    """The gateway asks nobody before it calls such a worker healthy: somebody's dead one must not pass for ready."""

    async def test(bench: SmgBench) -> None:
        place = "http://127.0.0.1:9" + stack.place
        made = await bench.http.post("/workers", json={"url": place, "runtime": "external", "provider": "openai"})
        key = made.json()["worker_id"]
        await shown(bench, key, "ready")
        (live,) = (await bench.adapter.observe()).objects
        resource = replace(stack.endpoint(), address=live.address)
        checks = await bench.adapter.verify(resource, live)
        assert {c.name: c.verdict for c in checks} == {"healthy": Verdict.READY, "model": Verdict.UNKNOWN}

    tried(stack, test)


def test_a_provider_that_dies_later_is_not_noticed(stack: Stack) -> None:
    """The reference page says so, because the gateway watches no external worker: only a question would tell."""

    async def test(bench: SmgBench) -> None:
        with provider() as mortal:
            spec = {**stack.endpoint().spec, "apiBase": mortal.url}
            resource = replace(stack.endpoint(), spec=spec)
            live = await bench.adapter.create(resource, MATERIAL)
        await asyncio.sleep(2)
        checks = await bench.adapter.verify(resource, live)
        assert {c.verdict for c in checks} == {Verdict.READY}

    tried(stack, test)


def test_a_worker_made_anew_waits_for_the_one_that_goes(stack: Stack) -> None:
    """For seconds after a removal its URL is taken, which is no conflict with anybody."""

    async def test(bench: SmgBench) -> None:
        resource = stack.endpoint()
        live = await bench.adapter.create(resource, MATERIAL)
        await bench.adapter.delete(live)
        again = await bench.adapter.create(resource, MATERIAL)
        assert again.remote_id != live.remote_id

    tried(stack, test)


def test_a_worker_of_somebody_else_stays_his(stack: Stack) -> None:
    """It is seen under its id, and a creation at its URL is a conflict that leaves it as it is."""

    async def test(bench: SmgBench) -> None:
        resource = stack.endpoint()
        body = {"url": resource.spec["apiBase"], "runtime": "external", "provider": "openai", "api_key": "sk-his"}
        key = (await bench.http.post("/workers", json=body)).json()["worker_id"]
        await shown(bench, key, "ready")
        (live,) = (await bench.adapter.observe()).objects
        assert (live.address.name, live.remote_id, live.spec["model"]) == (key, key, "gpt-4")
        with pytest.raises(Conflict):
            await bench.adapter.create(resource, MATERIAL)
        again = await bench.adapter.read(live.address, key)
        assert again is not None
        assert again.spec == live.spec

    tried(stack, test)


def test_a_draining_worker_is_no_drift_and_no_match(stack: Stack) -> None:
    """What somebody has just removed must be planned as gone, though the list goes on naming it for seconds."""

    async def test(bench: SmgBench) -> None:
        live = await bench.adapter.create(stack.endpoint(), MATERIAL)
        await bench.http.delete(f"/workers/{live.remote_id}")
        await shown(bench, live.remote_id, "draining")
        assert (await bench.adapter.observe()).objects == ()
        assert await bench.adapter.read(live.address, live.remote_id) is None

    tried(stack, test)


def test_models_in_an_order_of_chance_are_no_drift(stack: Stack) -> None:
    """The gateway lists what it discovers in a random order; a plan must be the same twice."""

    async def test(bench: SmgBench) -> None:
        live = await bench.adapter.create(stack.endpoint(), MATERIAL)
        for _ in range(6):
            live = await bench.adapter.update(stack.endpoint(), live, MATERIAL)
            assert live.spec == stack.endpoint().spec

    tried(stack, test)


def test_a_model_that_the_provider_lacks_is_rejected(stack: Stack) -> None:
    """A worker serves what its provider has; a typing error in the model must not pass for ready."""

    async def test(bench: SmgBench) -> None:
        wrong = replace(stack.endpoint(), spec={**stack.endpoint().spec, "model": "gpt-5-typo"})
        live = await bench.adapter.create(wrong, MATERIAL)
        checks = await bench.adapter.verify(wrong, live)
        assert {c.name: c.verdict for c in checks} == {"healthy": Verdict.READY, "model": Verdict.REJECTED}

    tried(stack, test)


def test_a_reader_may_plan_and_not_write(stack: Stack) -> None:
    """A pull request's job holds a key that cannot change anything; its refusal is plain text and no JSON."""

    async def test() -> None:
        async with opened(stack, smg_bench.READER) as bench:
            assert (await bench.adapter.observe()).complete
            with pytest.raises(Forbidden):
                await bench.adapter.create(stack.endpoint(), MATERIAL)

    asyncio.run(test())


def test_a_key_that_is_unknown_is_told_as_such(stack: Stack) -> None:
    """The refusal is plain text as well, and must not be taken for an answer of the wrong form."""

    async def test() -> None:
        async with opened(stack, "unknown-0123456789") as bench:
            seen = await bench.adapter.observe()
            assert not seen.complete
            assert "The credential was refused" in seen.diagnostics[0].detail

    asyncio.run(test())
