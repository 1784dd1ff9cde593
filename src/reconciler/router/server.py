"""Serve until a signal comes: on a socket, with its timers, and with an orderly end.

At SIGTERM or SIGINT: nothing new is taken, turns under way have their answers within their deadlines, then the rest
is closed. At SIGHUP: the manifests are read again.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import uvicorn
from prometheus_client import disable_created_metrics

from reconciler.errors import InputError
from reconciler.inference.cache import AnswerCache
from reconciler.inference.client import Reply
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.ports import Clock, Progress
from reconciler.router.app import Service, build
from reconciler.router.gate import Gate
from reconciler.router.interactions import Interactions
from reconciler.router.live import Live, Open, Stamp, Watch
from reconciler.router.measures import Measures
from reconciler.router.readiness import Readiness
from reconciler.router.replay import Taken
from reconciler.router.table import Table
from reconciler.router.turn import Kit
from reconciler.transport.door import ACCEPTED_AT_ONCE, ACCEPTED_UNSEEN, Bounds, Door, GuardedProtocol

SPARE_SECONDS = 1.0
BACKLOG = 2048
SPARE_CONNECTIONS = 256
"""Beside those of turns: for whoever asks how the router is, and for callers between two turns."""

OTHER_FILES = 64
"""What a process has open besides connections."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How it is served. `most` turns at once, `line` more in line; `cache_seconds` 0 for no cache."""

    host: str = "127.0.0.1"
    port: int = 8080
    most: int = 256
    line: int = 512
    cache_seconds: float = 0.0
    poll_seconds: float = 1.0
    bounds: Bounds = field(default_factory=Bounds)
    """Of connections. Their number is what turns and line need, and more where it says so."""


@dataclass(frozen=True, slots=True)
class Running:
    """A router at work."""

    url: str
    service: Service
    reread: asyncio.Event


@asynccontextmanager
async def running(
    serving: Serving,
    opening: Open,
    stamp: Stamp,
    clock: Clock,
    listen: Progress,
    interactions: Interactions | None = None,
) -> AsyncIterator[Running]:
    """Serve in the running loop. Raises InputError for manifests that are wrong and a port that is taken."""
    listener = _listening(serving.host, serving.port)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        serving = _within_limits(serving, listen)
        loaded = await _stamped(stamp)  # before they are read: what changes meanwhile is read again
        service = _service(serving, await opening(), clock, listen, interactions)
        if interactions is not None:
            await interactions.begin(service.kit.measures)
            stack.push_async_callback(interactions.end)
            stack.push_async_callback(_ended, asyncio.ensure_future(interactions.watch()))
        stack.push_async_callback(service.live.close)
        reread = asyncio.Event()
        door = Door(serving.bounds, service.kit.measures.connection_ended)
        for work in (
            Watch(service.live, opening, stamp, reread, serving.poll_seconds, loaded).run(),
            service.readiness.watch(),
            door.watch(),
        ):
            stack.push_async_callback(_ended, asyncio.ensure_future(work))
        server = await _started(service, listener, door)
        try:
            yield Running(_url(serving.host, listener), service, reread)
        finally:
            await _drained(server, service)


async def serve_until_signalled(
    serving: Serving,
    opening: Open,
    stamp: Stamp,
    clock: Clock,
    listen: Progress,
    ready: Callable[[str], None],
    interactions: Interactions | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the base URL."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with running(serving, opening, stamp, clock, listen, interactions) as router:
        loop.add_signal_handler(signal.SIGHUP, router.reread.set)
        ready(router.url)
        await ended.wait()
        listen("draining", {"objects": router.service.gate.running + router.service.gate.waiting})


def _service(
    serving: Serving, table: Table, clock: Clock, listen: Progress, interactions: Interactions | None
) -> Service:
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a line of each counter that nobody reads
    gate = Gate(serving.most, serving.line)
    taken = Taken(clock)
    measures = Measures(gate, taken)
    cache = AnswerCache[Reply](clock, seconds=serving.cache_seconds) if serving.cache_seconds else None
    live = Live(table, measures, listen)
    kit = Kit(clock, listen, measures, cache)
    if interactions is not None:
        kit = replace(kit, record=interactions.record)
    return Service(live, gate, taken, kit, Readiness(live))


async def _started(service: Service, listener: socket.socket, door: Door) -> uvicorn.Server:
    """Begin to accept, without uvicorn's own loop: it takes the process's signals, and looks only now and then."""
    config = uvicorn.Config(
        build(service),
        http=partial(GuardedProtocol, door),  # type: ignore[arg-type]  # uvicorn calls it, and asks for no more
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=ACCEPTED_AT_ONCE,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    listener.listen(BACKLOG)  # how many may wait in the system is another number than how many are taken at once
    return server


def _within_limits(serving: Serving, listen: Progress) -> Serving:
    """As many connections as turns and line need, and gateways for as many turns, if the system gives that many files.

    Where it does not, less is taken on: a turn that is refused can be sent again, and a router without a file left
    answers nobody, not even whoever asks how it is.
    """
    wanted = serving.most + serving.line + SPARE_CONNECTIONS
    connections = max(wanted, serving.bounds.connections)
    files = _files(connections + 2 * serving.most + ACCEPTED_UNSEEN + OTHER_FILES)
    room = files - ACCEPTED_UNSEEN - OTHER_FILES
    if connections + 2 * serving.most <= room:
        return replace(serving, bounds=replace(serving.bounds, connections=connections))
    connections = max(8, room // 2)
    most = max(1, min(serving.most, connections // 4))
    line = max(0, min(serving.line, connections // 2 - most))
    listen("limits_lowered", {"objects": connections, "error": f"{files} open files"})
    return replace(serving, most=most, line=line, bounds=replace(serving.bounds, connections=connections))


def _files(wanted: int) -> int:
    """How many files may be open; raised to `wanted` where we are allowed to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError):
        return soft
    return raised


async def _drained(server: uvicorn.Server, service: Service) -> None:
    """Accept nothing more, let turns under way end within their deadlines, then break what is left."""
    service.readiness.draining = True
    for accepting in server.servers:
        accepting.close()
    connections, tasks = server.server_state.connections, server.server_state.tasks
    for connection in list(connections):
        connection.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(service.live.table.longest_deadline + SPARE_SECONDS):
            while connections or tasks:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
    for task in list(tasks):
        task.cancel()
    for connection in list(connections):
        if connection.transport is not None:
            connection.transport.abort()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stamped(stamp: Stamp) -> Any:
    """None where it cannot be had: reading them says why, or the first look does."""
    try:
        return await asyncio.to_thread(stamp)
    except Exception:  # noqa: BLE001 - a stamp may raise anything
        return None


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named on purpose: asyncio switches Nagle's algorithm off only where it stands.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        detail = f"{host}:{port}: {error.strerror or error}. Give another --host or --port."
        raise InputError([Diagnostic(Severity.ERROR, "ROUTER003", "cannot listen there", detail)]) from None
    return listener
