"""Calls to one gateway: authorized, throttled, repeated where that is safe, and translated.

A credential is bound to the origin of the base URL, and to those that its target lists: requests name a path, never
a host, and redirects are not followed. Bodies never reach a log.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx

from reconciler import __version__
from reconciler.errors import Defect, GatewayError
from reconciler.model.hosts import origin_of
from reconciler.model.ports import Clock, Progress
from reconciler.model.secret import SecretValue
from reconciler.transport import translate
from reconciler.transport.auth import Authorizer, Credential, authorizer, values_of
from reconciler.transport.decoding import Undecodable, decoded
from reconciler.transport.lanes import Lanes
from reconciler.transport.patience import Countdown, Patience
from reconciler.transport.retry import ATTEMPTS, TABLE, Backoff, Effect, Failure, Next, failure_of
from reconciler.transport.stream import NOT_SENT, Link, Sending, Stream, streaming
from reconciler.transport.throttle import Throttle
from reconciler.transport.translate import Call

if TYPE_CHECKING:
    from reconciler.transport.conversation import Conversation

SIZE_CAP = 32 * 1024 * 1024
UNAUTHORIZED = 401
AS_IT_CAME = "surrogatepass"
"""A gateway may have put half a surrogate pair into an id or a page token: it gets back what it said."""

_HEADERS: Mapping[str, str] = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "user-agent": f"reconciler/{__version__}",
}


class Repeat(Enum):
    """Whether a call may be repeated: as its method says, always for it changes nothing, or not even after a 429."""

    BY_METHOD = "by method"
    ALWAYS = "always"
    NEVER = "never"


_EFFECTS: Mapping[Repeat, Effect] = {
    Repeat.BY_METHOD: Effect.WRITES,
    Repeat.ALWAYS: Effect.READS,
    Repeat.NEVER: Effect.WRITES_ONCE,
}
"""Of calls other than GET."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Header names are in lower case; `body` is parsed JSON, None when empty."""

    status: int
    body: Any
    headers: Mapping[str, str]
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client speaks to, and how far it may go. Times in seconds, sizes in bytes.

    `socket_url` is where WebSockets are opened, None: at the base URL. `origins` are those besides that of the base URL
    that the credential may go to. `jitter` spreads repeats;
    `hide` takes every secret of the run out of what a gateway says.
    """

    gateway: str
    base_url: str
    credential: Credential | None = field(default=None, repr=False)
    concurrency: int = 8
    requests_per_second: float | None = None
    connect_timeout: float = 10.0
    total_timeout: float = 30.0
    permissions: tuple[str, ...] = ()
    size_cap: int = SIZE_CAP
    socket_url: str | None = None
    origins: tuple[str, ...] = ()
    hide: Callable[[str], str] = field(default=str, repr=False, compare=False)
    jitter: random.Random = field(default_factory=random.Random, repr=False, compare=False)


@dataclass(eq=False)
class _Failed(Exception):
    """One attempt's end: how it failed, the error it stands for, the headers that may ask for a pause."""

    failure: Failure
    error: GatewayError
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """One gateway's client. Use `connect`; close it at the end."""

    def __init__(self, target: Target, clock: Clock, listen: Progress, transport: httpx.AsyncBaseTransport) -> None:
        self._target = target
        self._clock = clock
        self._listen = listen
        self._base = target.base_url.rstrip("/")
        self._backoff = Backoff(target.jitter)
        self._throttle = Throttle(target.concurrency, target.requests_per_second, clock)
        self._transport = transport
        self._own = values_of(target.credential)
        self._authorizer: Authorizer = authorizer(target.credential, self._post_form, clock)
        self._link = Link(transport, self._authorizer, self._throttle, target.size_cap, target.connect_timeout)

    @property
    def gateway(self) -> str:
        """The gateway's name, for messages."""
        return self._target.gateway

    @property
    def clock(self) -> Clock:
        """The time that this client waits by, for adapters that have to ask again."""
        return self._clock

    @property
    def patience(self) -> float:
        """Seconds that a call may take with all its repeats, and that a write may take to show."""
        return self._target.total_timeout

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeat: Repeat = Repeat.BY_METHOD,
        optional: str | None = None,
        conceal: Sequence[SecretValue] = (),
        answers: AbstractSet[int] = frozenset(),
    ) -> Answer:
        """Send one call and return its answer.

        `path` begins with a slash. `optional` says what a gateway without this call cannot do. `conceal`
        holds the secrets in `body`, so that no message of the gateway can echo them. `answers` are statuses besides
        2xx that the call's contract answers with, as a health check does. Raises GatewayError.
        """
        call, url = self._addressed(method, path, query, conceal, optional, answers)
        sent = dict(headers or {})
        content = None
        if body is not None:
            content = encoded(body)
            sent["content-type"] = "application/json"
        effect = Effect.READS if method in {"GET", "HEAD"} else _EFFECTS[repeat]
        return await self._repeated(call, effect, url, content, sent)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        body: Any,
        accept: str = "text/event-stream",
        also: tuple[str, ...] = (),
        patience: Patience = Patience(),  # noqa: B008 - frozen
        conceal: Sequence[SecretValue] = (),
    ) -> AsyncIterator[Stream]:
        """POST `body` and give the answer's bytes as they come; the connection is closed with the block.

        `accept` is asked for, and a type in `also` is taken as well. Sent once: whoever reads knows whether a
        repetition would say something twice. Raises GatewayError, at the start and between bytes; a connection that
        breaks between bytes is an IncompleteStream.
        """
        call, url = self._addressed("POST", path, None, conceal)
        headers = {**_HEADERS, "accept": accept, "accept-encoding": "identity", "content-type": "application/json"}
        sending = Sending(call, url, encoded(body), headers, Countdown(call, patience), also)
        async with streaming(self._link, sending) as answer:
            yield answer

    @asynccontextmanager
    async def converse(
        self,
        path: str,
        *,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        conceal: Sequence[SecretValue] = (),
    ) -> AsyncIterator[Conversation]:
        """Hold a WebSocket conversation; it is closed with the block. Raises GatewayError, as `stream` does."""
        from reconciler.transport.conversation import conversing  # noqa: PLC0415 - a library that few calls need

        call, url = self._addressed("GET", path, None, conceal)
        if self._target.socket_url is not None:
            self._require_own(self._target.socket_url)
            url = self._target.socket_url.rstrip("/") + path
        headers = {"user-agent": _HEADERS["user-agent"]}
        async with conversing(self._link, Sending(call, url, b"", headers, Countdown(call, patience))) as talk:
            yield talk

    def quoted(self, text: str) -> str:
        """What the gateway said, fit to be shown: no secret of this client, and no more than 300 characters."""
        return translate.fit(self._target.hide(text), self._own)

    def anonymous(self) -> Client:
        """The same gateway over the same connections, without the credential; it is closed with this client."""
        return Client(replace(self._target, credential=None), self._clock, self._listen, self._transport)

    async def close(self) -> None:
        """Give back the connections."""
        await self._transport.aclose()

    def _require_own(self, url: str) -> None:
        """Raise Defect where the credential has no business: whoever made the target should have found it."""
        origin = origin_of(url)
        if self._target.credential is not None and origin not in {origin_of(self._base), *self._target.origins}:
            raise Defect(f"the credential of {self._target.gateway!r} would go to {origin}")

    def _addressed(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        conceal: Sequence[SecretValue],
        optional: str | None = None,
        answers: AbstractSet[int] = frozenset(),
    ) -> tuple[Call, str]:
        if not path.startswith("/"):
            raise Defect(f"the path {path!r} could lead a credential to another host")
        hidden = (*conceal, *self._own)
        call = Call(
            self._target.gateway, method, path, self._target.permissions, optional, hidden, self._target.hide, answers
        )
        return call, self._base + path + ("?" + urlencode(query, errors=AS_IT_CAME) if query else "")

    async def _repeated(
        self, call: Call, effect: Effect, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        ends = self._clock.monotonic() + self._target.total_timeout
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            granted = await self._authorizer.headers()
            try:
                return await self._attempt(call, url, content, {**headers, **granted}, ends)
            except _Failed as failed:
                problem = failed
            if problem.error.status == UNAUTHORIZED and not renewed and self._authorizer.refused(granted):
                renewed = True
                attempt -= 1
                continue
            if not await self._goes_on(call, effect, problem, attempt, ends):
                raise _final(call, effect, problem) from problem.error.__cause__

    async def _goes_on(self, call: Call, effect: Effect, problem: _Failed, attempt: int, ends: float) -> bool:
        """Wait and say yes, or say no at once: never a sleep after the last attempt."""
        if TABLE[effect, problem.failure] is not Next.REPEAT or attempt >= ATTEMPTS:
            return False
        pause = self._backoff.seconds(attempt, problem.headers)
        if self._clock.monotonic() + pause >= ends:
            return False
        event = "throttled" if problem.failure is Failure.REFUSED_FOR_NOW else "request_retried"
        self._listen(
            event, {"gateway": call.gateway, "method": call.method, "path": call.path, "seconds": round(pause, 3)}
        )
        await self._clock.sleep(pause)
        return True

    async def _attempt(
        self, call: Call, url: str, content: bytes | None, headers: Mapping[str, str], ends: float
    ) -> Answer:
        async with self._throttle:
            begun = self._clock.monotonic()
            try:
                status, answered, received = await self._exchange(call, url, content, headers, max(0.05, ends - begun))
            except _Failed:
                self._tell(call, begun, 0)
                raise
        self._tell(call, begun, status)
        if 200 <= status < 300 or status in call.answers:  # noqa: PLR2004 - HTTP
            self._throttle.succeeded(answered)
            try:
                parsed = translate.parsed(call, status, received)
            except GatewayError as error:
                raise _Failed(Failure.GARBLED, error) from error
            return Answer(status, parsed, answered, translate.request_id_of(answered))
        quota = translate.is_quota(status, translate.message_of(received)[1])
        failure = failure_of(status, answered, quota)
        if failure is Failure.REFUSED_FOR_NOW:
            self._throttle.throttled(answered)
        raise _Failed(failure, translate.error_of(call, status, answered, received), answered)

    def _tell(self, call: Call, begun: float, status: int) -> None:
        """One request has ended; status 0 is no answer."""
        took = round((self._clock.monotonic() - begun) * 1000, 3)
        fields = {"gateway": call.gateway, "method": call.method, "path": call.path}
        self._listen("request_finished", {**fields, "status": status, "duration_ms": took})

    async def _exchange(
        self, call: Call, url: str, content: bytes | None, headers: Mapping[str, str], left: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One answer within `left` seconds as a whole: one that trickles in is no answer."""
        connect = min(left, self._target.connect_timeout)
        timeout = {"connect": connect, "read": left, "write": left, "pool": left}
        try:
            async with asyncio.timeout(left):
                request = httpx.Request(
                    call.method, url, content=content, headers={**_HEADERS, **headers}, extensions={"timeout": timeout}
                )
                response = await self._transport.handle_async_request(request)
                try:
                    received = await self._received(call, response)
                finally:
                    await response.aclose()
        except NOT_SENT as error:
            raise _Failed(Failure.NOT_SENT, _from(translate.unreachable(call, error), error)) from None
        except (TimeoutError, httpx.TransportError) as error:
            raise _Failed(Failure.BROKEN, _from(translate.broken(call, error), error)) from None
        except httpx.HTTPError as error:
            raise _Failed(Failure.GARBLED, _from(translate.garbled(call, type(error).__name__), error)) from None
        return response.status_code, response.headers, received

    async def _received(self, call: Call, response: httpx.Response) -> bytes:
        received = bytearray()
        try:
            async for chunk in decoded(response, self._target.size_cap):
                received += chunk
        except Undecodable as error:
            if not 200 <= response.status_code < 300:  # noqa: PLR2004 - HTTP
                return b""  # what a refusal means stands in its status
            raise _Failed(Failure.GARBLED, translate.garbled(call, str(error), response.status_code)) from error
        return bytes(received)

    async def _post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, object]:
        """Ask for a token: it changes nothing, so it may be repeated, but no token of ours goes along."""
        call = Call(self._target.gateway, "POST", "the token endpoint", conceal=self._own, hide=self._target.hide)
        sent = {"content-type": "application/x-www-form-urlencoded", **headers}
        ends = self._clock.monotonic() + self._target.total_timeout
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._attempt(call, url, urlencode(form).encode(), sent, ends)
            except _Failed as failed:
                problem = failed
            else:
                if isinstance(answer.body, dict):
                    return answer.body
                raise translate.garbled(call, "the token answer is no JSON object", answer.status)
            if not await self._goes_on(call, Effect.READS, problem, attempt, ends):
                raise _token_error(problem.error) from problem.error.__cause__


def _from(error: GatewayError, cause: BaseException) -> GatewayError:
    error.__cause__ = cause
    return error


def _final(call: Call, effect: Effect, problem: _Failed) -> GatewayError:
    if TABLE[effect, problem.failure] is Next.DOUBT:
        return translate.doubtful(call, problem.error)
    return problem.error


def _token_error(error: GatewayError) -> GatewayError:
    return translate.refused_client(error) if error.status in {400, UNAUTHORIZED} else error


def encoded(body: Any) -> bytes:
    """A body as it is sent, for those who sign it. Half a surrogate pair, which a gateway said, goes back escaped."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def segment(text: str) -> str:
    """Percent-encode one path segment; `.` and `..` cannot climb."""
    if text in {".", ".."}:
        return text.replace(".", "%2E")
    return quote(text, safe="", errors=AS_IT_CAME)


def _context(base_url: str) -> ssl.SSLContext | None:
    """Certificates are loaded once for all lanes, and only where there is TLS: it takes 20 ms."""
    return None if base_url.startswith("http://") else httpx.create_ssl_context()


def connect(
    target: Target, clock: Clock, listen: Progress, transport: httpx.AsyncBaseTransport | None = None
) -> Client:
    """A client for one gateway; nothing is sent before the first request."""
    return Client(target, clock, listen, transport or Lanes(_context(target.base_url)))
