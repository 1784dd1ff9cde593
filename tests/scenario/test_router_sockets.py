"""The router on a socket before the gateway in a box on another: what bot platforms see."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from router_bench import (
    COGNIGY,
    CXONE,
    GATEWAY,
    SECRET,
    SPEAK,
    STANDARD,
    RouterBench,
    cognigy_event,
    cxone_event,
    hex_of,
    manifests,
    routing,
    standard,
    unix,
)

from reconciler.router.readiness import SOONER_SECONDS

DECISION = {
    "classified_intent": "order",
    "confidence": 0.9,
    "extracted_parameters": {"order": "A-1"},
    "suggested_response": "On its way.",
    "requires_human_agent": False,
}

Talk = Callable[[RouterBench], Awaitable[Any]]


def with_router(root: Path, talk: Talk, plan: Mapping[str, Any] | None = None, **how: Any) -> Any:
    """One conversation with a router and its gateway."""

    async def main() -> Any:
        async with routing(root / "checkout", plan, **how) as bench:
            return await talk(bench)

    return asyncio.run(main())


def spoken(**speech: Any) -> dict[str, Any]:
    return {"match": SPEAK, "do": {"speech": speech}}


def failing(status: int, **more: Any) -> dict[str, Any]:
    return {"match": SPEAK, "do": {"status": status, **more}}


def test_a_turn_of_nice_cxone(tmp_path: Path) -> None:
    """The contract's answer, member by member, with the conversation before it in the question."""

    async def talk(bench: RouterBench) -> None:
        answer = await bench.cxone()
        body = answer.json()
        assert answer.status_code == 200
        assert body["messages"] == [{"text": "Your order is on its way."}]
        assert body["source"] == "llm_gateway"
        assert (
            body["metrics"]["total_tokens"] == body["metrics"]["prompt_tokens"] + body["metrics"]["completion_tokens"]
        )
        assert body["metrics"]["model"] == "gpt-4o"
        assert body["metrics"]["temperature"] == 0.7
        assert body["metrics"]["cost_usd"] > 0
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
        question = (await bench.questions())[0]
        assert [message["content"] for message in question["messages"]] == [
            "You are kind.", "Hello", "Hello, how can I help?", "Where is my order?",
        ]  # fmt: skip
        assert (question["model"], question["temperature"], question["max_tokens"]) == ("gpt-4o", 0.7, 1024)

    turns = [{"from": "customer", "text": "Hello"}, {"from": "bot", "text": "Hello, how can I help?"}]
    with_router(tmp_path, talk, {"answers": ["Your order is on its way."], "conversations": {"s": turns}})


def test_a_turn_of_cognigy(tmp_path: Path) -> None:
    """The structured decision, with summaries that come newest first turned round."""

    async def talk(bench: RouterBench) -> None:
        answer = await bench.cognigy()
        assert answer.json() == {"status": "success", "conversationId": "c", "routing_decision": DECISION}
        question = (await bench.questions())[0]
        assert [message["content"] for message in question["messages"]][1:3] == ["Hello", "Hi"]
        assert question["response_format"]["type"] == "json_schema"
        assert (question["temperature"], question["max_tokens"]) == (0.2, 500)

    turns = [{"from": "customer", "text": "Hello"}, {"from": "bot", "text": "Hi"}]
    with_router(tmp_path, talk, {"answers": [json.dumps(DECISION)], "conversations": {"c": turns}})


@pytest.mark.parametrize(
    ("score", "status"), [(0.75, "success"), (0.7500001, "above_threshold"), (1, "above_threshold")]
)
def test_a_sure_bot_is_answered_without_a_model_and_not_with_an_error(
    tmp_path: Path, score: float, status: str
) -> None:
    """A 400 makes senders repeat the call for ever; the threshold itself still asks."""

    async def talk(bench: RouterBench) -> None:
        answer = await bench.cognigy(confidenceScore=score)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert len(await bench.questions()) == (status == "success")

    with_router(tmp_path, talk)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (failing(429), "rate-limited"),
        (failing(401), "gateway-refused"),
        (failing(403), "gateway-refused"),
        (failing(404), "gateway-refused"),
        (failing(400, echo=True), "gateway-refused"),
        (failing(500, echo=True), "gateway-failed"),
        (failing(504), "gateway-timeout"),
        (failing(429, code="insufficient_quota"), "quota-exhausted"),
        ({"match": SPEAK, "do": {"drop": "before"}}, "gateway-failed"),
        ({"match": SPEAK, "do": {"delay_ms": 30_000}}, "gateway-timeout"),
        (spoken(first_ms=30_000), "gateway-timeout"),
        (spoken(between_ms=30_000), "gateway-timeout"),
        (spoken(endless=True, between_ms=5), "deadline"),
        (spoken(cut_after=2), "answer-incomplete"),
        (spoken(end_after=2), "answer-incomplete"),
        (spoken(error_after=1), "gateway-failed"),
        (spoken(error_after=1, error="sk-12345 is broken"), "gateway-failed"),
        (spoken(garbage_after=1), "answer-garbled"),
        (spoken(tool_call=True), "answer-garbled"),
        (spoken(content_type="text/html"), "answer-garbled"),
        (spoken(finish_reason="length"), "answer-cut"),
        (spoken(finish_reason="content_filter"), "answer-filtered"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_gateway_that_fails_is_a_fallback_within_the_deadline(
    tmp_path: Path, rule: Mapping[str, Any], reason: str
) -> None:
    """Each failure has its reason, both channels have their words, and no text of the gateway gets through."""
    late = {"deadline", "gateway-timeout"}

    async def talk(bench: RouterBench) -> None:
        await bench.faults(rule)
        cxone, cognigy = await asyncio.gather(bench.cxone(), bench.cognigy())
        assert (cxone.status_code, cognigy.status_code) == (200, 200)
        assert cxone.json()["messages"] == [{"text": "Please wait."}]
        assert cxone.json()["source"] == "fallback"
        assert cognigy.json()["suggested_response"] == "A person will help."
        assert cognigy.json()["fallback_action"] == "route_to_human"
        for error in (cxone.json()["error"], cognigy.json()["error"]):
            assert error == reason or {error, reason} <= late
        shown = cxone.text + cognigy.text + bench.logged + await bench.metrics()
        assert "sk-12345" not in shown
        assert "a fault was asked for" not in cxone.text + cognigy.text

    # What is late lasts longer than any test; what fails at once has all the time that a busy machine may need.
    with_router(tmp_path, talk, deadline=800 if reason in late and "status" not in rule["do"] else 15_000)


def test_a_gateway_that_is_not_there_is_a_fallback(tmp_path: Path) -> None:
    """Nothing listens at that address."""

    async def talk(bench: RouterBench) -> None:
        assert (await bench.cxone()).json()["error"] in {"gateway-unreachable", "gateway-timeout"}
        assert (await bench.client.get("/readyz")).status_code == 503
        assert (await bench.client.get("/healthz")).status_code == 200

    with_router(tmp_path, talk, text=manifests("http://127.0.0.1:9", 1000))


def test_the_next_model_answers_when_the_first_is_silent(tmp_path: Path) -> None:
    """That is what fallback models are for, and the deadline leaves them time."""

    async def talk(bench: RouterBench) -> None:
        await bench.faults({"match": {**SPEAK, "model": "gpt-4o"}, "do": {"speech": {"first_ms": 30_000}}})
        body = (await bench.cxone()).json()
        assert body["source"] == "llm_gateway"
        assert body["metrics"]["model"] == "second"

    with_router(tmp_path, talk, deadline=1200)


def test_personal_data_goes_neither_in_nor_out_nor_into_what_is_kept(tmp_path: Path) -> None:
    """Over the wire, as it is stored and logged and measured."""

    async def talk(bench: RouterBench) -> None:
        await bench.faults(spoken(pii=True), conversations={"*": [{"from": "customer", "text": "SSN 078-05-1120"}]})
        answers = [
            await bench.cxone(lastMessage="I am jane.doe@example.com, card 4111 1111 1111 1111"),
            await bench.cxone(lastMessage="call (555) 123-4567"),
        ]
        everything = bench.logged + await bench.metrics() + json.dumps(await bench.questions())
        for text in (*(answer.text for answer in answers), everything):
            for personal in ("jane.doe", "4111", "123-4567", "078-05"):
                assert personal not in text
        assert "[EMAIL REDACTED]" in answers[0].text

    with_router(tmp_path, talk)


def test_a_turn_leaves_one_line_and_no_word_of_the_customer(tmp_path: Path) -> None:
    """What it cost and how it ended is for ever; what was said is not."""

    async def talk(bench: RouterBench) -> None:
        answer = await bench.cxone(lastMessage="A very particular sentence.")
        (line,) = bench.told.named("inference.call")
        assert line["request_id"] == answer.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{64}", str(line["request_hash"]))
        assert bench.told.named("turn_finished")[0]["outcome"] == "ok"
        for never in ("particular", SECRET, STANDARD, "teams-secret-value", "Bearer"):
            assert never not in bench.logged + await bench.metrics()

    with_router(tmp_path, talk)


HOSTILE: Mapping[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "invalid-json"),
    "not JSON": (b"{", 400, "invalid-json"),
    "not UTF-8": (b'{"botId": "\xff\xfe", "sessionId": "s"}', 400, "invalid-json"),
    "half a pair": (b'{"botId": "\\ud800", "sessionId": "s"}', 400, "invalid-json"),
    "deep": (b"[" * 100_000, 400, "invalid-json"),
    "a list": (b"[]", 422, "invalid-event"),
    "null": (b"null", 422, "invalid-event"),
    "a number": (b"1e999", 422, "invalid-event"),
    "nothing in it": (b"{}", 422, "invalid-event"),
    "numbers for texts": (b'{"botId": 7, "sessionId": "s"}', 422, "invalid-event"),
    "empty names": (b'{"botId": "", "sessionId": "s"}', 422, "invalid-event"),
    "long names": (b'{"botId": "%s", "sessionId": "s"}' % (b"x" * 257), 422, "invalid-event"),
    "too large": (b" " * 300_000, 413, "body-too-large"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_body_that_is_no_event_is_refused_with_its_code(tmp_path: Path, name: str) -> None:
    """A caller's mistake is a 4xx, never a 500, and nothing of the body comes back."""
    body, status, code = HOSTILE[name]

    async def talk(bench: RouterBench) -> None:
        answer = await bench.client.post(CXONE, content=body, headers={"X-Webhook-Signature": hex_of(body)})
        assert (answer.status_code, answer.json()["error"]) == (status, code)
        assert set(answer.json()) == {"error", "request_id", "fields"}
        assert not await bench.questions()

    with_router(tmp_path, talk)


def test_a_refused_event_names_its_members_and_not_their_values(tmp_path: Path) -> None:
    """Whoever integrates sees what to mend; names that callers make up are not repeated."""

    async def talk(bench: RouterBench) -> None:
        answer = await bench.cognigy(
            confidenceScore=7, lastMessage=None, metadata={"jane.doe@example.com": float("nan")}
        )
        assert answer.status_code == 422
        assert answer.json()["fields"] == ["confidenceScore", "lastMessage"]
        assert (await bench.cognigy(surprise=1)).status_code == 200

    with_router(tmp_path, talk)


def test_a_call_without_a_right_signature_reaches_nothing(tmp_path: Path) -> None:
    """Whoever finds the address must not spend money; that is a 401, since nobody has said who they are."""

    async def talk(bench: RouterBench) -> None:
        body = cxone_event()
        for given in ({}, {"X-Webhook-Signature": hex_of(b"other")}, {"X-Webhook-Signature": "é" * 64}):
            headers = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
            answer = await bench.client.post(CXONE, content=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "bad-signature")
        answer = await bench.client.post(COGNIGY, content=body, headers={"X-Webhook-Signature": hex_of(body)})
        assert answer.status_code == 401
        assert not await bench.questions()
        assert 'refused_total{code="bad-signature"} 4.0' in await bench.metrics()

    with_router(tmp_path, talk)


def test_a_standard_webhook_is_taken_once_and_in_its_time(tmp_path: Path) -> None:
    """A call that was recorded on the way is of no use to whoever recorded it."""

    async def talk(bench: RouterBench) -> None:
        body, now = cognigy_event(), unix()
        headers = standard(body, "call", now)
        first, again = [await bench.client.post(COGNIGY, content=body, headers=headers) for _ in range(2)]
        assert (first.status_code, again.status_code, again.json()["error"]) == (200, 409, "replayed")
        later = await bench.client.post(COGNIGY, content=body, headers=standard(body, "call", now + 1))
        assert later.status_code == 409
        old = await bench.client.post(COGNIGY, content=body, headers=standard(body, "old", now - 400))
        assert (old.status_code, old.json()["error"]) == (401, "timestamp-out-of-tolerance")
        assert len(await bench.questions()) == 1

    with_router(tmp_path, talk, {"answers": [json.dumps(DECISION)]})


def test_a_route_whose_memory_is_full_says_so_and_no_other_is(tmp_path: Path) -> None:
    """It refuses rather than forgets, with its own code, and the figures show how full it is."""

    async def talk(bench: RouterBench) -> None:
        full = manifests(bench.gateway).replace("scheme: standard,", "scheme: standard, callsPerSecond: 1,")
        bench.write(full)
        await until(bench, 1)
        body, now = cognigy_event(confidenceScore=1), unix()
        for number in range(600):
            headers = standard(body, f"call-{number}", now)
            assert (await bench.client.post(COGNIGY, content=body, headers=headers)).status_code == 200
        for _ in range(2):
            answer = await bench.client.post(COGNIGY, content=body, headers=standard(body, "one-more", now))
            assert (answer.status_code, answer.json()["error"]) == (503, "replay-memory-full")
            assert 0 < int(answer.headers["retry-after"]) <= 600
        again = await bench.client.post(COGNIGY, content=body, headers=standard(body, "call-0", now))
        assert again.status_code == 409
        assert 'replay_remembered{route="cognigy-bot"} 600.0' in await bench.metrics()
        assert (await bench.cxone()).status_code == 200
        bench.write(full + "\n# again\n")
        await until(bench, 2)
        again = await bench.client.post(COGNIGY, content=body, headers=standard(body, "call-0", now))
        assert again.status_code == 409

    with_router(tmp_path, talk)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", CXONE, 405), ("POST", "/x", 404), ("POST", "/healthz", 404), ("GET", "/docs", 405), ("PUT", "/", 405)],
)
def test_other_doors_are_shut(tmp_path: Path, method: str, path: str, status: int) -> None:
    """The document is published as a file; a router shows nothing of itself to whoever tries."""

    async def talk(bench: RouterBench) -> None:
        answer = await bench.client.request(method, path)
        assert answer.status_code == status
        assert "error" in answer.json()
        assert "server" not in answer.headers

    with_router(tmp_path, talk)


def test_beyond_the_queue_nobody_waits_for_nothing(tmp_path: Path) -> None:
    """Back-pressure: 503 at once, with a time to come again, beats a line that nobody reaches the end of."""

    async def talk(bench: RouterBench) -> None:
        await bench.faults(spoken(first_ms=300))
        answers = await asyncio.gather(*(bench.cxone() for _ in range(12)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert len(refused) == 12 - 4 - 3
        assert {answer.json()["error"] for answer in refused} == {"overloaded"}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        assert all(answer.json()["source"] == "llm_gateway" for answer in answers if answer.status_code == 200)
        assert 'queue{place="running"} 0.0' in await bench.metrics()

    with_router(tmp_path, talk, most=4, line=3)


def test_whoever_waits_too_long_in_line_has_the_fallback(tmp_path: Path) -> None:
    """The deadline counts from the call, and not from when its turn comes."""

    async def talk(bench: RouterBench) -> None:
        await bench.faults(spoken(first_ms=30_000))
        answers = await asyncio.gather(*(bench.cxone() for _ in range(4)))
        reasons = sorted(answer.json()["error"] for answer in answers)
        assert set(reasons) <= {"overloaded", "deadline", "gateway-timeout"}
        assert set(reasons) & {"overloaded", "deadline"}  # whichever of the two clocks strikes first

    with_router(tmp_path, talk, most=1, line=10, deadline=600)


def test_two_hundred_turns_at_once_are_all_answered(tmp_path: Path) -> None:
    """Every customer hears their own answer."""

    async def talk(bench: RouterBench) -> None:
        answers = await asyncio.gather(*(bench.cxone(lastMessage=f"Number {n:03}.") for n in range(200)))
        assert [answer.json()["messages"][0]["text"] for answer in answers] == [
            f"You asked: Number {n:03}." for n in range(200)
        ]
        text = await bench.metrics()
        assert 'turns_total{channel="cxone",route="cxone-bot",source="model"} 200.0' in text
        assert 'sla_answered_ratio{route="cxone-bot"} 1.0' in text

    with_router(tmp_path, talk, deadline=15_000)


def test_readiness_is_looked_up_and_never_asked_for(tmp_path: Path) -> None:
    """A load balancer that asks a hundred times a second must not become the gateway's problem."""

    async def talk(bench: RouterBench) -> None:
        while (await bench.client.get("/readyz")).json()["status"] != "ready":  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.01)
        answers = await asyncio.gather(*(bench.client.get("/readyz") for _ in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        async with bench.client.stream("GET", bench.gateway + "/_embedded/requests") as answer:
            seen = json.loads(await answer.aread())["last"]
        assert len([line for line in seen if line["path"] == "/v1/models"]) == 1
        assert urlsplit(bench.gateway).netloc not in answers[0].text

    with_router(tmp_path, talk, {"models": ["gpt-4o"]})


@pytest.mark.parametrize(
    ("plan", "check"),
    [
        ({"models": ["other"]}, {"model": False, "authorised": True}),
        (
            {"rules": [{"match": {"path": "/v1/models"}, "do": {"status": 401}}]},
            {"authorised": False, "reachable": True},
        ),
        ({"rules": [{"match": {"path": "/oauth/token"}, "do": {"status": 400}}]}, {"authorised": False}),
        ({"rules": [{"match": {"path": "/v1/models"}, "do": {"drop": "before"}}]}, {"reachable": False}),
        ({"rules": [{"match": {"path": "/v1/models"}, "do": {"status": 404}}]}, {"model": None, "ready": True}),
    ],
)
def test_readiness_says_which_check_failed(tmp_path: Path, plan: Mapping[str, Any], check: Mapping[str, Any]) -> None:
    """Reachable, authorised and a model that is there are three things, and three people to call."""

    async def talk(bench: RouterBench) -> None:
        await bench.router.service.readiness.look()
        answer = await bench.client.get("/readyz")
        route = answer.json()["routes"]["cxone-bot"]
        assert {name: route[name] for name in check} == check
        assert answer.status_code == (200 if check.get("ready") else 503)

    with_router(tmp_path, talk, plan)


async def until(bench: RouterBench, count: int) -> None:
    """Wait until the manifests were read that often."""
    while len(bench.told.named("reloaded")) + len(bench.told.named("reload_refused")) < count:  # noqa: ASYNC110 - seen from outside only
        await asyncio.sleep(0.01)


def test_manifests_that_change_take_effect_at_once_and_wrong_ones_do_not(tmp_path: Path) -> None:
    """A mistake in a manifest must not silence the bots; it must not go unseen either."""

    async def talk(bench: RouterBench) -> None:
        good = manifests(bench.gateway, 600)
        bench.write(good.replace("fallback: Please wait.", "fallback: Patience."))
        await until(bench, 1)
        await bench.faults(failing(500))
        assert (await bench.cxone()).json()["messages"] == [{"text": "Patience."}]
        bench.write(good.replace("prompt: talk", "prompt: missing"))
        await until(bench, 2)
        assert (await bench.cxone()).json()["messages"] == [{"text": "Patience."}]
        manifest = (await bench.client.get("/readyz")).json()["manifests"]
        assert manifest["fresh"] is False
        assert manifest["findings"]
        assert "reconciler_router_manifests_fresh 0.0" in await bench.metrics()
        bench.write(good)
        await until(bench, 3)
        assert (await bench.cxone()).json()["messages"] == [{"text": "Please wait."}]
        assert (await bench.client.get("/readyz")).json()["manifests"] == {"fresh": True, "findings": []}

    with_router(tmp_path, talk, deadline=600)


def test_a_turn_under_way_ends_with_the_table_it_began_with(tmp_path: Path) -> None:
    """Connections must not be closed under an answer that is still coming."""

    async def talk(bench: RouterBench) -> None:
        await bench.faults(spoken(first_ms=400))
        turn = asyncio.ensure_future(bench.cxone())
        while not await bench.questions():  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.01)
        bench.write(manifests(bench.gateway) + "\n# changed\n")
        await until(bench, 1)
        assert not turn.done()
        assert (await turn).json()["source"] == "llm_gateway"

    with_router(tmp_path, talk)


def test_a_body_that_never_ends_does_not_hold_the_router(tmp_path: Path) -> None:
    """A slow sender is let go, within the deadline of the route it called."""

    async def talk(bench: RouterBench) -> None:
        address = urlsplit(bench.router.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"POST {CXONE} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()

    with_router(tmp_path, talk, deadline=600)


def test_a_good_answer_makes_the_router_ready(tmp_path: Path) -> None:
    """Whoever was answered by a model knows that there is one: a balancer must not hear the opposite meanwhile."""

    async def talk(bench: RouterBench) -> None:
        await bench.router.service.readiness.look()
        assert (await bench.client.get("/readyz")).status_code == 503
        assert (await bench.cxone()).json()["source"] == "llm_gateway"
        assert (await bench.client.get("/readyz")).status_code == 200
        await bench.router.service.readiness.look()
        assert (await bench.client.get("/readyz")).status_code == 200

    rules = [{"match": {"path": "/v1/models"}, "do": {"drop": "before"}}]
    with_router(tmp_path, talk, {"rules": rules})


def test_one_gateway_that_hangs_keeps_no_other_from_being_ready(tmp_path: Path) -> None:
    """Each is looked at on its own: the slowest of them must not speak for all."""

    async def talk(bench: RouterBench) -> None:
        while (await bench.client.get("/readyz")).json()["status"] != "degraded":  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.01)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = f"http://127.0.0.1:{silent.getsockname()[1]}"
        second = GATEWAY.format(url=other).replace("name: prod", "name: second")
        second = second.replace("{name: ep}", "{name: ep2, gateways: [second]}")
        text = manifests("URL")
        for name in ("ep", "cxone-bot", "cognigy-bot"):
            text = text.replace(f"{{name: {name}}}", f"{{name: {name}, gateways: [prod]}}")
        route = text.partition("metadata: {name: cxone-bot, gateways: [prod]}")[2].partition("---")[0]
        route = route.replace("endpoint: ep", "endpoint: ep2").replace("cxone\n", "cxone\n  path: /other\n", 1)
        head = "apiVersion: reconciler/v1\nkind: Route\nmetadata: {name: other, gateways: [second]}"
        with_router(tmp_path, talk, {"models": ["gpt-4o"]}, text="---\n".join([text, second, head + route]))


def test_a_gateway_that_comes_back_is_seen_within_a_second(tmp_path: Path) -> None:
    """It was gone when the router started; the next cycle of half a minute is no time to be found again."""

    async def talk(bench: RouterBench) -> None:
        while (await bench.client.get("/readyz")).json()["routes"]["cxone-bot"]["reachable"] is not False:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        await bench.faults(models=["gpt-4o"])
        while (await bench.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)

    assert SOONER_SECONDS < 1
    with_router(tmp_path, talk, {"rules": [{"match": {"path": "/v1/models"}, "do": {"drop": "before"}}]})
