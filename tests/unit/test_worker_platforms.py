"""smg and MLflow offline: what they refuse at its line, how they read what is odd, what a check concludes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from raw_server import head, raw
from wire import listening

from reconciler.errors import (
    Conflict,
    GatewayError,
    InputError,
    OutcomeUnknown,
    ProtocolError,
    SecretMissing,
    ServerFault,
    Unauthorized,
)
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.model.ports import Adapter
from reconciler.model.resource import Gateway, Lifecycle, Resource
from reconciler.model.run import Verdict
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.platforms.mlflow import convert, verify
from reconciler.platforms.smg import convert as workers
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import Target, connect

KEY = "/spec/credentials/a/apiKey"
ONE = {"a": {"priority": 5}}
SPEC = {"provider": "openai", "model": "gpt-4o", "apiBase": "http://m.example.com", "credentials": ONE}
HOOK = {"name": "costs", "url": "https://h.example.com", "events": ["prompt.created"]}
GATEWAYS = {name: Gateway("prod", name, "http://127.0.0.1:1") for name in ("smg", "mlflow")}


def endpoint(without: str = "", **change: Any) -> Resource:
    spec = {name: value for name, value in {**SPEC, **change}.items() if name != without}
    keys = spec.get("credentials", {})
    secrets = {f"/spec/credentials/{k}/apiKey": SecretRef("env", ("A",)) for k in keys}
    return Resource(Address("prod", "Endpoint", "chat"), spec, secrets)


def hook(**change: Any) -> Resource:
    return Resource(Address("prod", "Webhook", "costs"), {**HOOK, **change})


def told(platform: str, resource: Resource) -> list[tuple[str, str | None]]:
    return [(f.code, f.path) for f in find(platform).unsupported(resource, GATEWAYS[platform])]


TWO = {"a": {"priority": 2}, "b": {"priority": 1}}
REFUSED: list[tuple[str, Resource, str, str]] = [
    ("smg", endpoint(displayName="x"), "PLATFORM001", "/spec/displayName"),
    ("smg", endpoint(rateLimits={"requestsPerMinute": 5}), "PLATFORM001", "/spec/rateLimits"),
    ("smg", endpoint(fallbackStrategy="failover"), "PLATFORM001", "/spec/fallbackStrategy"),
    ("smg", endpoint(fallbackModels=["x"]), "PLATFORM001", "/spec/fallbackModels"),
    ("smg", endpoint(timeoutMs=5), "PLATFORM001", "/spec/timeoutMs"),
    ("smg", endpoint(credentials={"a": {"priority": 1, "note": "x"}}), "PLATFORM001", "/spec/credentials/a/note"),
    ("smg", endpoint(credentials=TWO), "PLATFORM003", "/spec/credentials"),
    ("smg", endpoint(credentials={"a": {"priority": 2**32}}), "PLATFORM003", "/spec/credentials/a"),
    ("smg", endpoint("apiBase"), "PLATFORM002", "/spec/apiBase"),
    ("smg", endpoint(model="größer"), "PLATFORM003", "/spec/model"),
    ("smg", hook(), "PLATFORM004", "/metadata/name"),
    ("mlflow", endpoint(displayName="x"), "PLATFORM001", "/spec/displayName"),
    ("mlflow", endpoint(rateLimits={"requestsPerMinute": 5}), "PLATFORM001", "/spec/rateLimits"),
    ("mlflow", endpoint(rotationStrategy="x"), "PLATFORM001", "/spec/rotationStrategy"),
    ("mlflow", endpoint(retryOnRateLimit=True), "PLATFORM001", "/spec/retryOnRateLimit"),
    ("mlflow", endpoint(fallbackStrategy="random"), "PLATFORM003", "/spec/fallbackStrategy"),
    ("mlflow", endpoint(provider="bedrock"), "PLATFORM003", "/spec/provider"),
    ("mlflow", endpoint("model"), "PLATFORM002", "/spec/model"),
    ("mlflow", endpoint(credentials={}), "PLATFORM002", "/spec/credentials"),
    ("mlflow", replace(endpoint(), remote_id="a b"), "PLATFORM003", "/metadata/remoteId"),
    ("mlflow", hook(events=["endpoint.created"]), "PLATFORM003", "/spec/events"),
    ("mlflow", hook(events=[]), "PLATFORM002", "/spec/events"),
    ("mlflow", hook(name="no blanks"), "PLATFORM003", "/spec/displayName"),
    ("mlflow", replace(hook(), address=Address("prod", "Route", "r")), "PLATFORM004", "/metadata/name"),
]


@pytest.mark.parametrize(("platform", "resource", "code", "path"), REFUSED)
def test_what_cannot_be_said_is_refused_at_its_line(platform: str, resource: Resource, code: str, path: str) -> None:
    """Both servers ignore what they do not know: what is not refused here is lost without a word."""
    assert told(platform, resource) == [(code, path)]


@pytest.mark.parametrize("platform", ["smg", "mlflow"])
def test_a_key_without_a_reference_is_refused(platform: str) -> None:
    """MLflow takes a secret without a value, and smg a worker without a key: neither would ever answer."""
    assert told(platform, replace(endpoint(), secrets={})) == [("PLATFORM002", "/spec/credentials/a")]


@pytest.mark.parametrize("platform", ["smg", "mlflow"])
def test_what_may_be_left_out_is_left_out(platform: str) -> None:
    """One manifest can serve a gateway that has rate limits and one that has none, if it says so."""
    ignoring = Lifecycle(ignore=("/spec/rateLimits", "/spec/displayName"))
    lenient = replace(endpoint(rateLimits={"requestsPerMinute": 5}, displayName="x"), lifecycle=ignoring)
    assert told(platform, lenient) == []
    known = find(platform)
    assert known.normalize(lenient).spec == known.normalize(endpoint()).spec


@pytest.mark.parametrize("platform", ["smg", "mlflow"])
@pytest.mark.parametrize("change", [{"url": None, "org": "acme"}, {"paths": {"workers": "/x"}}])
def test_a_gateway_that_is_described_for_another_platform_is_refused(platform: str, change: dict[str, Any]) -> None:
    """An `org` from which no URL follows must be found before a request is sent to nowhere."""
    gateway = replace(GATEWAYS[platform], **change)
    assert {f.code for f in find(platform).unsupported(endpoint(), gateway)} == {"PLATFORM007"}
    with pytest.raises(InputError):
        find(platform).base_url(gateway)


@pytest.mark.parametrize("material", [{}, {KEY: SecretValue("")}])
def test_nothing_is_sent_without_a_key(material: dict[str, SecretValue]) -> None:
    """An empty key would overwrite one that works."""
    with pytest.raises(SecretMissing):
        workers.created(endpoint(), material)
    with pytest.raises(SecretMissing):
        convert.api_key("a", material)


# ---- reading what is odd


def link(name: str, order: int, *, secret: str | None = "s-1", model: str = "gpt-4o") -> dict[str, Any]:
    definition = {"name": name, "provider": "openai", "model_name": model, **({"secret_id": secret} if secret else {})}
    kind = {"linkage_type": "FALLBACK", "fallback_order": order} if order else {"linkage_type": "PRIMARY"}
    return {"model_definition_id": f"d-{name}-{order}", "model_definition": definition, **kind}


SECRETS = {"s-1": {"secret_id": "s-1", "masked_values": {"api_key": "***"}}}


def read(links: list[dict[str, Any]], config: Mapping[str, Any] | None = None) -> Live:
    raw = {"name": "chat", "model_mappings": links, **({} if config is None else {"fallback_config": config})}
    return convert.read_endpoint("prod", raw, SECRETS)


SEQUENTIAL = {"strategy": "SEQUENTIAL", "max_attempts": 2}


def test_fields_that_are_absent_are_zero() -> None:
    """The server leaves out what is zero or unset: the first fallback's order, an empty config, a list of mappings."""
    assert read([]).spec == {"credentials": {}, "fallbackStrategy": "failover"}
    assert "apiBase" not in read([link("x", 0)]).spec
    assert read([link("x", 0)]).hints == {"/spec/credentials/x/apiKey": ""}


@pytest.mark.parametrize(
    ("config", "strategy"),
    [
        (SEQUENTIAL, "failover"),
        ({"strategy": "SEQUENTIAL", "max_attempts": 1}, "SEQUENTIAL, 1 of 2 keys"),
        ({}, None),
        (None, None),
    ],
)
def test_keys_that_are_never_tried_are_told(config: Mapping[str, Any] | None, strategy: str | None) -> None:
    """A wiped fallback_config leaves both keys in the list, and the second one useless."""
    assert read([link("x", 0), link("y", 1)], config).spec.get("fallbackStrategy") == strategy


def test_parts_that_differ_are_told_by_name() -> None:
    """One fallback to another model is nothing that a manifest can say: it must neither be hidden nor imported."""
    live = read([link("reconciler/chat/x", 0), link("y", 1, model="gpt-3.5")], SEQUENTIAL)
    assert live.spec["model"] == "x: gpt-4o | y: gpt-3.5"


def test_an_endpoint_that_splits_its_traffic_is_no_failover() -> None:
    """Two primaries are called by weight: taking them for an order would import what does something else."""
    live = read([link("x", 0), link("y", 0)])
    assert live.spec["fallbackStrategy"] == "split over 2"
    found = find("mlflow").unsupported(Resource(live.address, live.spec), GATEWAYS["mlflow"])
    assert "PLATFORM003" in {f.code for f in found}


def test_two_definitions_that_stand_for_one_key_stay_two() -> None:
    """Somebody's `a` beside our `reconciler/chat/a` must not hide it."""
    live = read([link("reconciler/chat/a", 0), link("a", 1), link("no key id!", 2)], {**SEQUENTIAL, "max_attempts": 3})
    assert list(live.spec["credentials"]) == ["a", "d-a-1", "d-no key id!-2"]


def test_a_key_whose_secret_is_gone_is_no_key() -> None:
    """A secret can be deleted while it is used: its definition stays in the list, and can call nobody."""
    live = read(
        [link("a", 0, secret=None), link("b", 1), link("c", 2, secret="s-gone")], {**SEQUENTIAL, "max_attempts": 3}
    )
    assert live.spec["credentials"] == {"b": {"priority": 1}}


def test_models_in_an_order_of_chance_read_the_same() -> None:
    """Smg lists what it discovers in another order after each write: that is no drift."""
    raw = {"id": "w", "url": "http://x", "priority": 1}
    models = [{"id": name, "provider": "openai"} for name in ("gpt-4o", "gpt-4", "tts-1")]
    specs = [workers.read("prod", {**raw, "models": order}).spec for order in (models, models[::-1])]
    assert specs[0] == specs[1]
    assert specs[0]["model"] == "gpt-4"


@pytest.mark.parametrize("broken", [{}, {"id": "w", "url": "http://x"}, {"id": 5, "url": "http://x", "priority": 1}])
def test_a_worker_without_its_identity_is_no_worker(broken: dict[str, Any]) -> None:
    """An id that is missing would turn a DELETE into one of a whole collection."""
    with pytest.raises(ProtocolError):
        workers.read("prod", broken)


@pytest.mark.parametrize(
    ("labels", "count"), [({}, 0), ({"reconciler.write": "7"}, 7), ({"reconciler.write": "²"}, 0), (None, 0)]
)
def test_a_count_that_somebody_spoiled_starts_anew(labels: dict[str, str] | None, count: int) -> None:
    """Labels are open to all: a strange one must not end a run with a traceback."""
    assert workers.writes({"labels": labels}) == count


# ---- answers that are no answers


def asked(platform: str, answers: list[tuple[int, dict[str, str], Any]]) -> Any:
    """What an observation comes to."""

    async def run() -> Any:
        async with listening(answers) as wire:
            client = connect(Target("prod", wire.url, None, concurrency=1), FakeClock(), RecordingProgress())
            try:
                return await find(platform).open(Gateway("prod", platform, wire.url), client).observe()
            finally:
                await client.close()

    return asyncio.run(run())


def test_lists_without_a_member_are_empty_lists() -> None:
    """`{}` is how MLflow says that there is nothing: an error here would keep every new team from starting."""
    seen = asked("mlflow", [(200, {}, {})] * 4)
    assert (seen.complete, seen.objects, seen.diagnostics) == (True, (), ())


@pytest.mark.parametrize("answer", [[], {"workers": None}, {"workers": ["x"]}, "text"])
def test_a_list_of_another_shape_is_incomplete_and_not_empty(answer: Any) -> None:
    """Taking it for an empty gateway would plan to make everything again."""
    assert not asked("smg", [(200, {}, answer)]).complete


def test_a_page_of_html_is_a_doubt() -> None:
    """MLflow answers a bad event with a page of HTML and 500: whether a webhook was made, only a read can tell."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        page = b"<!doctype html>\n<title>500 Internal Server Error</title>"
        writer.write(b"HTTP/1.1 500 X\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page) + page)
        await writer.drain()

    async def run() -> None:
        async with raw(serve) as server:
            client = connect(Target("prod", server.url), FakeClock(), RecordingProgress())
            try:
                with pytest.raises(OutcomeUnknown) as caught:
                    await find("mlflow").open(Gateway("prod", "mlflow", server.url), client).create(hook(), {})
                assert "doctype" not in str(caught.value)
            finally:
                await client.close()

    asyncio.run(run())


def spoken(deed: Callable[[Adapter], Awaitable[Any]], answers: list[tuple[int, dict[str, str], Any]]) -> Any:
    """What one call to a scripted MLflow comes to."""

    async def run() -> Any:
        async with listening(answers) as wire:
            client = connect(Target("prod", wire.url, None, concurrency=1), FakeClock(), RecordingProgress())
            try:
                return await deed(find("mlflow").open(Gateway("prod", "mlflow", wire.url), client))
            finally:
                await client.close()

    return asyncio.run(run())


SQL = {
    "error_code": "BAD_REQUEST",
    "message": "(sqlite3.IntegrityError) UNIQUE constraint failed: endpoints.name [SQL: INSERT INTO endpoints ...]",
}
NO_ENDPOINT: tuple[int, dict[str, str], Any] = (
    404,
    {},
    {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "GatewayEndpoint not found"},
)
PARTS_MADE: list[tuple[int, dict[str, str], Any]] = [
    *[NO_ENDPOINT, *[(200, {}, {})] * 3],
    *[(200, {}, {"secret": {"secret_id": "s-1"}}), (200, {}, {"model_definition": {"model_definition_id": "d-1"}})],
    NO_ENDPOINT,
]


def test_a_name_that_was_taken_meanwhile_is_a_conflict_and_no_text_of_a_database() -> None:
    """MLflow answers a second endpoint of one name with 400 and its SQL: that is no mistake of the manifest."""
    theirs = {"name": "chat", "model_mappings": [link("theirs", 0)]}
    answers: list[tuple[int, dict[str, str], Any]] = [(400, {}, SQL), (200, {}, {"endpoint": theirs})]
    with pytest.raises(Conflict) as raised:
        spoken(lambda a: a.create(endpoint(), {KEY: SecretValue("sk-0123456789")}), [*PARTS_MADE, *answers])
    assert "SQL" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid URL scheme: 'http'."},
            "Invalid URL scheme",
        ),
        (404, {"detail": {"error_code": "X", "message": "'chat' has no PRIMARY models configured"}}, "has no PRIMARY"),
        (
            500,
            {"detail": {"error_code": "INTERNAL_ERROR", "message": "The package is required"}},
            "package is required",
        ),
    ],
)
def test_both_ways_in_which_mlflow_says_why_are_understood(status: int, body: Any, words: str) -> None:
    """Its API and its inference side have different shapes: whoever reads the report needs the words of both."""
    live = Live(endpoint().address, "chat", endpoint().spec)
    (check,) = spoken(lambda adapter: adapter.verify(endpoint(), live), [(status, {}, body)] * 9)
    assert words in check.message


def test_a_refusal_in_plain_text_is_understood() -> None:
    """MLflow's basic authentication answers without JSON: that is no answer of the wrong form."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        said = b"You are not authenticated."
        writer.write(b"HTTP/1.1 401 X\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(said) + said)
        await writer.drain()

    async def run() -> None:
        async with raw(serve) as server:
            client = connect(Target("prod", server.url), FakeClock(), RecordingProgress())
            try:
                seen = await find("mlflow").open(Gateway("prod", "mlflow", server.url), client).observe()
            finally:
                await client.close()
            assert not seen.complete
            assert "The credential was refused" in seen.diagnostics[0].detail

    asyncio.run(run())


def test_a_queued_write_that_never_shows_is_a_doubt() -> None:
    """202 is a promise: what is not seen within the deadline is neither a success nor a failure."""

    async def run() -> None:
        idle = {"id": "w", "url": SPEC["apiBase"], "priority": 1, "status": "ready", "labels": {}}
        answers: list[tuple[int, dict[str, str], Any]] = [(202, {}, {"worker_id": "w"}), *[(200, {}, idle)] * 500]
        async with listening(answers) as wire:
            clock = FakeClock()
            client = connect(Target("prod", wire.url, total_timeout=10), clock, RecordingProgress())
            adapter = find("smg").open(Gateway("prod", "smg", wire.url), client)
            try:
                live = Live(endpoint().address, "w", endpoint().spec, idle)
                with pytest.raises(OutcomeUnknown, match="still not to be seen after 10 s"):
                    await adapter.update(endpoint(), live, {KEY: SecretValue("sk-0123456789")})
                assert 8 < sum(clock.slept) <= 10
            finally:
                await client.close()

    asyncio.run(run())


# ---- verdicts

NOW = "2026-01-01T00:01:00.000Z"
JUST_NOW = {"last_updated_at": 1767225600000}
LONG_AGO = {"last_updated_at": 1767220000000}
DONE = {"choices": [{}], "model": "gpt-4o-2024-08-06"}


@pytest.mark.parametrize(
    ("answer", "written", "provider", "verdict"),
    [
        (DONE, JUST_NOW, "openai", Verdict.READY),
        ({**DONE, "model": "gpt-4"}, JUST_NOW, "openai", Verdict.UNKNOWN),
        ({**DONE, "model": "gpt-4"}, LONG_AGO, "openai", Verdict.READY),
        ({**DONE, "model": "llama-70b"}, JUST_NOW, "databricks", Verdict.READY),
        ({**DONE, "model": "gpt-4"}, {}, "openai", Verdict.READY),
        ({"detail": "x"}, JUST_NOW, "openai", Verdict.UNKNOWN),
    ],
)
def test_an_answer_of_the_earlier_model_is_no_proof(
    answer: dict[str, Any], written: dict[str, Any], provider: str, verdict: Verdict
) -> None:
    """The inference side remembers for a minute what it read; a provider that renames models is no stale cache."""
    (check,) = verify.answered(endpoint(provider=provider), answer, written, NOW)
    assert check.verdict is verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Unauthorized("401"), Verdict.REJECTED),
        (ServerFault("500"), Verdict.UNKNOWN),
        (ProtocolError("x"), Verdict.UNKNOWN),
    ],
)
def test_a_broken_provider_is_a_doubt_and_a_refusal_is_not(error: GatewayError, verdict: Verdict) -> None:
    """A rollback for a provider's bad minute would undo a good change."""
    (check,) = verify.unanswered(error, {}, NOW)
    assert check.verdict is verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.READY), (404, Verdict.REJECTED), (503, Verdict.UNKNOWN), (None, Verdict.UNKNOWN)],
)
def test_a_delivery_is_judged_by_its_receiver(status: int | None, verdict: Verdict) -> None:
    """A receiver that is being restarted is no reason to take a webhook for broken."""
    result = {"success": status == 200, **({} if status is None else {"response_status": status})}
    (check,) = verify.delivered({"status": "ACTIVE"}, result)
    assert check.verdict is verdict
