"""Questions in every dialect over real sockets, to a gateway that answers well and badly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from inference_bench import ALL, HURRIED, KEY, PATIENT, asking, fault, one, question, spoilt

from reconciler.errors import (
    GatewayError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
)
from reconciler.inference.attempt import Limits
from reconciler.inference.chat import Usage
from reconciler.inference.client import Reply
from reconciler.inference.events import Delta, Restarted

THREE = ("one two three",)
every_dialect = pytest.mark.parametrize("dialect", ALL)
counting = pytest.mark.parametrize("dialect", [name for name in ALL if name != "genesys"])


@every_dialect
def test_an_answer_arrives_whole_with_what_is_known_of_it(store: Path, dialect: str) -> None:
    """Four wires, one reply: whoever asks does not know which one it was."""
    reply = one(store, dialect, {"answers": ["Grüße, 你好 — done"]})
    assert (reply.text, reply.model, reply.finish_reason) == ("Grüße, 你好 — done", "gpt-4o", "stop")
    assert reply.attempts == 1
    assert reply.time_to_first_token_ms is not None
    assert 0 <= reply.time_to_first_token_ms <= reply.latency_ms


@counting
def test_usage_is_the_providers_or_nothing(store: Path, dialect: str) -> None:
    """A guess in the place of a count would be billed as one."""
    reply = one(store, dialect, {"answers": THREE})
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 3
    assert one(store, dialect, spoilt(dialect, {"usage": "absent"}, THREE)).usage is None


@every_dialect
def test_pieces_come_before_the_whole(store: Path, dialect: str) -> None:
    """A bot that shows text while it comes needs the pieces, and the whole to judge it."""

    async def main() -> None:
        async with asking(store, dialect, {"answers": THREE}) as bench, bench.client.stream(question()) as told:
            events = [event async for event in told]
        assert events[:-1] == [Delta("one "), Delta("two "), Delta("three")]
        assert isinstance(events[-1], Reply)
        assert events[-1].text == THREE[0]

    asyncio.run(main())


@every_dialect
@pytest.mark.parametrize("size", [1, 3, 7])
def test_how_the_bytes_are_cut_changes_no_answer(store: Path, dialect: str, size: int) -> None:
    """A proxy in between splits characters and lines where it likes."""
    assert one(store, dialect, spoilt(dialect, {"chunk_bytes": size}, ("é你𝄞 x",))).text == "é你𝄞 x"


@every_dialect
@pytest.mark.parametrize("after", [1, 3])
def test_a_connection_cut_in_the_middle_is_no_short_answer(store: Path, dialect: str, after: int) -> None:
    """Half a sentence can say the opposite of the whole one; it is kept for who wants to look at it."""
    with pytest.raises(IncompleteStream) as caught:
        one(store, dialect, spoilt(dialect, {"cut_after": after}, THREE))
    assert caught.value.partial == "".join(["one ", "two ", "three"][:after])
    assert not caught.value.clean


@every_dialect
@pytest.mark.parametrize("after", [1, 3])
def test_a_good_end_without_the_marker_is_no_short_answer(store: Path, dialect: str, after: int) -> None:
    """A clean close ends a loop over frames exactly as the marker does; only the marker says that all was said."""
    with pytest.raises(IncompleteStream) as caught:
        one(store, dialect, spoilt(dialect, {"end_after": after}, THREE))
    assert caught.value.partial == "".join(["one ", "two ", "three"][:after])
    assert caught.value.clean


@every_dialect
@pytest.mark.parametrize("how", ["cut_after", "end_after", "error_after"])
def test_what_fails_before_the_first_token_is_asked_again(store: Path, dialect: str, how: str) -> None:
    """Nothing was said yet, so that nothing can be said twice."""
    reply = one(store, dialect, spoilt(dialect, {how: 0}, THREE, times=1), limits=Limits(9, 5, 5))
    assert (reply.text, reply.attempts) == (THREE[0], 2)


@every_dialect
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("the provider failed", ServerFault),
        ({"code": 500, "message": f"no answer for {KEY}"}, ServerFault),
        ({"code": 429, "message": "slow down"}, Throttled),
        ({"code": "insufficient_quota", "message": "pay first"}, QuotaExhausted),
        ({"code": 401, "message": "revoked"}, Unauthorized),
    ],
)
def test_an_error_in_the_middle_has_its_type_and_quotes_no_key(
    store: Path, dialect: str, error: object, expected: type[GatewayError]
) -> None:
    """Errors come as objects and as texts, and providers repeat the key that they refuse."""
    with pytest.raises(expected) as caught:
        one(store, dialect, spoilt(dialect, {"error_after": 1, "error": error}, THREE))
    assert KEY not in str(caught.value)
    assert caught.value.gateway == "prod"


@every_dialect
def test_a_frame_that_is_no_json_is_not_passed_over(store: Path, dialect: str) -> None:
    """Skipping it would leave a hole in the answer that nobody sees."""
    with pytest.raises(ProtocolError, match="not JSON"):
        one(store, dialect, spoilt(dialect, {"garbage_after": 1}, THREE))


@every_dialect
def test_a_tool_that_nobody_offered_is_refused_by_name(store: Path, dialect: str) -> None:
    """An empty answer would be the other way to say it."""
    expected = ServerFault if dialect == "cognigy" else ProtocolError
    with pytest.raises(expected, match="tool"):
        one(store, dialect, spoilt(dialect, {"tool_call": True}, THREE))


@pytest.mark.parametrize("dialect", ["openai", "genesys"])
def test_a_wrong_content_type_is_named(store: Path, dialect: str) -> None:
    """A proxy's page with status 200 is the classic."""
    with pytest.raises(ProtocolError, match="text/html"):
        one(store, dialect, spoilt(dialect, {"content_type": "text/html"}, THREE))


@every_dialect
def test_an_endless_answer_ends_with_the_deadline(store: Path, dialect: str) -> None:
    """Tokens that keep coming reset every clock but one."""
    with pytest.raises(TimedOut):
        one(store, dialect, spoilt(dialect, {"endless": True, "between_ms": 5}, THREE), limits=Limits(0.3, 5, 5))


@every_dialect
def test_a_model_that_stops_in_the_middle_is_not_waited_for(store: Path, dialect: str) -> None:
    """Between two tokens the idle clock runs, however long the deadline."""
    with pytest.raises(TimedOut, match="next piece"):
        one(store, dialect, spoilt(dialect, {"between_ms": 3000}, THREE), limits=HURRIED)


@every_dialect
def test_a_slow_beginning_is_one_clock_and_a_slow_middle_another(store: Path, dialect: str) -> None:
    """Models think before they speak: the first token may take longer than the next ones."""
    speech = {"first_ms": 250, "between_ms": 5}
    assert one(store, dialect, spoilt(dialect, speech, THREE), limits=Limits(5, 2, 0.2)).text == THREE[0]
    with pytest.raises(TimedOut, match="first"):
        one(store, dialect, spoilt(dialect, {"first_ms": 3000}, THREE), limits=Limits(0.5, 0.15, 5))


@every_dialect
@pytest.mark.parametrize(
    "speech", [{"first_ms": 3000}, {"error_after": 0, "error": {"code": 429, "message": "slow down"}}]
)
def test_the_next_model_answers_where_one_is_late_or_busy(store: Path, dialect: str, speech: object) -> None:
    """A fallback is declared for exactly these days."""
    plan = {"answers": THREE, "rules": [fault(dialect, {"speech": speech}, model="first")]}

    async def main() -> None:
        async with asking(store, dialect, plan) as bench:
            reply = await bench.ask("gpt-4o-mini", limits=Limits(4, 0.3, 5), model="first")
        assert (reply.text, reply.model, reply.attempts) == (THREE[0], "gpt-4o-mini", 2)
        assert [event for event, _ in bench.told.told] == ["inference_fell_back"]

    asyncio.run(main())


@every_dialect
def test_two_models_texts_never_mix(store: Path, dialect: str) -> None:
    """What one began is taken back before the other begins."""
    plan = {
        "answers": ["I began this", "Another answer"],
        "rules": [fault(dialect, {"speech": {"between_ms": 3000}}, model="first")],
    }

    async def main() -> None:
        async with asking(store, dialect, plan) as bench:
            asked = bench.client.stream(question("first"), limits=HURRIED, fallback_models=["second", "third"])
            async with asked as told:
                events = [event async for event in told]
        assert events[:-1] == [Delta("I "), Restarted("second"), Delta("Another "), Delta("answer")]
        assert isinstance(events[-1], Reply)
        assert (events[-1].text, events[-1].model) == ("Another answer", "second")

    asyncio.run(main())


def test_a_gateway_that_falls_back_in_the_middle_does_not_mix_texts_either(store: Path) -> None:
    """Its frames say which attempt they belong to; joined, they would be nonsense."""
    assert one(store, "cognigy", spoilt("cognigy", {"switch_after": 2}, THREE)).text == "three"


@pytest.mark.parametrize(("status", "code"), [(429, "injected"), (408, "injected"), (504, "injected")])
@every_dialect
def test_a_question_that_is_refused_for_now_goes_to_the_next_model(
    store: Path, dialect: str, status: int, code: str
) -> None:
    """Whether it is said by a status or by a frame."""
    plan = {"answers": THREE, "rules": [fault(dialect, {"status": status, "code": code}, model="first")]}

    async def main() -> Reply:
        async with asking(store, dialect, plan) as bench:
            return await bench.ask("second", model="first", limits=Limits(20, 5, 5))

    reply = asyncio.run(main())
    assert (reply.text, reply.model) == (THREE[0], "second")


def test_the_only_model_is_waited_for_as_long_as_it_asks_and_no_longer(store: Path) -> None:
    """The gateway's word comes before any schedule of ours, and the deadline before both."""
    path = {"match": {"path": "/v1/chat/*", "times": 1}}
    short = {"answers": THREE, "rules": [{**path, "do": {"status": 429, "retry_after": 0.01}}]}
    assert one(store, "openai", short).attempts == 2
    long = {"answers": THREE, "rules": [{**path, "do": {"status": 429, "retry_after": 60}}]}
    with pytest.raises(Throttled):
        one(store, "openai", long)


def test_a_used_up_quota_is_not_asked_again(store: Path) -> None:
    """Waiting does not fill an account."""
    plan = {"rules": [{"match": {"path": "/v1/*"}, "do": {"status": 429, "code": "insufficient_quota"}}]}

    async def main() -> None:
        async with asking(store, "openai", plan) as bench:
            with pytest.raises(QuotaExhausted):
                await bench.ask("second", "third")
            async with httpx.AsyncClient() as client:
                seen = (await client.get(bench.url + "/_embedded/requests")).json()
        assert seen["counts"] == {"POST": 1}

    asyncio.run(main())


@every_dialect
def test_every_field_of_a_question_reaches_the_gateway(store: Path, dialect: str) -> None:
    """Settings that end in a variable and not on the wire were the commonest fault of all."""

    async def main() -> None:
        async with asking(store, dialect) as bench:
            await bench.ask(model="my-model")
            async with httpx.AsyncClient() as client:
                (asked,) = (await client.get(bench.url + "/_embedded/requests")).json()["questions"]
        assert "my-model" in (asked.get("model"), asked.get("modelId"))
        assert "Where is my order?" in str(asked)
        assert "Be kind." in str(asked)
        assert asked.get("stream", asked.get("streaming")) is True

    asyncio.run(main())


@counting
def test_the_second_key_serves_after_the_first_was_limited(store: Path, dialect: str) -> None:
    """Whether the gateway turns its keys or we were given another, one 429 must not end the conversation."""
    plan = {"answers": THREE, "keys": [{"pattern": "sk-limited*", "answer": "limited"}]}

    async def main() -> None:
        async with asking(store, dialect, plan) as bench:
            async with httpx.AsyncClient(base_url=bench.url, headers={"authorization": f"Bearer {KEY}"}) as client:
                keys = {"enabled": True, "keys": ["sk-limited-key-1", "sk-good-key-2"]}
                provider = {"name": "p", "type": "OPENAI", "defaultModel": "gpt-4o", "apiKeyRotation": keys}
                assert (await client.post("/api/v1/llm-gateway/providers", json=provider)).status_code == 201
            reply = await bench.ask()
        assert (reply.text, reply.attempts) == (THREE[0], 2 if dialect == "cognigy" else 1)

    asyncio.run(main())


@pytest.mark.parametrize("dialect", ["openai", "openai-websocket", "cognigy"])
def test_a_key_that_is_refused_is_said_so_at_once(store: Path, dialect: str) -> None:
    """Nothing that a program does mends a revoked key."""
    plan = {"keys": [{"pattern": "sk-*", "answer": "rejected"}]}
    with pytest.raises(Unauthorized):
        one(store, dialect, plan, "second")


@pytest.mark.parametrize("dialect", ALL)
def test_a_model_that_is_not_there_and_a_question_that_is_too_long_are_refusals(store: Path, dialect: str) -> None:
    """Both are for whoever wrote the manifest, and neither is a reason to ask again."""
    with pytest.raises(NotFound):
        one(store, dialect, {"models": ["other"]})
    with pytest.raises(Rejected, match="context window"):
        one(store, dialect, {"context_tokens": 2})


def test_models_are_listed_for_nothing(store: Path) -> None:
    """The cheapest proof that a gateway takes a key and knows a model."""

    async def main() -> None:
        async with asking(store, "openai", {"models": ["gpt-4.1", "gpt-4o"]}) as bench:
            assert await bench.client.models() == ["gpt-4.1", "gpt-4o"]

    asyncio.run(main())


def test_an_answer_to_the_model_list_that_is_none_is_a_protocol_error(store: Path) -> None:
    """A gateway's start page answers every path with 200."""
    plan = {"rules": [{"match": {"path": "/v1/models"}, "do": {"bad_json": "shape"}}]}

    async def main() -> None:
        async with asking(store, "openai", plan) as bench:
            await bench.client.models()

    with pytest.raises(ProtocolError):
        asyncio.run(main())


@every_dialect
def test_many_questions_at_once_keep_their_answers_apart(store: Path, dialect: str) -> None:
    """One client serves all turns of a gateway at the same time."""

    async def main() -> None:
        async with asking(store, dialect) as bench:
            asked = [bench.client.ask(question(text=f"number {n} of many"), limits=PATIENT) for n in range(20)]
            replies = await asyncio.gather(*asked)
        assert all(f"number {n} of" in reply.text for n, reply in enumerate(replies))

    asyncio.run(main())


@every_dialect
def test_a_question_that_is_given_up_leaves_its_place_to_the_next(store: Path, dialect: str) -> None:
    """A bot turn whose caller has gone must not block those behind it, or keep its model talking."""
    plan = spoilt(dialect, {"between_ms": 200}, THREE)

    async def main() -> None:
        async with asking(store, dialect, plan, concurrency=1) as bench:
            begun = asyncio.Event()

            async def listening() -> None:
                async with bench.client.stream(question()) as told:
                    async for _event in told:
                        begun.set()

            given_up = asyncio.create_task(listening())
            await begun.wait()
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            async with bench.client.stream(question()) as told:
                async for _event in told:
                    break
            assert (await bench.ask()).text == THREE[0]

    asyncio.run(main())


@counting
def test_a_finish_reason_is_enough_and_so_is_the_marker(store: Path, dialect: str) -> None:
    """Gateways leave out the one or the other; on a socket that stays open the rest is waited for only a moment."""
    for marker in ("done", "reason"):
        reply = one(store, dialect, spoilt(dialect, {"marker": marker, "usage": "absent"}, THREE))
        assert reply.text == THREE[0]
        assert reply.latency_ms < 3000


def test_the_finish_reason_is_kept(store: Path) -> None:
    """An answer that was cut by its length, or filtered, is for the caller to judge."""
    assert one(store, "openai", spoilt("openai", {"finish_reason": "length"}, THREE)).finish_reason == "length"


@every_dialect
def test_an_empty_answer_is_an_answer_without_a_first_token(store: Path, dialect: str) -> None:
    """Models do say nothing; it is not an error of the wire."""
    if dialect == "genesys":
        with pytest.raises(IncompleteStream):
            one(store, dialect, {"answers": [""]}, limits=Limits(6, 5, 5))
        return
    reply = one(store, dialect, {"answers": [""]})
    assert (reply.text, reply.time_to_first_token_ms) == ("", None)


def test_usage_is_told_of_the_answer_that_is_given(store: Path) -> None:
    """Tokens of an answer that was taken back would be counted for the wrong model."""
    reply = one(store, "openai", {"answers": THREE})
    assert reply.usage == Usage(4, 3)
