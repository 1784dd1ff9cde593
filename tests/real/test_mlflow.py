"""MLflow's adapter against MLflow itself: the published laws, and each of the server's pitfalls."""

from __future__ import annotations

import asyncio
import urllib.error
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

import mlflow_bench
import pytest
import server_mlflow
from mlflow_bench import HOOK_MATERIAL, HOOKS, MlflowBench, endpoint, key, webhook
from model_server import Provider, provider

from reconciler.engine import SystemClock
from reconciler.engine.verify import Waiting, until_ready
from reconciler.errors import Conflict, GatewayError, OutcomeUnknown
from reconciler.model.live import Live
from reconciler.model.ports import Ask
from reconciler.model.resource import Resource
from reconciler.model.run import Check, Verdict
from reconciler.model.secret import SecretValue
from reconciler.platforms.mlflow.capabilities import EVENTS
from reconciler.testing.adapter_suite import LAWS, Law

pytestmark = pytest.mark.real

MATERIAL = {key("key-a"): SecretValue(server_mlflow.FIRST), key("key-b"): SecretValue(server_mlflow.SECOND)}
PARTS = ["reconciler/chat/key-a", "reconciler/chat/key-b"]
WHOLE = {"secrets": PARTS, "definitions": PARTS, "endpoints": ["chat"]}
NOTHING: dict[str, list[str]] = {"secrets": [], "definitions": [], "endpoints": []}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[server_mlflow.Stack, Provider]]:
    """The gateway, its provider, and a receiver of webhooks."""
    with server_mlflow.stack(tmp_path_factory.mktemp("mlflow")) as stack, provider() as receiver:
        yield stack, receiver


Try = Callable[[Callable[[MlflowBench], Awaitable[None]]], None]


@pytest.fixture
def tried(served: tuple[server_mlflow.Stack, Provider]) -> Iterator[Try]:
    """Runs a test with an adapter of its own, on a gateway with nothing on it."""
    stack, receiver = served

    def run(test: Callable[[MlflowBench], Awaitable[None]]) -> None:
        async def alone() -> None:
            async with mlflow_bench.opened(stack.url, stack.upstream, receiver.url + "/hook", MATERIAL) as bench:
                await test(bench)

        asyncio.run(alone())

    mlflow_bench.emptied(stack.url)
    yield run
    mlflow_bench.emptied(stack.url)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_mlflow_keeps_the_law(law: Law, tried: Try) -> None:
    """Every platform behaves alike where the engine relies on it; this one against the gateway itself."""
    tried(law)


async def linked_by_hand(bench: MlflowBench, name: str = "by-hand") -> Resource:
    """An endpoint as somebody made it in a console: names of his own."""
    secret = await bench.post(
        "secrets/create",
        {
            "secret_name": "openai team",
            "secret_value": {"api_key": server_mlflow.FIRST},
            "provider": "openai",
            "auth_config": {"api_base": bench.upstream},
        },
    )
    definition = await bench.post(
        "model-definitions/create",
        {
            "name": "gpt4o-team",
            "secret_id": secret["secret"]["secret_id"],
            "provider": "openai",
            "model_name": "gpt-4o",
        },
    )
    config = {
        "model_definition_id": definition["model_definition"]["model_definition_id"],
        "linkage_type": "PRIMARY",
    }
    await bench.post("endpoints/create", {"name": name, "model_configs": [config], "usage_tracking": False})
    made = endpoint(bench.upstream, name)
    spec = {**made.spec, "credentials": {"gpt4o-team": {"priority": 1}}}
    return replace(made, spec=spec, secrets={key("gpt4o-team"): made.secrets[key("key-a")]})


async def stored(bench: MlflowBench, resource: Resource) -> Live:
    """The object as it is now."""
    live = await bench.adapter.read(resource.address, None)
    assert live is not None
    return live


@pytest.mark.parametrize("lost", range(5))
@pytest.mark.parametrize("killed", ["before", "after"])
def test_a_creation_cut_off_anywhere_is_completed_by_the_next(lost: int, killed: str, tried: Try) -> None:
    """An Endpoint is five objects: a run may die at each, and the next must neither double nor leave any."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        bench.network.dies_at = (lost, killed)
        with pytest.raises(GatewayError):
            await bench.adapter.create(resource, MATERIAL)
        seen = await bench.adapter.observe()
        if not seen.objects:
            await bench.adapter.create(resource, MATERIAL)
        assert await bench.names() == WHOLE
        assert (await stored(bench, resource)).spec == resource.spec

    tried(test)


@pytest.mark.parametrize("lost", range(6))
def test_a_removal_cut_off_anywhere_is_completed_by_the_next(lost: int, tried: Try) -> None:
    """Keys that nobody knows of any more must not stay behind, nor an endpoint that no list shows."""

    async def test(bench: MlflowBench) -> None:
        live = await bench.adapter.create(endpoint(bench.upstream), MATERIAL)
        bench.network.dies_at = (bench.network.written + lost, "before")
        with pytest.raises(GatewayError):
            await bench.adapter.delete(live)
        left = (await bench.adapter.observe()).objects
        if lost == 5:
            assert (left, (await bench.names())["secrets"]) == ((), [])
            left = (await bench.adapter.create(endpoint(bench.upstream, "another"), MATERIAL),)
        await bench.adapter.delete(left[0])
        assert await bench.names() == NOTHING
        answer = await bench.http.get(f"{mlflow_bench.ROOT}/endpoints/get", params={"name": "chat"})
        assert answer.status_code == 404

    tried(test)


def test_an_endpoint_that_calls_nothing_is_taken_up(tried: Try) -> None:
    """No list shows it, and its name is taken: a plan would create it for ever, and fail for ever."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        live = await bench.adapter.create(resource, MATERIAL)
        for mapping in live.raw["model_mappings"]:
            link = {"endpoint_id": mapping["endpoint_id"], "model_definition_id": mapping["model_definition_id"]}
            await bench.post("endpoints/models/detach", link)
        assert (await bench.adapter.observe()).objects == ()
        assert await bench.adapter.read(resource.address, "chat") is None
        assert (await bench.adapter.create(resource, MATERIAL)).spec == resource.spec
        assert await bench.names() == WHOLE

    tried(test)


@pytest.mark.parametrize("lost", range(6))
def test_a_change_cut_off_anywhere_is_completed_by_the_next(lost: int, tried: Try) -> None:
    """Another model, another key and one key less: what is half done must be seen as not done."""

    async def test(bench: MlflowBench) -> None:
        before = endpoint(bench.upstream)
        live = await bench.adapter.create(before, MATERIAL)
        spec = {**before.spec, "model": "gpt-4", "credentials": {"key-c": {"priority": 1}}}
        after = replace(before, spec=spec, secrets={key("key-c"): before.secrets[key("key-a")]})
        material = {key("key-c"): SecretValue(server_mlflow.SECOND)}
        bench.network.dies_at = (bench.network.written + lost, "before")
        try:
            await bench.adapter.update(after, live, material)
        except GatewayError:
            again = await stored(bench, before)
            moved = again.revision != live.revision
            assert moved == (again.spec == after.spec), "the revision moves when all is in place, and not before"
            await bench.adapter.update(after, again, material)
        part = ["reconciler/chat/key-c"]
        assert await bench.names() == {"secrets": part, "definitions": part, "endpoints": ["chat"]}
        assert (await stored(bench, after)).spec == spec

    tried(test)


def test_a_change_of_keys_keeps_the_fallback(tried: Try) -> None:
    """An update with the first field alone wipes the second one without a word: failover would be gone."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        live = await bench.adapter.create(resource, MATERIAL)
        updated = await bench.adapter.update(resource, live, MATERIAL)
        assert updated.raw["fallback_config"] == {"strategy": "SEQUENTIAL", "max_attempts": 2}
        configs = [
            {"model_definition_id": m["model_definition_id"], "linkage_type": m["linkage_type"]}
            for m in live.raw["model_mappings"]
        ]
        await bench.post("endpoints/update", {"endpoint_id": live.raw["endpoint_id"], "model_configs": configs})
        drifted = await stored(bench, resource)
        assert "fallbackStrategy" not in drifted.spec, "a colleague's update wiped it, and that is drift"

    tried(test)


def test_the_second_key_serves_when_the_first_is_refused(
    tried: Try, served: tuple[server_mlflow.Stack, Provider]
) -> None:
    """The order of keys is the whole point of a matrix: only an answer proves it."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream, bench.name)
        material = {**MATERIAL, key("key-a"): SecretValue(server_mlflow.BAD)}
        live = await bench.adapter.create(resource, material)
        assert await asyncio.to_thread(served[0].asked, bench.name) == "with second"
        (check,) = await bench.adapter.verify(resource, live)
        assert check.verdict is Verdict.READY

    tried(test)


@pytest.mark.parametrize(
    ("secret", "verdict"), [(server_mlflow.BAD, Verdict.REJECTED), (server_mlflow.BUSY, Verdict.UNKNOWN)]
)
def test_a_key_that_is_refused_is_rejected_and_a_busy_provider_is_a_doubt(
    secret: str, verdict: Verdict, tried: Try
) -> None:
    """Rolling back for a throttled provider would be as wrong as calling a revoked key healthy."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream, bench.name)
        live = await bench.adapter.create(resource, dict.fromkeys(MATERIAL, SecretValue(secret)))
        (check,) = await bench.adapter.verify(resource, live)
        assert check.verdict is verdict, check.message

    tried(test)


def test_verification_outlasts_the_cache(tried: Try) -> None:
    """The inference side goes on with the earlier model: its answer is no proof, and a moment later it is gone."""

    async def test(bench: MlflowBench) -> None:
        before = endpoint(bench.upstream, bench.name)
        live = await bench.adapter.create(before, MATERIAL)
        assert (await bench.adapter.verify(before, live))[0].verdict is Verdict.READY
        after = replace(before, spec={**before.spec, "model": "gpt-4.1"})
        live = await bench.adapter.update(after, live, MATERIAL)
        (early,) = await bench.adapter.verify(after, live)
        assert early.verdict is Verdict.UNKNOWN
        assert "has not taken up" in early.message
        found = await until_ready(lambda: bench.adapter.verify(after, live), 60, Waiting(SystemClock()))
        assert found.verdict is Verdict.READY, found

    tried(test)


def test_an_endpoint_that_was_mended_outlasts_the_cache_of_its_failure(
    tried: Try, served: tuple[server_mlflow.Stack, Provider]
) -> None:
    """Its 404 is remembered too: a repair must not be taken for a failure, and put back, because it was asked early."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream, bench.name)
        await bench.adapter.create(resource, MATERIAL)
        for secret in await bench.listed("secrets", "secrets"):
            body = {"secret_id": secret["secret_id"]}
            await bench.http.request("DELETE", f"{mlflow_bench.ROOT}/secrets/delete", json=body)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(served[0].asked, bench.name)
        live = await bench.adapter.update(resource, await stored(bench, resource), MATERIAL)
        (early,) = await bench.adapter.verify(resource, live)
        assert "has no PRIMARY models configured" in early.message
        found = await until_ready(lambda: bench.adapter.verify(resource, live), 60, Waiting(SystemClock()))
        assert found.verdict is Verdict.READY, found

    tried(test)


def test_a_provider_that_the_server_does_not_have_is_never_ready(tried: Try) -> None:
    """The server takes any word for a provider, and says so only when it is asked: the report needs its reason."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream, bench.name)
        resource = replace(resource, spec={**resource.spec, "provider": "nosuchprovider"})
        live = await bench.adapter.create(resource, MATERIAL)
        (check,) = await bench.adapter.verify(resource, live)
        assert check.verdict is Verdict.UNKNOWN
        assert "LiteLLM provider" in check.message

    tried(test)


def test_a_candidate_is_proven_with_keys_that_nothing_has_cached(tried: Try) -> None:
    """A revoked key must be found before the live endpoint has it, while the live one still answers from its cache."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        await bench.adapter.create(resource, MATERIAL)
        seen: list[Verdict] = []

        async def judge(ask: Ask) -> Sequence[Check]:
            answer = await ask()
            seen.extend(check.verdict for check in answer)
            return answer

        revoked = dict.fromkeys(MATERIAL, SecretValue(server_mlflow.BAD))
        await bench.adapter.preflight(resource, revoked, "chat-candidate-1", judge)
        assert seen == [Verdict.REJECTED]
        assert await bench.names() == WHOLE

    tried(test)


def test_a_secret_deleted_in_use_is_drift_and_is_mended(tried: Try) -> None:
    """The server lets it go and calls then end in a 404: no list shows an endpoint that looks wrong."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        await bench.adapter.create(resource, MATERIAL)
        first = next(s for s in await bench.listed("secrets", "secrets") if s["secret_name"] == PARTS[0])
        await bench.http.request(
            "DELETE", f"{mlflow_bench.ROOT}/secrets/delete", json={"secret_id": first["secret_id"]}
        )
        broken = await stored(bench, resource)
        assert broken.spec["credentials"] == {"key-b": {"priority": 1}}
        await bench.adapter.update(resource, broken, MATERIAL)
        assert (await stored(bench, resource)).spec == resource.spec
        assert await bench.names() == WHOLE

    tried(test)


@pytest.mark.parametrize("change", [{"apiBase": None}, {"provider": "mistral"}])
def test_what_an_update_of_a_secret_cannot_do_is_done(change: dict[str, str | None], tried: Try) -> None:
    """The server takes an empty auth_config and another provider, answers 200, and changes nothing."""

    async def test(bench: MlflowBench) -> None:
        before = endpoint(bench.upstream)
        live = await bench.adapter.create(before, MATERIAL)
        spec = {name: value for name, value in {**before.spec, **change}.items() if value is not None}
        after = replace(before, spec=spec)
        await bench.adapter.update(after, live, MATERIAL)
        assert (await stored(bench, after)).spec == spec
        assert await bench.names() == WHOLE

    tried(test)


def test_what_others_set_on_a_secret_stays(tried: Try) -> None:
    """An auth_config is replaced whole: an organization that somebody named there must survive a rotation."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        live = await bench.adapter.create(resource, MATERIAL)
        for secret in await bench.listed("secrets", "secrets"):
            config = {**secret["auth_config"], "organization": "org-1"}
            await bench.post("secrets/update", {"secret_id": secret["secret_id"], "auth_config": config})
        await bench.adapter.update(resource, live, MATERIAL)
        configs = [secret["auth_config"] for secret in await bench.listed("secrets", "secrets")]
        assert configs == [{"api_base": bench.upstream, "organization": "org-1"}] * 2

    tried(test)


def test_a_rotation_shows_by_the_mask(tried: Try) -> None:
    """The last four characters are all that a read tells of a key; a colleague's key must be seen by them."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        live = await bench.adapter.create(resource, MATERIAL)
        assert live.hints == {key("key-a"): "cdef", key("key-b"): "cdef"}
        first = next(s for s in await bench.listed("secrets", "secrets") if s["secret_name"] == PARTS[0])
        value = {"api_key": "sk-colleague-key-9999"}
        await bench.post("secrets/update", {"secret_id": first["secret_id"], "secret_value": value})
        assert (await stored(bench, resource)).hints[key("key-a")] == "9999"

    tried(test)


def test_a_hand_made_endpoint_is_taken_over_without_touching_its_parts(tried: Try) -> None:
    """Its secret may serve others: the first write of ours makes parts of our own and leaves his as they are."""

    async def test(bench: MlflowBench) -> None:
        resource = await linked_by_hand(bench)
        live = await stored(bench, resource)
        assert live.spec == resource.spec
        await bench.adapter.update(resource, live, {key("gpt4o-team"): SecretValue(server_mlflow.SECOND)})
        assert (await stored(bench, resource)).spec == resource.spec
        names = await bench.names()
        assert names["secrets"] == ["openai team", "reconciler/by-hand/gpt4o-team"]
        assert names["definitions"] == ["gpt4o-team", "reconciler/by-hand/gpt4o-team"]
        await bench.adapter.delete(await stored(bench, resource))
        assert await bench.names() == {"secrets": ["openai team"], "definitions": ["gpt4o-team"], "endpoints": []}

    tried(test)


def test_parts_that_somebody_else_came_to_use_stay(tried: Try) -> None:
    """Deleting a secret in use succeeds without a word, and another team's calls would end in 404."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        live = await bench.adapter.create(resource, MATERIAL)
        ours = live.raw["model_mappings"][0]["model_definition_id"]
        config = {"model_definition_id": ours, "linkage_type": "PRIMARY"}
        await bench.post("endpoints/create", {"name": "theirs", "model_configs": [config], "usage_tracking": False})
        await bench.adapter.delete(live)
        kept = PARTS[:1]
        assert await bench.names() == {"secrets": kept, "definitions": kept, "endpoints": ["theirs"]}

    tried(test)


def test_webhooks_are_never_doubled_and_doubles_are_told_apart(tried: Try) -> None:
    """The server takes an identical second one: a name then says nothing, and an id does."""

    async def test(bench: MlflowBench) -> None:
        resource = webhook(bench.receiver)
        await bench.network.lose_answer()
        with pytest.raises(OutcomeUnknown):
            await bench.adapter.create(resource, HOOK_MATERIAL)
        first = await stored(bench, resource)
        body = {key: first.raw[key] for key in ("name", "url", "events")}
        assert (await bench.http.post(HOOKS, json=body)).status_code == 200
        with pytest.raises(Conflict, match="2 webhooks"):
            await bench.adapter.read(resource.address, None)
        assert await bench.adapter.read(resource.address, first.remote_id) is not None
        assert len((await bench.adapter.observe()).objects) == 2

    tried(test)


def test_webhooks_beyond_one_page_are_all_seen(tried: Try) -> None:
    """A list that ends after the first page would have the rest made again."""

    async def test(bench: MlflowBench) -> None:
        body = {"url": bench.receiver, "events": [{"entity": "PROMPT", "action": "CREATED"}]}
        for n in range(103):
            assert (await bench.http.post(HOOKS, json={**body, "name": f"hook-{n:03}"})).status_code == 200
        assert len((await bench.adapter.observe()).objects) == 103

    tried(test)


def test_a_delivery_is_real(tried: Try, served: tuple[server_mlflow.Stack, Provider]) -> None:
    """A webhook that nobody receives is worth nothing, and one that is switched off is not ready."""

    async def test(bench: MlflowBench) -> None:
        resource = webhook(bench.receiver)
        live = await bench.adapter.create(resource, HOOK_MATERIAL)
        before = len(served[1].delivered)
        (check,) = await bench.adapter.verify(resource, live)
        assert check.verdict is Verdict.READY
        (delivery,) = served[1].delivered[before:]
        assert {name.lower() for name in delivery} >= {"x-mlflow-signature", "x-mlflow-delivery-id"}
        await bench.http.patch(f"{HOOKS}/{live.remote_id}", json={"status": "DISABLED"})
        (check,) = await bench.adapter.verify(resource, live)
        assert check.verdict is Verdict.REJECTED

    tried(test)


def test_an_event_that_does_not_exist_never_reaches_the_server(tried: Try) -> None:
    """It answers with a page of HTML and status 500, which a write must take for a doubt and not for a refusal."""

    async def test(bench: MlflowBench) -> None:
        wrong = webhook(bench.receiver)
        wrong = replace(wrong, spec={**wrong.spec, "events": ["endpoint.created"]})
        assert [f.code for f in bench.platform.unsupported(wrong, bench.gateway)] == ["PLATFORM003"]
        with pytest.raises(OutcomeUnknown):
            await bench.adapter.create(wrong, HOOK_MATERIAL)
        assert (await bench.adapter.observe()).objects == ()

    tried(test)


def test_every_event_that_we_accept_exists(tried: Try) -> None:
    """The table is ours, the server's is the one that counts."""

    async def test(bench: MlflowBench) -> None:
        resource = webhook(bench.receiver)
        resource = replace(resource, spec={**resource.spec, "events": list(EVENTS)})
        live = await bench.adapter.create(resource, HOOK_MATERIAL)
        assert live.spec["events"] == list(EVENTS)

    tried(test)


def test_parts_without_an_endpoint_are_reported_and_taken_up(tried: Try) -> None:
    """A run that was killed leaves keys behind: somebody has to be told, and the next run has to use them."""

    async def test(bench: MlflowBench) -> None:
        resource = endpoint(bench.upstream)
        bench.network.dies_at = (2, "before")
        with pytest.raises(GatewayError):
            await bench.adapter.create(resource, MATERIAL)
        seen = await bench.adapter.observe()
        assert (seen.complete, seen.objects) == (True, ())
        (told,) = seen.diagnostics
        assert told.code == "PLATFORM009"
        assert "reconciler/chat/key-a" in told.detail
        await bench.adapter.create(resource, MATERIAL)
        assert (await bench.adapter.observe()).diagnostics == ()

    tried(test)
