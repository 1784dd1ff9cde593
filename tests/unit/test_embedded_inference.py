"""The gateway in a box answers official client libraries as the real ones do, and gives its histories in pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from box import KEY, ask
from openai.types.chat import ChatCompletionMessageParam
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from reconciler.embedded import FaultPlan, serve

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Where is my order?"}]
THREE = ["one two three"]
BEARER = {"authorization": f"Bearer {KEY}"}
HEALTH = "/api/v1/llm-gateway/health"
PROVIDERS = "/api/v1/llm-gateway/providers"
SUMMARIES = "/api/v2/conversations/summaries"
BOT = "/api/v2/bot/bots/b/sessions/s/messages"
TURNS = {"s": [{"from": "customer" if n % 2 == 0 else "bot", "text": f"turn {n}"} for n in range(5)]}


def official(
    store: Path, said: Callable[[openai.AsyncOpenAI], Awaitable[Any]], plan: Any = None, key: str = KEY
) -> Any:
    """One conversation of the official library with the box."""

    async def main() -> Any:
        async with (
            serve(store, faults=FaultPlan.read(plan or {})) as url,
            openai.AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0) as client,
        ):
            return await said(client)

    return asyncio.run(main())


def framed(store: Path, path: str, questions: list[Any], plan: Any = None, key: str = KEY) -> list[list[Any]]:
    """What the `websockets` library hears to each question, up to the frame that ends an answer."""

    async def main() -> list[list[Any]]:
        async with serve(store, faults=FaultPlan.read(plan or {})) as url:
            address, headers = url.replace("http", "ws", 1) + path, {"authorization": f"Bearer {key}"}
            async with connect(address, additional_headers=headers) as socket:
                answers = []
                for question in questions:
                    await socket.send(json.dumps(question))
                    frames = [await socket.recv()]
                    while not _last(frames[-1]):
                        frames.append(await socket.recv())
                    answers.append([frame if frame == "[DONE]" else json.loads(frame) for frame in frames])
                return answers

    return asyncio.run(main())


def _last(frame: str | bytes) -> bool:
    if frame == "[DONE]":
        return True
    document = json.loads(frame)
    return "error" in document or document.get("type") in {"complete", "error"}


def test_the_official_client_streams_from_the_box(store: Path) -> None:
    """A double that only our own client understands proves nothing about real gateways."""

    async def said(client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        texts = [choice.delta.content for chunk in chunks for choice in chunk.choices]
        assert texts == [None, "one ", "two ", "three", None]
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].usage is not None
        assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (4, 3)

    official(store, said, {"answers": THREE})


def test_usage_is_streamed_only_to_who_asks(store: Path) -> None:
    """Clients that do not ask would trip over a chunk without choices, which is why the real one does not send it."""

    async def said(client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
        assert all([chunk.usage is None and chunk.choices async for chunk in stream])

    official(store, said)


def test_the_official_client_gets_whole_answers_and_models(store: Path) -> None:
    """Without a stream there is one document, and the list of models costs nothing."""

    async def said(client: openai.AsyncOpenAI) -> None:
        answer = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        assert answer.choices[0].message.content == "You asked: Where is my order?"
        assert answer.usage is not None
        assert answer.usage.total_tokens == 4 + 6
        assert [model.id async for model in client.models.list()] == ["gpt-4o-mini"]

    official(store, said)


def test_a_question_for_json_is_answered_with_json_of_that_schema(store: Path) -> None:
    """Probes and bot turns that expect a document run against the box without a script."""
    schema: dict[str, object] = {
        "type": "object",
        "properties": {
            "intent": {"enum": ["buy", "sell"]},
            "confidence": {"type": "number", "minimum": 0.5},
            "entities": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "human": {"type": "boolean"},
            "kind": {"const": "x"},
        },
        "required": ["intent", "confidence", "entities", "human", "kind"],
    }

    async def said(client: openai.AsyncOpenAI) -> None:
        answer = await client.chat.completions.create(
            model="gpt-4o",
            messages=MESSAGES,
            response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
        )
        document = json.loads(answer.choices[0].message.content or "")
        assert document == {"intent": "buy", "confidence": 0.5, "entities": ["text"], "human": False, "kind": "x"}
        answer = await client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, response_format={"type": "json_object"}
        )
        assert "classified_intent" in json.loads(answer.choices[0].message.content or "")

    official(store, said)


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        ({"keys": [{"pattern": "sk-*", "answer": "rejected"}]}, openai.AuthenticationError),
        ({"keys": [{"pattern": "sk-*", "answer": "limited"}]}, openai.RateLimitError),
        ({"models": ["other"]}, openai.NotFoundError),
        ({"context_tokens": 1}, openai.BadRequestError),
        ({"rules": [{"do": {"status": 503}}]}, openai.InternalServerError),
        ({"rules": [{"do": {"speech": {"error_after": 1}}}]}, openai.APIError),
    ],
)
def test_the_official_client_sees_the_errors_that_the_plan_wants(
    store: Path, plan: Any, error: type[Exception]
) -> None:
    """Its exceptions are the measure of whether our refusals look like real ones."""

    async def said(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(error):
            async for _chunk in await client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True):
                pass

    official(store, said, plan)


def test_a_limited_key_and_a_good_one_live_side_by_side(store: Path) -> None:
    """Rotation is tested with a key that is refused and one that is not."""
    plan = {"keys": [{"pattern": "sk-limited*", "answer": "limited"}]}

    async def said(client: openai.AsyncOpenAI) -> str:
        answer = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        return answer.choices[0].message.content or ""

    with pytest.raises(openai.RateLimitError):
        official(store, said, plan, key="sk-limited-0123456789")
    assert official(store, said, plan, key=KEY)


def test_a_temperature_out_of_range_and_a_body_that_is_none_are_refused(store: Path) -> None:
    """The box catches what the real gateway would, so that a demo cannot pass with a broken request."""

    async def said(client: httpx.AsyncClient) -> None:
        good = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
        bad: Any
        for bad in ({**good, "temperature": 2.1}, {**good, "messages": []}, {**good, "model": ""}, [], None):
            assert (await client.post("/v1/chat/completions", json=bad)).status_code == 400
        assert (await client.post("/v1/chat/completions", json=good)).status_code == 200
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/health", headers={"authorization": ""})).status_code == 401

    ask(store, said)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**9, "items": {"type": "object"}},
        {"type": "array", "minItems": "x"},
        {"type": "object", "properties": ["a"], "required": [1, "a"]},
        {"type": "object", "properties": {"a": 7}},
        {"enum": "abc"},
        {"type": ["string", "null"]},
        {"minimum": {}, "type": "number"},
    ],
)
def test_an_odd_schema_gets_an_odd_answer_and_no_stack_trace(store: Path, schema: Any) -> None:
    """Whoever tries out a schema against the box must see the box's answer, not its source."""

    async def said(client: httpx.AsyncClient) -> None:
        body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}
        wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        answer = await client.post("/v1/chat/completions", json={**body, "response_format": wanted})
        assert answer.status_code == 200
        assert len(answer.content) < 10_000

    ask(store, said)


def test_personal_data_stands_in_an_answer_where_the_plan_wants_it(store: Path) -> None:
    """Redaction of answers can only be shown with something to redact."""

    async def said(client: openai.AsyncOpenAI) -> None:
        answer = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        text = answer.choices[0].message.content or ""
        assert all(part in text for part in ("jane.doe@example.com", "(555) 123-4567", "078-05-1120", "4111 1111"))

    official(store, said, {"rules": [{"do": {"speech": {"pii": True}}}]})


def test_answers_are_said_in_their_order_and_the_last_for_ever(store: Path) -> None:
    """A script of a broken answer and its repair needs both, one after the other."""

    async def said(client: openai.AsyncOpenAI) -> None:
        asked = [client.chat.completions.create(model="gpt-4o", messages=MESSAGES) for _ in range(3)]
        assert [(await one).choices[0].message.content for one in asked] == ["first", "then", "then"]

    official(store, said, {"answers": ["first", "then"]})


def test_chunks_come_over_a_websocket_too(store: Path) -> None:
    """The bot gateway's socket carries the chunks of HTTP, question after question on one connection."""
    question = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}
    first, second = framed(store, "/v1/chat/completions", [question, question], {"answers": THREE})
    for frames in (first, second):
        texts = [frame["choices"][0]["delta"].get("content") for frame in frames[:-1] if frame["choices"]]
        assert texts == [None, "one ", "two ", "three", None]
        assert frames[-1] == "[DONE]"


def test_typed_frames_are_those_of_the_contract(store: Path) -> None:
    """Content, then complete with the usage and the model; the template is filled in by the gateway."""
    question = {"modelId": "gpt-4o", "template": "say {{ what }}{{missing}}", "variables": {"what": "hello {{x}}"}}
    (frames,) = framed(store, "/ws/v1/llm-gateway/stream", [question])
    assert "".join(frame["delta"] for frame in frames[:-1]) == "You asked: say hello {{x}}"
    assert frames[-1]["type"] == "complete"
    assert frames[-1]["model"] == "gpt-4o"
    assert set(frames[-1]["usage"]) == {"prompt_tokens", "completion_tokens"}


@pytest.mark.parametrize("question", [{}, {"modelId": "m"}, {"modelId": "m", "template": "x" * 20_000}, [], "x"])
def test_a_frame_that_asks_nothing_is_answered_with_an_error(store: Path, question: object) -> None:
    """The connection stays, as the next question may be a good one."""
    good = {"modelId": "m", "template": "x"}
    bad, fine = framed(store, "/ws/v1/llm-gateway/stream", [question, good])
    assert (bad[0]["type"], bad[0]["code"]) == ("error", 422)
    assert fine[-1]["type"] == "complete"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/ws/v1/llm-gateway/stream"])
@pytest.mark.parametrize(
    ("plan", "status"),
    [
        ({"keys": [{"pattern": "*", "answer": "rejected"}]}, 401),
        ({"keys": [{"pattern": "*", "answer": "limited"}]}, 429),
        ({"rules": [{"match": {"method": "GET"}, "do": {"status": 503, "retry_after": 1}}]}, 503),
    ],
)
def test_a_handshake_is_refused_with_a_status(store: Path, path: str, plan: Any, status: int) -> None:
    """Gateways check keys before they let a socket open."""
    with pytest.raises(InvalidStatus) as caught:
        framed(store, path, [], plan)
    assert caught.value.response.status_code == status


def test_a_key_without_the_permission_cannot_open_the_socket(store: Path) -> None:
    """Registering providers and asking models are permissions apart."""
    with pytest.raises(InvalidStatus) as caught:
        framed(store, "/ws/v1/llm-gateway/stream", [], {"permissions": ["llm-gateway:manage"]})
    assert caught.value.response.status_code == 403


def test_health_names_the_permissions_of_a_key(store: Path) -> None:
    """The header is how an operator finds out which scope is missing."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.get(HEALTH)
        assert answer.status_code == 200
        assert "llm-gateway:manage" in answer.headers["x-permissions"]

    async def lacking(client: httpx.AsyncClient) -> None:
        answer = await client.get(HEALTH)
        assert (answer.status_code, answer.headers["x-permissions"]) == (403, "llm-inference:read")
        assert (await client.post(PROVIDERS, json=provider())).status_code == 403

    ask(store, said)
    ask(store, lacking, {"permissions": ["llm-inference:read"]})
    ask(store, _unknown_key, {"keys": [{"pattern": "*", "answer": "rejected"}]})


async def _unknown_key(client: httpx.AsyncClient) -> None:
    assert (await client.get(HEALTH)).status_code == 401


def provider(**fields: Any) -> dict[str, Any]:
    """A registration as given."""
    rotation = {"enabled": True, "keys": ["sk-key1", "sk-0123456789-two"], "rotationStrategy": "ROUND_ROBIN_ON_FAILURE"}
    return {
        "name": "production-openai",
        "type": "OPENAI",
        "apiKeyRotation": rotation,
        "defaultModel": "gpt-4o",
        "timeoutMs": 15000,
        "retryOnRateLimit": True,
        **fields,
    }


def test_a_provider_is_registered_once_and_cannot_be_read(store: Path) -> None:
    """As given there is nothing else: an adapter that needs more must say so and not fail oddly."""

    async def said(client: httpx.AsyncClient) -> None:
        made = await client.post(PROVIDERS, json=provider())
        assert made.status_code == 201
        assert made.json()["apiKeyRotation"]["keys"] == ["****", "****-two"]
        assert (await client.post(PROVIDERS, json=provider())).status_code == 409
        one = f"{PROVIDERS}/production-openai"
        for answer in (await client.get(PROVIDERS), await client.get(one), await client.delete(one)):
            assert answer.status_code == 405
        assert [model["id"] for model in (await client.get("/v1/models")).json()["data"]] == ["gpt-4o", "gpt-4o-mini"]

    ask(store, said, {"providers": "register"})


def test_providers_can_be_read_and_changed(store: Path) -> None:
    """Gateways that have the calls that an ordinary interface would have."""

    async def said(client: httpx.AsyncClient) -> None:
        one = f"{PROVIDERS}/production-openai"
        assert (await client.get(one)).status_code == 404
        await client.post(PROVIDERS, json=provider())
        assert (await client.put(one, json=provider(defaultModel="gpt-4.1"))).json()["version"] == 2
        assert [item["defaultModel"] for item in (await client.get(PROVIDERS)).json()["items"]] == ["gpt-4.1"]
        assert (await client.put(one, json=provider(name="other"))).status_code == 422
        assert (await client.delete(one)).status_code == 204
        assert (await client.get(PROVIDERS)).json() == {"items": []}

    ask(store, said)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"type": "openai"},
        {"defaultModel": 7},
        {"timeoutMs": 0},
        {"apiKeyRotation": {"keys": []}},
        {"apiKeyRotation": {"keys": ["****"]}},
        {"apiKeyRotation": {"keys": ["k"], "rotationStrategy": "RANDOM"}},
    ],
)
def test_a_registration_that_the_contract_forbids_is_refused(store: Path, fields: dict[str, Any]) -> None:
    """Above all a mask, which would destroy the key that it stands for."""

    async def said(client: httpx.AsyncClient) -> None:
        assert (await client.post(PROVIDERS, json=provider(**fields))).status_code == 422

    ask(store, said)


def test_each_failing_key_makes_room_for_the_next(store: Path) -> None:
    """A 429 or a 401 on one key, and the next request uses the next key."""
    plan = {"keys": [{"pattern": "sk-l*", "answer": "limited"}, {"pattern": "sk-r*", "answer": "rejected"}]}
    rotation = {"keys": ["sk-limited", "sk-rejected", "sk-good"]}

    async def said(client: httpx.AsyncClient) -> None:
        assert (await client.post(PROVIDERS, json=provider(apiKeyRotation=rotation))).status_code == 201

    ask(store, said, plan)
    question = {"modelId": "gpt-4o", "template": "x"}
    answers = framed(store, "/ws/v1/llm-gateway/stream", [question] * 4, plan)
    assert [frames[-1].get("code") for frames in answers] == [429, 401, None, None]


def test_invoke_streams_only_to_who_accepts_exactly_that(store: Path) -> None:
    """With any other Accept the real one answers one document, which is where clients that expect a stream break."""

    async def said(client: httpx.AsyncClient) -> None:
        path, body = "/api/v2/ai/llm/gateway/invoke", {"modelId": "m", "messages": MESSAGES, "stream": True}
        streamed = await client.post(path, json=body, headers={"accept": "text/event-stream"})
        assert streamed.text == (
            'data: {"choices": [{"delta": {"content": "one "}}]}\n\n'
            'data: {"choices": [{"delta": {"content": "two"}}]}\n\ndata: [DONE]\n\n'
        )
        whole = await client.post(path, json=body)
        assert whole.json()["choices"][0]["message"]["content"] == "one two"
        assert (await client.post(path, json={"messages": MESSAGES})).status_code == 400
        assert (await client.post(path, json=body, headers={"authorization": "Bearer x"})).status_code == 401

    ask(store, said, {"answers": ["one two"]})


def test_tokens_come_from_either_path_and_are_bound_to_their_scopes(store: Path) -> None:
    """Each vendor has its own token path, and a token for one thing does not open another."""

    async def said(client: httpx.AsyncClient) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": "a",
            "client_secret": "b",
            "scope": "view:conversation",
        }
        token = (await client.post("/login/oauth2/token", data=form)).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        assert (await client.get(SUMMARIES, params={"conversationId": "s"}, headers=bearer)).status_code == 200
        refused = await client.get(BOT, headers=bearer)
        assert (refused.status_code, "bot:bot:read" in refused.text) == (403, True)

    ask(store, said)


def test_the_bot_history_gives_the_latest_turns_first_page_first(store: Path) -> None:
    """Ten turns asked for are the ten that matter, in the order in which they were said."""

    async def said(client: httpx.AsyncClient) -> None:
        pages = [(await client.get(BOT, params={"size": 2, "page": page})).json()["entities"] for page in (1, 2, 3, 4)]
        assert [[turn["text"] for turn in page] for page in pages] == [
            ["turn 3", "turn 4"],
            ["turn 1", "turn 2"],
            ["turn 0"],
            [],
        ]
        assert pages[2][0] == {"from": "customer", "text": "turn 0", "timestamp": "2026-01-01T00:00:00.000Z"}

    ask(store, said, {"conversations": TURNS})


def test_summaries_are_paged_newest_first(store: Path) -> None:
    """The token leads from page to page, and is null at the end."""

    async def said(client: httpx.AsyncClient) -> None:
        query = {"conversationId": "s", "pageSize": "2", "sortOrder": "desc"}
        texts: list[str] = []
        page: dict[str, Any] = {"nextPageToken": ""}
        while page["nextPageToken"] is not None:
            page = (await client.get(SUMMARIES, params={**query, "nextPageToken": page["nextPageToken"]})).json()
            texts += [item["text"] for item in page["items"]]
        assert texts == ["turn 4", "turn 3", "turn 2", "turn 1", "turn 0"]
        last = page["items"][-1]
        assert last == {
            "conversationId": "s",
            "participantId": "customer",
            "text": "turn 0",
            "timestamp": "2026-01-01T00:00:00.000Z",
        }
        oldest = (await client.get(SUMMARIES, params={**query, "sortOrder": "asc"})).json()["items"][0]
        assert oldest == last
        assert (await client.get(SUMMARIES)).status_code == 400

    ask(store, said, {"conversations": TURNS})


@pytest.mark.parametrize(("histories", "count"), [("repeating", 2), ("hollow", 0)])
def test_summaries_can_lead_in_circles(store: Path, histories: str, count: int) -> None:
    """Pages that repeat, and empty ones with a token, are what loops that trust a token run into."""

    async def said(client: httpx.AsyncClient) -> None:
        page = (await client.get(SUMMARIES, params={"conversationId": "s", "pageSize": "2"})).json()
        assert len(page["items"]) == count
        assert page["nextPageToken"] is not None

    ask(store, said, {"conversations": {"*": TURNS["s"]}, "histories": histories})
