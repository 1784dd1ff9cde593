"""The adapter against a real LiteLLM: the published laws, and each pitfall of its API that was met."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from litellm_bench import LitellmBench, endpoint, material, opened, webhook
from litellm_person import Person
from relay import LOSE, Relay
from server_litellm import Stack

from reconciler.errors import Conflict, OutcomeUnknown, Rejected, Unsupported
from reconciler.model.live import Live
from reconciler.model.ports import Ask
from reconciler.model.resource import Guard, Resource
from reconciler.model.run import Check, Verdict
from reconciler.platforms import find
from reconciler.testing.adapter_suite import LAWS, Law

pytestmark = pytest.mark.real

Deed = Callable[[LitellmBench], Awaitable[None]]


def carried_out(stack: Stack, relay: Relay, deed: Deed, **paths: str) -> None:
    """Run `deed` with an adapter of the proxy."""

    async def go() -> None:
        async with opened(stack, relay, **paths) as bench:
            await deed(bench)

    asyncio.run(go())


async def live_of(bench: LitellmBench, resource: Resource) -> Live:
    found = await bench.adapter.read(resource.address, None)
    assert found is not None
    return found


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_litellm_keeps_the_law(law: Law, stack: Stack, person: Person, relay: Relay) -> None:
    """Every platform behaves alike where the engine relies on it; this one against the program itself."""
    carried_out(stack, relay, law)
    person.wipe()


def test_a_field_that_is_no_longer_wanted_is_gone(stack: Stack, person: Person, relay: Relay) -> None:
    """LiteLLM merges and takes null for nothing said: only a new deployment is rid of a limit."""

    async def deed(bench: LitellmBench) -> None:
        full = endpoint("cleared")
        await bench.adapter.create(full, material(full))
        bare = replace(full, spec={k: v for k, v in full.spec.items() if k not in {"rateLimits", "timeoutMs"}})
        live = await bench.adapter.update(bare, await live_of(bench, full), material(full))
        assert live.spec == bare.spec

    carried_out(stack, relay, deed)
    for params in person.deployments().values():
        assert params.keys().isdisjoint({"rpm", "max_parallel_requests", "timeout"})
    assert person.ask("cleared") == ("sk-second-0123456789fgh", "cleared:high")


def test_what_nobody_modelled_survives_a_merge_and_a_new_deployment(stack: Stack, person: Person, relay: Relay) -> None:
    """A team's own parameters on a deployment are theirs, also where a field can only be cleared by making it anew."""

    async def deed(bench: LitellmBench) -> None:
        full = endpoint()
        await bench.adapter.create(full, material(full))
        person.change("chat:high", temperature=0.5)
        other = bench.altered(full)
        await bench.adapter.update(other, await live_of(bench, full), material(full))
        assert person.deployments()["chat:high"]["temperature"] == 0.5
        bare = replace(other, spec={k: v for k, v in other.spec.items() if k != "timeoutMs"})
        await bench.adapter.update(bare, await live_of(bench, full), material(full))
        assert person.deployments()["chat:high"]["temperature"] == 0.5

    carried_out(stack, relay, deed)


def test_a_stored_deployment_that_no_list_shows_is_replaced(stack: Stack, person: Person, relay: Relay) -> None:
    """LiteLLM stores what it cannot load, answers 500, and never lists it: its id must not be lost for ever."""
    body = {"model_name": "chat", "litellm_params": {"model": "nonsense"}, "model_info": {"id": "chat:high"}}
    assert person.call("POST", "/model/new", body)[0] == 500
    assert person.deployments() == {}

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint()
        assert (await bench.adapter.create(resource, material(resource))).spec == resource.spec

    carried_out(stack, relay, deed)
    assert sorted(person.deployments()) == ["chat:high", "chat:low"]


def test_a_deployment_that_cannot_be_loaded_leaves_nothing(stack: Stack, person: Person, relay: Relay) -> None:
    """The 500 of a write that was saved: neither a hidden row nor a key may stay behind."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint(provider="nonsense")
        assert bench.platform.unsupported(resource, bench.gateway)
        with pytest.raises(Rejected):
            await bench.adapter.create(resource, material(resource))
        assert person.credentials() == []
        good = endpoint()
        relay.writes.clear()
        await bench.adapter.create(good, material(good))
        assert [w.path for w in relay.writes].count("/model/new") == 2  # an id that was taken would ask for a third

    carried_out(stack, relay, deed)


def test_a_lost_answer_in_the_middle_is_mended_on_the_spot(stack: Stack, person: Person, relay: Relay) -> None:
    """A second POST of the same id is a 500 and no second deployment, so the adapter frees the id and goes on."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint()
        relay.once(lambda write: write.path == "/model/new", LOSE)
        assert (await bench.adapter.create(resource, material(resource))).spec == resource.spec

    carried_out(stack, relay, deed)
    assert sorted(person.deployments()) == ["chat:high", "chat:low"]


def test_a_creation_cut_off_anywhere_is_hidden_told_and_completed(stack: Stack, person: Person, relay: Relay) -> None:
    """Half of an endpoint is no endpoint: it must not be taken for somebody else's, nor for a finished one."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint()
        for cut in range(5):
            relay.hold_at(cut)
            with pytest.raises(OutcomeUnknown):
                await bench.adapter.create(resource, material(resource))
            seen = await bench.adapter.observe()
            assert seen.complete
            assert seen.objects == ()
            assert [d.code for d in seen.diagnostics] == (["PLATFORM009"] if cut else [])
            relay.rule = lambda _write: "pass"
            assert (await bench.adapter.create(resource, material(resource))).spec == resource.spec
            assert (await bench.adapter.observe()).diagnostics == ()
            assert sorted(person.deployments()) == person.credentials() == ["chat:high", "chat:low"]
            person.wipe()

    carried_out(stack, relay, deed)


def test_a_credential_that_was_deleted_in_use_is_seen_and_restored(stack: Stack, person: Person, relay: Relay) -> None:
    """LiteLLM lets a credential go that deployments need, and answers 500 from then on: that is drift."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint("restored")
        await bench.adapter.create(resource, material(resource))
        person.make("/credentials/restored%3Ahigh", None, "DELETE")
        live = await live_of(bench, resource)
        assert list(live.spec["credentials"]) == ["low"]
        assert (await bench.adapter.update(resource, live, material(resource))).spec == resource.spec

    carried_out(stack, relay, deed)
    assert person.ask("restored") == ("sk-second-0123456789fgh", "restored:high")


def test_a_deployment_whose_credential_does_not_exist_is_no_key(stack: Stack, person: Person, relay: Relay) -> None:
    """LiteLLM takes such a deployment when it is made, and lists it like any other: it can call nobody."""
    params: dict[str, Any] = {"model": "openai/gpt-4o", "api_base": stack.upstream}
    person.add("mixed", "first", litellm_credential_name="nowhere", **params)
    person.add("mixed", "second", api_key="sk-by-hand", **params)

    async def deed(bench: LitellmBench) -> None:
        live = await live_of(bench, endpoint("mixed"))
        assert list(live.spec["credentials"]) == ["second"]

    carried_out(stack, relay, deed)


@pytest.mark.parametrize(
    ("changes", "path", "found"),
    [
        ({"rpm": 9}, "rateLimits requestsPerMinute", "600, but 9 of low"),
        ({"model": "openai/gpt-4"}, "model", "gpt-4o, but gpt-4 of low"),
        ({"model": "groq/gpt-4o"}, "provider", "openai, but groq at UP of low"),
        (
            {"api_base": "http://127.0.0.1:9/stolen"},
            "provider",
            "openai, but openai at http://127.0.0.1:9/stolen of low",
        ),
        ({"litellm_credential_name": "chat:high"}, "credentials", {"high": {"priority": 2}}),
        ({"order": 5}, "credentials low priority", 999_995),
    ],
)
def test_one_deployment_that_was_changed_shows_where(
    changes: Mapping[str, Any], path: str, found: Any, stack: Stack, person: Person, relay: Relay
) -> None:
    """An endpoint is several deployments: a hand on one of them must not hide behind the others."""
    expected = found.replace("UP", stack.upstream) if isinstance(found, str) else found

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint()
        await bench.adapter.create(resource, material(resource))
        person.change("chat:low", **changes)
        live = await live_of(bench, resource)
        shown: Any = live.spec
        for name in path.split():
            shown = shown[name]
        assert shown == expected
        assert (await bench.adapter.update(resource, live, material(resource))).spec == resource.spec

    carried_out(stack, relay, deed)


def test_a_blocked_deployment_is_drift(stack: Stack, person: Person, relay: Relay) -> None:
    """Switched off by hand and forgotten, a key would never serve again."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint()
        await bench.adapter.create(resource, material(resource))
        person.make("/model/block", {"model_id": "chat:low"})
        live = await live_of(bench, resource)
        assert list(live.spec["credentials"]) == ["high"]
        assert (await bench.adapter.update(resource, live, material(resource))).spec == resource.spec

    carried_out(stack, relay, deed)


async def _preflight(bench: LitellmBench, resource: Resource, **keys: str) -> Sequence[Check]:
    seen: list[Check] = []

    async def judge(ask: Ask) -> Sequence[Check]:
        seen.extend(await ask())
        return seen

    await bench.adapter.preflight(resource, material(resource, **keys), "scratch", judge)
    return sorted(seen, key=lambda check: check.name)


def test_preflight_rejects_a_refused_key_and_repeats_nothing_of_it(stack: Stack, person: Person, relay: Relay) -> None:
    """The test call answers 200 whatever comes of it, and the provider's words hold the key: neither may mislead."""

    async def deed(bench: LitellmBench) -> None:
        high, low = await _preflight(bench, endpoint(), high="sk-bad-0123456789", low="sk-busy-0123456789")
        assert (high.verdict, high.value) == (Verdict.REJECTED, 401)
        assert (low.verdict, low.value) == (Verdict.UNKNOWN, 503)
        assert "sk-bad" not in f"{high!r}{low!r}"

    carried_out(stack, relay, deed)
    assert person.deployments() == {}


def test_preflight_borrows_nothing_from_a_deployment_of_the_same_model(
    stack: Stack, person: Person, relay: Relay
) -> None:
    """The test call fills what is left out from any deployment of that model: the wrong place would be proven."""
    person.add("other", "other-1", model="openai/gpt-4o", api_base=stack.upstream, api_key="sk-of-somebody-else")

    async def deed(bench: LitellmBench) -> None:
        checks = await _preflight(bench, endpoint())
        assert all(check.verdict is not Verdict.READY for check in checks)

    carried_out(stack, relay, deed, anthropic="http://127.0.0.1:9")  # and so no address for openai


def test_verify_tells_each_key_apart(stack: Stack, person: Person, relay: Relay) -> None:
    """A pair of keys of which one is refused looks well from outside, until the other one fails."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint("halved")
        live = await bench.adapter.create(resource, material(resource, high="sk-bad-0123456789"))
        high, low = await bench.adapter.verify(resource, live)
        assert (high.verdict, high.value, low.verdict) == (Verdict.REJECTED, 401, Verdict.READY)
        assert "sk-bad" not in repr(high)

    carried_out(stack, relay, deed)
    assert person.ask("halved") == ("sk-first-0123456789abcd", "halved:low")


def test_fallbacks_to_what_is_not_there_are_refused_before_anything_is_sent(
    stack: Stack, person: Person, relay: Relay
) -> None:
    """LiteLLM refuses them as the last of many requests, when the keys are stored already."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint(fallbackModels=["nowhere"])
        with pytest.raises(Rejected, match="nowhere"):
            await bench.adapter.create(resource, material(resource))

    carried_out(stack, relay, deed)
    assert relay.writes == []
    assert person.credentials() == []


def test_fallbacks_of_many_endpoints_at_once_are_all_kept(stack: Stack, person: Person, relay: Relay) -> None:
    """LiteLLM keeps all fallbacks in one setting, which it reads and writes as a whole: two at once lose one."""
    person.add("spare", "spare-1", model="openai/gpt-4", api_base=stack.upstream, api_key="sk-spare")
    fleet = [endpoint(f"chat-{n}", fallbackModels=["spare"]) for n in range(6)]

    async def deed(bench: LitellmBench) -> None:
        await asyncio.gather(*(bench.adapter.create(each, material(each)) for each in fleet))
        await asyncio.gather(*[bench.adapter.delete(await live_of(bench, each)) for each in fleet[:3]])

    carried_out(stack, relay, deed)
    assert person.fallbacks() == {f"chat-{n}": ["spare"] for n in (3, 4, 5)}


def test_a_limit_is_a_limit_or_is_refused(stack: Stack, person: Person, relay: Relay) -> None:
    """Without its pre-call check LiteLLM takes rpm for a weight, and lets every call pass."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint("limited", rateLimits={"requestsPerMinute": 2}, credentials={"high": {"priority": 1}})
        await bench.adapter.create(resource, material(resource))
        assert [person.ask("limited")[1] for _ in range(2)] == ["limited:high"] * 2
        body = {"model": "limited", "messages": [{"role": "user", "content": "hello"}]}
        assert person.call("POST", "/v1/chat/completions", body)[0] == 429

    carried_out(stack, relay, deed)


def test_what_somebody_made_is_not_overwritten(stack: Stack, person: Person, relay: Relay) -> None:
    """A model group or a credential of the same name belongs to whoever made it."""
    person.add("chat", "by-hand", model="openai/gpt-4", api_base=stack.upstream, api_key="sk-by-hand")
    body = {"credential_name": "talk:high", "credential_values": {"api_key": "sk-by-hand"}, "credential_info": {}}
    person.make("/credentials", body)

    async def deed(bench: LitellmBench) -> None:
        for name in ("chat", "talk"):
            resource = endpoint(name)
            with pytest.raises(Conflict):
                await bench.adapter.create(resource, material(resource))

    carried_out(stack, relay, deed)
    assert list(person.deployments()) == ["by-hand"]
    assert person.credentials() == ["talk:high"]


def test_a_group_whose_name_holds_a_slash_lives_a_whole_life(stack: Stack, person: Person, relay: Relay) -> None:
    """Groups are called after models, with slashes; ids stand in paths, where LiteLLM takes none."""

    async def deed(bench: LitellmBench) -> None:
        resource = replace(endpoint(), remote_id="team/gpt 4.1")
        live = await bench.adapter.create(resource, material(resource))
        assert live.remote_id == "team/gpt 4.1"
        assert {c.verdict for c in await bench.adapter.verify(resource, live)} == {Verdict.READY}
        changed = bench.altered(resource)
        assert (await bench.adapter.update(changed, live, material(resource))).spec == changed.spec
        await bench.adapter.delete(live)

    carried_out(stack, relay, deed)
    assert (person.deployments(), person.credentials()) == ({}, [])


def test_a_stricter_floor_than_litellm_has_stops_writes(stack: Stack, person: Person, relay: Relay) -> None:
    """There are no revisions: whoever asks for more than a comparison has to be told, not served."""

    async def deed(bench: LitellmBench) -> None:
        resource = endpoint()
        live = await bench.adapter.create(resource, material(resource))
        hook = await bench.adapter.create(webhook(f"{bench.receiver.url}/hook"), {})
        relay.writes.clear()
        strict = find("litellm").open(replace(bench.gateway, guard_floor=Guard.ETAG), bench.client)
        for each in (live, hook):
            with pytest.raises(Unsupported):
                await strict.delete(each)
        assert relay.writes == []

    carried_out(stack, relay, deed)
    assert len(person.deployments()) == 2
