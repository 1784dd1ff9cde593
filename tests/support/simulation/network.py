"""The way between a runner and a gateway: slow, lossy, and full of other people's answers, as the seed has it."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from simulation.cxone import Reply, Request
from simulation.loop import RUNNER, WORLD, SimulatedLoop

FAULTS: Mapping[str, str] = {
    "refused": "the connection is refused: nothing was sent",
    "lost-before": "the request is lost on the way",
    "lost-after": "the request is carried out and its answer is lost",
    "slow": "the gateway works for longer than the caller waits, and finishes all the same",
    "429": "too many requests",
    "500": "the gateway fails before it does anything",
    "503": "the gateway fails after it did what it was asked",
    "garbled": "the answer is cut off in the middle",
    "stale": "a read shows an earlier moment",
    "partial": "a list lacks its last object",
    "revoked": "the token was revoked a moment ago",
    "other-writer": "a colleague writes to the object between our read and our write",
}


class Server(Protocol):
    """What is at the other end."""

    tokens: dict[str, float]

    def handle(self, request: Request, now: float, *, stale: bool = False, partial: bool = False) -> Reply:
        """Answer one request, now."""
        ...

    def remember(self) -> None:
        """Keep a copy for stale reads."""
        ...


@dataclass
class Weather:
    """How likely each fault is at this time of the story, and how often each came."""

    chances: dict[str, float] = field(default_factory=dict)
    injected: Counter[str] = field(default_factory=Counter)

    def draw(self, chance: random.Random, request: Request) -> str | None:
        """What happens to this request; None: nothing."""
        for fault, likely in self.chances.items():
            if not _fits(fault, request):
                continue
            if chance.random() < likely:
                self.injected[fault] += 1
                return fault
        return None


def _fits(fault: str, request: Request) -> bool:
    reads = request.method == "GET"
    if fault == "stale":
        return reads
    if fault == "partial":
        return reads and request.path.count("/") == 5  # a list
    if fault == "other-writer":
        return request.method in {"PUT", "DELETE"}
    return True


@dataclass
class SimulatedTransport(httpx.AsyncBaseTransport):
    """Carries requests to one gateway. `watch` sees each before it leaves; `meddle` is the colleague."""

    server: Server
    host: str
    loop: SimulatedLoop
    chance: random.Random
    weather: Weather
    watch: Callable[[Request, str], None]
    meddle: Callable[[Request], None]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange in simulated time. Raises what httpx raises."""
        content = await request.aread()
        asked = Request(
            request.method,
            request.url.path,
            request.url.query.decode(),
            {key.lower(): value for key, value in request.headers.items()},
            content,
            RUNNER.get(),
        )
        self.watch(asked, str(request.url.host))
        fault = self.weather.draw(self.chance, asked)
        if fault == "refused":
            await asyncio.sleep(0.001)
            raise httpx.ConnectError("refused")
        if fault == "lost-before":
            await asyncio.sleep(self.chance.expovariate(100))
            raise httpx.ReadError("the connection broke")
        if fault in {"429", "500"}:
            await asyncio.sleep(self.chance.expovariate(100))
            headers = {"retry-after": "1"} if fault == "429" else {}
            return _response(Reply(int(fault), {"error": {"code": "busy", "message": "not now"}}, headers))
        takes = self.chance.uniform(5, 60) if fault == "slow" else self.chance.expovariate(100)
        answered: asyncio.Future[Reply] = self.loop.create_future()
        self.loop.call_later(takes, self._arrive, asked, fault, answered, context=WORLD)
        if fault == "slow":
            await asyncio.sleep(120)
            raise httpx.ReadTimeout("no answer")
        reply = await answered
        if fault == "lost-after":
            raise httpx.ReadError("the connection broke")
        if fault == "503":
            return _response(Reply(503, {"error": {"code": "down", "message": "try later"}}))
        if fault == "garbled":
            return httpx.Response(reply.status, content=json.dumps(reply.body)[:-1].encode())
        return _response(reply)

    def _arrive(self, asked: Request, fault: str | None, answered: asyncio.Future[Reply]) -> None:
        """The gateway's own work: what is under way arrives, even when whoever sent it is dead by then."""
        if fault == "revoked":
            self.server.tokens.clear()
        if fault == "other-writer":
            self.meddle(asked)
        if asked.method != "GET":
            self.server.remember()
        reply = self.server.handle(asked, self.loop.time(), stale=fault == "stale", partial=fault == "partial")
        self.loop.call_later(self.chance.expovariate(100), _give, answered, reply, context=WORLD)


def _give(answered: asyncio.Future[Reply], reply: Reply) -> None:
    if not answered.done():
        answered.set_result(reply)


def _response(reply: Reply) -> httpx.Response:
    content = b"" if reply.body is None else json.dumps(reply.body).encode()
    return httpx.Response(reply.status, headers=dict(reply.headers), content=content)
