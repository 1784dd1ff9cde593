"""Calls to a gateway that answers from a script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from reconciler.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from reconciler.model.secret import SecretValue
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import (
    BearerCredential,
    Client,
    HeaderCredential,
    OAuthCredential,
    Repeat,
    Target,
    connect,
    pages,
    segment,
)
from reconciler.transport.retry import TABLE, Effect, Failure, Next

OK = httpx.Response(200, json={"ok": True})
Step = httpx.Response | Exception


@dataclass
class Script(httpx.AsyncBaseTransport):
    """Answers in turn, the last one for ever; remembers what was asked."""

    steps: list[Step]
    asked: list[httpx.Request] = field(default_factory=list)
    pause: float = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.asked.append(request)
        await asyncio.sleep(self.pause)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)


def run(script: Script, work: Callable[[Client], Awaitable[Any]], clock: FakeClock | None = None, **target: Any) -> Any:
    """Do the work with a client over the script."""

    async def main() -> Any:
        client = connect(
            Target("prod", "https://gw.example.com", **target), clock or FakeClock(), RecordingProgress(), script
        )
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(main())


def get(client: Client) -> Awaitable[Any]:
    return client.request("GET", "/x")


def put(client: Client) -> Awaitable[Any]:
    return client.request("PUT", "/x", body={"a": 1})


def validate(client: Client) -> Awaitable[Any]:
    return client.request("POST", "/x/validate", body={}, repeat=Repeat.ALWAYS)


FAILURES: Mapping[Failure, Step] = {
    Failure.NOT_SENT: httpx.ConnectError("no route"),
    Failure.REFUSED_FOR_NOW: httpx.Response(429),
    Failure.SERVER: httpx.Response(502),
    Failure.BROKEN: httpx.ReadError("gone"),
    Failure.GARBLED: httpx.Response(200, content=b"<html>"),
    Failure.FINAL: httpx.Response(400, json={"error": {"code": "bad", "message": "no"}}),
}


@pytest.mark.parametrize("failure", list(Failure))
@pytest.mark.parametrize("call", [get, validate, put])
def test_each_cell_of_the_retry_table(call: Callable[[Client], Awaitable[Any]], failure: Failure) -> None:
    """A cell too generous writes twice; a cell too strict fails a run that a second try would have saved."""
    effect = Effect.WRITES if call is put else Effect.READS
    script = Script([FAILURES[failure], OK])
    verdict = TABLE[effect, failure]
    if verdict is Next.REPEAT:
        assert run(script, call).status == 200
        assert len(script.asked) == 2
        return
    with pytest.raises(OutcomeUnknown if verdict is Next.DOUBT else GatewayError) as raised:
        run(script, call)
    assert len(script.asked) == 1
    assert verdict is Next.DOUBT or not isinstance(raised.value, OutcomeUnknown)


def test_a_status_that_a_call_answers_with_is_an_answer() -> None:
    """A health check that says 503 says who is ill: a fault of the server would be asked again for nothing."""
    script = Script([httpx.Response(503, json={"ill": ["a"]})])
    answer = run(script, lambda client: client.request("GET", "/health", answers=frozenset({503})))
    assert (answer.status, answer.body, len(script.asked)) == (503, {"ill": ["a"]}, 1)
    page = Script([httpx.Response(503, content=b"<html>busy")])
    with pytest.raises(ProtocolError):
        run(page, lambda client: client.request("GET", "/health", answers=frozenset({503})))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (httpx.Response(400), Rejected),
        (httpx.Response(403), Forbidden),
        (httpx.Response(404), NotFound),
        (httpx.Response(405), Unsupported),
        (httpx.Response(409), Conflict),
        (httpx.Response(412), Conflict),
        (httpx.Response(422), Rejected),
        (httpx.Response(429), Throttled),
        (httpx.Response(429, json={"error": {"code": "insufficient_quota"}}), QuotaExhausted),
        (httpx.Response(500), ServerFault),
        (httpx.Response(501), Unsupported),
        (httpx.Response(529), ServerFault),
        (httpx.Response(302, headers={"location": "https://evil.example.com"}), ProtocolError),
        (httpx.ConnectTimeout("slow"), Unreachable),
        (httpx.ReadTimeout("slow"), ServerFault),
        (httpx.Response(200, content=b"{"), ProtocolError),
    ],
)
def test_a_status_becomes_one_error(step: Step, expected: type[GatewayError]) -> None:
    """Everything above this room decides by type; a status that leaks through decides by accident."""
    with pytest.raises(GatewayError) as raised:
        run(Script([step]), get)
    assert type(raised.value) is expected


def test_no_sleep_after_the_last_attempt_and_growing_jitter_before() -> None:
    """A final sleep is time that nobody gets anything for."""
    clock = FakeClock()
    script = Script([httpx.Response(503)])
    with pytest.raises(ServerFault):
        run(script, get, clock)
    assert len(script.asked) == 3
    assert len(clock.slept) == 2
    assert 0 <= clock.slept[0] <= 1
    assert 0 <= clock.slept[1] <= 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"inin-ratelimit-reset": "3"}, 3),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
    ],
)
def test_the_gateways_own_word_on_waiting_comes_first(headers: dict[str, str], seconds: float) -> None:
    """A gateway that says when to come back must neither be hammered nor waited for longer."""
    clock = FakeClock()
    run(Script([httpx.Response(429, headers=headers), OK]), get, clock)
    assert sum(clock.slept) == pytest.approx(seconds)


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    """A run must end within its time, with the reason, and not sleep through it."""
    clock = FakeClock()
    with pytest.raises(Throttled) as raised:
        run(Script([httpx.Response(429, headers={"retry-after": "3600"})]), get, clock, total_timeout=30.0)
    assert raised.value.retry_after == 3600
    assert sum(clock.slept) < 31


def oauth(**changes: Any) -> OAuthCredential:
    return OAuthCredential(
        "https://gw.example.com/oauth/token", SecretValue("me"), SecretValue("p&ss+wo%rd"), **changes
    )


def tokens(lifetime: float) -> httpx.Response:
    return httpx.Response(200, json={"access_token": "t", "expires_in": lifetime})


def test_one_token_for_all_who_wait() -> None:
    """Fifty requests that start together must not ask for fifty tokens."""
    script = Script([tokens(3600), OK], pause=0.001)

    async def many(client: Client) -> None:
        await asyncio.gather(*(get(client) for _ in range(50)))

    run(script, many, credential=oauth(scopes=("a:b", "c:d")), concurrency=8)
    asked = [request for request in script.asked if request.url.path == "/oauth/token"]
    assert len(asked) == 1
    form = parse_qs(asked[0].content.decode())
    assert form["client_secret"] == ["p&ss+wo%rd"]
    assert form["scope"] == ["a:b c:d"]
    assert "authorization" not in asked[0].headers


@pytest.mark.parametrize(("way", "in_header", "in_form"), [("basic", True, False), ("post", False, True)])
def test_client_authentication_stands_in_one_place(way: str, in_header: bool, in_form: bool) -> None:  # noqa: FBT001
    """Sending the pair twice is forbidden by RFC 6749 and refused by some servers."""
    script = Script([tokens(3600), OK])
    run(script, get, credential=oauth(client_auth=way))
    assert script.asked[0].headers.get("authorization", "").startswith("Basic ") is in_header
    assert ({"client_id", "client_secret"} <= set(parse_qs(script.asked[0].content.decode()))) is in_form
    assert ("authorization" in script.asked[0].headers) is in_header


def test_no_scope_is_asked_for_that_nobody_named() -> None:
    """A token that may do more than it is needed for does more harm when it leaks, and unknown scopes are refused."""
    script = Script([tokens(3600), OK])
    run(script, get, credential=oauth())
    assert set(parse_qs(script.asked[0].content.decode())) == {"grant_type", "client_id", "client_secret"}


def test_clients_that_share_connections_keep_their_credentials_apart() -> None:
    """A header that is set on what all requests share answers one tenant with another's data."""
    script = Script([OK], pause=0.001)

    async def main() -> None:
        for_one, for_two = (
            connect(
                Target(name, "https://gw.example.com", credential=BearerCredential(SecretValue(name))),
                FakeClock(),
                RecordingProgress(),
                script,
            )
            for name in ("one", "two")
        )
        calls = (client.request("GET", path) for client, path in ((for_one, "/one"), (for_two, "/two")) * 10)
        await asyncio.gather(*calls)
        await for_one.close()
        await for_two.close()

    asyncio.run(main())
    seen = {(request.url.path, request.headers["authorization"]) for request in script.asked}
    assert seen == {("/one", "Bearer one"), ("/two", "Bearer two")}


@pytest.mark.parametrize(("lifetime", "early"), [(3600, 60), (600, 60), (100, 10), (20, 2)])
def test_a_token_is_renewed_before_its_end(lifetime: float, early: float) -> None:
    """A token that expires on the way costs a 401 in the middle of a write; a short one is not fetched every time."""
    clock = FakeClock()
    script = Script([tokens(lifetime), OK, OK, tokens(lifetime), OK])

    async def later(client: Client) -> None:
        await get(client)
        clock.advance(lifetime - early - 1)
        await get(client)
        clock.advance(2)
        await get(client)

    run(script, later, clock, credential=oauth())
    assert [r.url.path for r in script.asked] == ["/oauth/token", "/x", "/x", "/oauth/token", "/x"]


def test_a_refused_token_is_renewed_once() -> None:
    """A revoked token is worth one new one; a wrong credential must not become a loop."""
    script = Script([tokens(600), httpx.Response(401), tokens(600), OK])
    assert run(script, get, credential=oauth()).status == 200
    script = Script([tokens(600), httpx.Response(401), tokens(600), httpx.Response(401)])
    with pytest.raises(Unauthorized):
        run(script, get, credential=oauth())
    assert len(script.asked) == 4


def test_a_wrong_client_is_said_at_once() -> None:
    """`invalid_client` will not get better by asking again."""
    script = Script([httpx.Response(401, json={"error": "invalid_client"})])
    with pytest.raises(Unauthorized):
        run(script, get, credential=oauth())
    assert len(script.asked) == 1


def test_a_header_credential_is_sent_as_it_is() -> None:
    """Some gateways sit behind an API manager with a key header."""
    script = Script([OK])
    run(script, get, credential=HeaderCredential("X-API-Key", SecretValue("k-1")))
    assert script.asked[0].headers["x-api-key"] == "k-1"


def test_the_403_names_what_is_needed() -> None:
    """Which scope is missing is the one thing that the reader can act on."""
    with pytest.raises(Forbidden, match="llm:gateway:write"):
        run(Script([httpx.Response(403)]), get, permissions=("llm:gateway:write",))


def test_a_gateways_message_cannot_echo_a_secret_or_run_on() -> None:
    """Servers echo bodies into errors, and errors go into CI logs."""
    said = 'key sk-live-abcdefgh and "quo\\"ted" refused ' + "x" * 1000
    step = httpx.Response(400, json={"error": {"message": said, "code": "bad"}})

    def call(client: Client) -> Awaitable[Any]:
        return client.request("PUT", "/x", body={}, conceal=(SecretValue('quo"ted'), SecretValue("bcdef")))

    with pytest.raises(Rejected) as raised:
        run(Script([step]), call)
    text = str(raised.value)
    assert "abcdefgh" not in text
    assert "quo" not in text
    assert len(text) < 400


def test_an_answer_over_the_cap_is_refused_while_it_comes() -> None:
    """A gateway gone mad must not fill the runner's memory."""
    with pytest.raises(ProtocolError, match="over 1000 bytes"):
        run(Script([httpx.Response(200, content=b"[" + b" " * 5000 + b"]")]), get, size_cap=1000)


def test_a_missing_call_is_said_in_words() -> None:
    """A bare 405 tells a user nothing; that this gateway cannot validate does."""

    def call(client: Client) -> Awaitable[Any]:
        return client.request("POST", "/x", body={}, repeat=Repeat.ALWAYS, optional="validate an endpoint")

    for status in (404, 405, 501):
        with pytest.raises(Unsupported, match="cannot validate an endpoint"):
            run(Script([httpx.Response(status)]), call)


def test_concurrency_halves_on_429_and_grows_back() -> None:
    """Keeping eight requests in flight against a throttling gateway only makes it throttle longer."""
    running, most = 0, 0

    class Counting(Script):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                return await super().handle_async_request(request)
            finally:
                running -= 1

    async def many(client: Client) -> None:
        await asyncio.gather(*(get(client) for _ in range(8)))

    run(Counting([OK], pause=0.001), many, concurrency=8)
    assert most == 8
    running, most = 0, 0

    async def after(client: Client) -> None:
        await get(client)
        nonlocal most
        most = 0
        await many(client)

    run(Counting([httpx.Response(429), httpx.Response(429), OK], pause=0.001), after, concurrency=8)
    assert most < 8


def test_a_segment_cannot_leave_its_place() -> None:
    """An id with a slash would otherwise address another object."""
    assert segment("a/b?c#d e") == "a%2Fb%3Fc%23d%20e"
    assert "/" not in segment("..")
    assert segment("..") != ".."


@pytest.mark.parametrize(
    "bodies",
    [
        [{"items": [], "nextPageToken": "a"}],
        [{"items": {}, "nextPageToken": None}],
        [{"items": [1], "nextPageToken": None}],
        [{"items": [], "nextPageToken": 7}],
        ["text"],
    ],
)
def test_a_list_that_is_none_or_never_ends_is_refused(bodies: list[Any]) -> None:
    """A list read wrongly as empty would plan to create everything again."""

    async def listed(client: Client) -> list[Any]:
        return [item async for page in pages(client, "/x") for item in page]

    with pytest.raises(ProtocolError):
        run(Script([httpx.Response(200, json=body) for body in bodies]), listed)


def test_a_client_that_is_closed_closes_its_connections() -> None:
    """Clients that are made anew and never closed use up a process's sockets in a day."""
    closed: list[bool] = []

    class Closing(Script):
        async def aclose(self) -> None:
            closed.append(True)

    run(Closing([OK]), get)
    assert closed == [True]
