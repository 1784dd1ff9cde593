"""The hosts that the source documents speak of, each on a socket of its own and each with a credential of its own.

They are written from the documents' tables alone, and know nothing of the tool that is tested.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn
from router_bench import settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from reconciler import wiring
from reconciler.engine import SystemClock
from reconciler.errors import InputError
from reconciler.manifest import LoadOptions, load
from reconciler.model.diagnostic import has_errors
from reconciler.router import Table
from reconciler.router.server import Serving, running
from reconciler.testing.fakes import RecordingProgress

CLIENT_ID, CLIENT_SECRET = "canary-client-id", "canary-client-secret-0123"
MODEL_KEY = "sk-canary-model-key-0123456789"
CUT, SILENT = "cut", "silent"
"""Instead of a frame: the connection ends, or nothing comes any more."""


@dataclass(frozen=True)
class Seen:
    """One request, or one message on a socket, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body)

    @property
    def form(self) -> Mapping[str, str]:
        """The body as a form."""
        return {name: values[-1] for name, values in parse_qs(self.body, strict_parsing=True).items()}


@dataclass
class Host:
    """One host: where it is, and all that ever reached it."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    def of(self, path: str) -> Sequence[Seen]:
        """What came to a path."""
        return [each for each in self.seen if each.path == path]

    @property
    def everything(self) -> str:
        """All that reached it, in one text."""
        return repr(self.seen)

    async def note(self, request: Request) -> Seen:
        """Keep a request."""
        text = (await request.body()).decode()
        seen = Seen(request.method, request.url.path, dict(request.query_params), dict(request.headers), text)
        self.seen.append(seen)
        return seen


@dataclass
class Conversations(Host):
    """Tokens, and what was said before; oldest first. Tokens end after `lives` seconds."""

    turns: list[Mapping[str, str]] = field(default_factory=list)
    lives: int = 3600
    tokens: int = 0
    refuses: int = 0

    def routes(self) -> Sequence[BaseRoute]:
        """Both documents' histories, and where tokens are had."""
        session = "/api/v2/bot/bots/{bot}/sessions/{session}/messages"
        return (
            Route("/oauth/token", self._token, methods=["POST"]),
            Route(session, self._messages, methods=["GET"]),
            Route("/api/v2/conversations/summaries", self._summaries, methods=["GET"]),
        )

    async def _token(self, request: Request) -> Response:
        form = (await self.note(request)).form
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        self.tokens += 1
        return JSONResponse({"access_token": f"canary-token-{self.tokens}", "expires_in": self.lives})

    async def _messages(self, request: Request) -> Response:
        seen = await self.note(request)
        if not self._admits(seen):
            return JSONResponse({"message": "no"}, 401)
        size, page = int(seen.query["size"]), int(seen.query["page"])
        end = max(0, len(self.turns) - size * (page - 1))
        return JSONResponse({"entities": self.turns[max(0, end - size) : end], "total": len(self.turns)})

    async def _summaries(self, request: Request) -> Response:
        seen = await self.note(request)
        if not self._admits(seen):
            return JSONResponse({"message": "no"}, 401)
        newest = [*reversed(self.turns)]
        start, size = int(seen.query.get("nextPageToken", "0")), int(seen.query["pageSize"])
        more = str(start + size) if start + size < len(newest) else None
        return JSONResponse({"items": newest[start : start + size], "nextPageToken": more})

    def _admits(self, seen: Seen) -> bool:
        if self.refuses:
            self.refuses -= 1
            return False
        return seen.headers.get("authorization") == f"Bearer canary-token-{self.tokens}"


Frame = Mapping[str, Any] | str


@dataclass(frozen=True)
class Refusal:
    """A status, and what is said of it; `param` is the member at fault, where that is said apart."""

    status: int
    message: str
    param: str | None = None


@dataclass(frozen=True)
class Whole:
    """A `chat.completion` in one piece, whatever was asked for; `streams`: the same as events, likewise."""

    text: str
    document: Mapping[str, Any] | None = None
    streams: bool = False

    @property
    def body(self) -> Mapping[str, Any]:
        """As the document has it."""
        choice = {"index": 0, "message": {"role": "assistant", "content": self.text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 340, "completion_tokens": 85, "total_tokens": 425}
        head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini"}
        return self.document or {**head, "choices": [choice], "usage": usage}


Reaction = int | Refusal | Whole | Sequence[Frame]


@dataclass
class Models(Host):
    """Completions over a socket, as events and whole. Each question takes the next of `answers`, the last for ever.

    An answer is a status, a Refusal, a Whole, or frames: documents, texts as they are, CUT or SILENT.
    """

    answers: list[Reaction] = field(default_factory=list)
    health: int = 200
    key: str = MODEL_KEY
    asked: list[Any] = field(default_factory=list)

    def routes(self) -> Sequence[BaseRoute]:
        """Health, models, and completions both ways."""
        completions = "/v1/chat/completions"
        return (
            Route("/health", self._health, methods=["GET"]),
            Route("/v1/models", self._listed, methods=["GET"]),
            Route(completions, self._completed, methods=["POST"]),
            WebSocketRoute(completions, self._conversed),
        )

    def answer(self, *frames: Frame) -> None:
        """From now on this is answered."""
        self.answers = [frames]

    def _next(self) -> Reaction:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def _health(self, request: Request) -> Response:
        seen = await self.note(request)
        return JSONResponse({}, self.health if self._admits(seen.headers) else 401)

    async def _listed(self, request: Request) -> Response:
        seen = await self.note(request)
        if not self._admits(seen.headers):
            return JSONResponse({"error": {"message": "no such key"}}, 401)
        return JSONResponse({"object": "list", "data": [{"id": "gpt-4o-mini"}, {"id": "gpt-4o"}]})

    async def _completed(self, request: Request) -> Response:
        seen = await self.note(request)
        if not self._admits(seen.headers):
            return JSONResponse({"error": {"message": "no such key"}}, 401)
        self.asked.append(seen.json)
        answer = self._next()
        if isinstance(answer, int):
            answer = Refusal(answer, "canary-upstream-text")
        if isinstance(answer, Refusal):
            return JSONResponse({"error": {"message": answer.message, "param": answer.param}}, answer.status)
        if isinstance(answer, Whole) and not answer.streams:
            return JSONResponse(answer.body)
        answer = spoken(answer.text) if isinstance(answer, Whole) else answer
        if not seen.json.get("stream"):
            return Response(_text(answer[0]), media_type="application/json")
        return StreamingResponse(_events(answer), media_type="text/event-stream")

    async def _conversed(self, socket: WebSocket) -> None:
        headers = dict(socket.headers)
        if not self._admits(headers):
            await socket.close(1008)
            return
        await socket.accept()
        try:
            text = await socket.receive_text()
            self.seen.append(Seen("WS", socket.url.path, dict(socket.query_params), headers, text))
            self.asked.append(json.loads(text))
            await self._said(socket, self._next())
        except WebSocketDisconnect:
            return

    async def _said(self, socket: WebSocket, answer: Reaction) -> None:
        assert not isinstance(answer, Refusal | Whole), "nobody says that over a socket"
        frames = [{"error": {"code": answer, "message": "canary-upstream-text"}}] if isinstance(answer, int) else answer
        for frame in frames:
            if frame == SILENT:
                await socket.receive_text()
            if frame == CUT:
                break
            await socket.send_text(_text(frame))
        await socket.close()

    def _admits(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.key}"


ORG_ID, ORG_SECRET = "canary-org-id", "canary-org-secret-0123456789"


@dataclass
class Organisation(Models):
    """Genesys Cloud as its document has it: a token of its own, and the invoke call as events."""

    tokens: int = 0
    lives: int = 86_400
    refuses: int = 0

    def routes(self) -> Sequence[BaseRoute]:
        """Login, and the one call."""
        return (
            Route("/login/oauth2/token", self._token, methods=["POST"]),
            Route("/api/v2/ai/llm/gateway/invoke", self._completed, methods=["POST"]),
        )

    async def _token(self, request: Request) -> Response:
        form = (await self.note(request)).form
        if (form.get("client_id"), form.get("client_secret")) != (ORG_ID, ORG_SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        self.tokens += 1
        return JSONResponse({"access_token": f"canary-org-token-{self.tokens}", "expires_in": self.lives})

    def _admits(self, headers: Mapping[str, str]) -> bool:
        if self.refuses:
            self.refuses -= 1
            return False
        return headers.get("authorization") == f"Bearer canary-org-token-{self.tokens}"


@dataclass
class Dialogs(Models):
    """Cognigy.AI as its document has it: health, registration, and typed frames over a socket.

    `registers` are the statuses that registrations are answered with, one each, 201 after them.
    """

    permissions: str = "llm-gateway:manage, llm-inference:execute, llm-inference:read"
    providers: list[Any] = field(default_factory=list)
    registers: list[int] = field(default_factory=list)

    def routes(self) -> Sequence[BaseRoute]:
        """The three calls of the contract."""
        return (
            Route("/api/v1/llm-gateway/health", self._health, methods=["GET"]),
            Route("/api/v1/llm-gateway/providers", self._registered, methods=["POST"]),
            WebSocketRoute("/ws/v1/llm-gateway/stream", self._conversed),
        )

    async def _health(self, request: Request) -> Response:
        seen = await self.note(request)
        status = self.health if self._admits(seen.headers) else 401
        return JSONResponse({}, status, headers={"X-Permissions": self.permissions})

    async def _registered(self, request: Request) -> Response:
        seen = await self.note(request)
        if not self._admits(seen.headers):
            return JSONResponse({"message": "no"}, 401)
        status = self.registers.pop(0) if self.registers else 201
        if status >= 400:
            return JSONResponse({"message": "canary-upstream-text"}, status)
        if any(known["name"] == seen.json["name"] for known in self.providers):
            return JSONResponse({"status": "exists", "message": "Provider already registered"}, 409)
        self.providers.append(seen.json)
        return JSONResponse({"id": "p-1", "status": "active"}, status)


def content(text: str) -> Frame:
    """A piece of an answer in Cognigy.AI's frames."""
    return {"type": "content", "delta": text}


def complete(prompt: int = 40, completion: int = 10, model: str = "gpt-4-1106-preview") -> Frame:
    """The end of one."""
    return {
        "type": "complete",
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion},
        "model": model,
    }


def _text(frame: Frame) -> str:
    return frame if isinstance(frame, str) else json.dumps(frame)


async def _events(frames: Sequence[Frame]) -> AsyncIterator[str]:
    for frame in frames:
        if frame == SILENT:
            await asyncio.Event().wait()
        if frame == CUT:
            return
        yield f"data: {_text(frame)}\n\n"


def delta(text: str) -> Frame:
    """A piece of an answer."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


STOP: Frame = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE: Frame = "[DONE]"


def spoken(*pieces: str) -> Sequence[Frame]:
    """A whole answer in pieces."""
    return [*map(delta, pieces), STOP, DONE]


@asynccontextmanager
async def at_work(host: Host, routes: Sequence[BaseRoute]) -> AsyncIterator[Host]:
    """Serve it on a loopback port until the block ends."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(Starlette(routes=routes), ws="websockets-sansio", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    host.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield host
    finally:
        server.force_exit = True
        await server.shutdown(sockets=[listener])


@dataclass
class Arrangement:
    """A router before both hosts, and what it told."""

    conversations: Conversations
    models: Models
    client: httpx.AsyncClient
    told: RecordingProgress

    @property
    def logged(self) -> str:
        """All that was told, in one text."""
        return json.dumps(self.told.told, default=str)


@asynccontextmanager
async def arranged(
    root: Path, fleet: str, secrets: Mapping[str, str], answering: Models | None = None
) -> AsyncIterator[Arrangement]:
    """The router of `fleet`, where CONVERSATIONS and MODELS stand for the hosts' addresses."""
    (root / "secrets").mkdir(parents=True)
    for name, value in {"id": CLIENT_ID, "secret": CLIENT_SECRET, "model": MODEL_KEY, **secrets}.items():
        (root / "secrets" / name).write_text(value)
    told, talks, models = RecordingProgress(), Conversations(), answering or Models()
    models.answers = models.answers or [spoken("It is on its way.")]
    async with AsyncExitStack() as held:
        await held.enter_async_context(at_work(talks, talks.routes()))
        await held.enter_async_context(at_work(models, models.routes()))
        (root / "manifests").mkdir()
        text = fleet.replace("CONVERSATIONS", talks.url).replace("MODELS", models.url)
        (root / "manifests" / "fleet.yaml").write_text(text)

        async def opening() -> Table:
            desired = load([root / "manifests"], LoadOptions(root))
            if has_errors(desired.diagnostics):
                raise InputError(desired.diagnostics)
            return await wiring.open_routes(settings(root), desired, told, at_once=64)

        serving = running(Serving(port=0), opening, lambda: None, SystemClock(), told)
        router = await held.enter_async_context(serving)
        client = await held.enter_async_context(httpx.AsyncClient(base_url=router.url, timeout=60))
        yield Arrangement(talks, models, client, told)


def run_with(
    root: Path,
    fleet: str,
    secrets: Mapping[str, str],
    talk: Callable[[Arrangement], Awaitable[None]],
    models: Models | None = None,
) -> None:
    """One conversation with an arrangement of its own."""

    async def main() -> None:
        async with arranged(root / "checkout", fleet, secrets, models) as at:
            await talk(at)

    asyncio.run(main())
