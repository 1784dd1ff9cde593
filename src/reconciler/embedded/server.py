"""Serve the application on a socket: within a run, or until a signal comes."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.embedded.faults import FaultPlan, Faults

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 1.0
BACKLOG = 2048


@asynccontextmanager
async def serve(
    store: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: FaultPlan | None = None,
    credentials: tuple[str, str] | None = None,
    admin: bool = False,
) -> AsyncIterator[str]:
    """Serve in the running event loop and yield the base URL; everything is closed at the end.

    Raises OSError when the port is taken.
    """
    import uvicorn  # noqa: PLC0415 - a server is rarely needed, and start-up counts

    from reconciler.embedded.app import Credentials, Gateway, build  # noqa: PLC0415 - the same
    from reconciler.embedded.protocol import BOUNDS, AbortableProtocol, AbortableSocket  # noqa: PLC0415 - the same
    from reconciler.embedded.store import Store  # noqa: PLC0415 - the same
    from reconciler.transport.door import Door  # noqa: PLC0415 - the same

    opened = Store(store)
    try:
        listener = _listen(host, port)
    except OSError:
        opened.close()
        raise
    gateway = Gateway(opened, Faults(faults or FaultPlan()), Credentials(*credentials) if credentials else None)
    door = Door(BOUNDS)
    config = uvicorn.Config(
        build(gateway, admin=admin),
        http=partial(AbortableProtocol, door),  # type: ignore[arg-type]  # uvicorn calls it, and asks for no more
        ws=AbortableSocket,
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=BACKLOG,
    )
    try:
        server = await _started(uvicorn.Server(config), listener)
        watch = asyncio.ensure_future(door.watch())
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            watch.cancel()
            await _stop(server)
    finally:
        listener.close()
        opened.close()


async def _started(server: uvicorn.Server, listener: socket.socket) -> uvicorn.Server:
    """Begin to accept, without uvicorn's own loop: it takes the process's signals, and looks only now and then."""
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listener])
    return server


async def _stop(server: uvicorn.Server) -> None:
    """Accept nothing more, let answers under way go out, then break what is left."""
    for accepting in server.servers:
        accepting.close()
    at_work = server.server_state
    for connection in list(at_work.connections):
        connection.shutdown()
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            while at_work.connections or at_work.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.001)
    except TimeoutError:
        for task in list(at_work.tasks):
            task.cancel()
        for connection in list(at_work.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.gather(*at_work.tasks, return_exceptions=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named on purpose: asyncio switches Nagle's algorithm off only where it stands.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


async def serve_forever(
    store: Path,
    host: str,
    port: int,
    ready: Callable[[str], None],
    *,
    faults: FaultPlan | None = None,
    credentials: tuple[str, str] | None = None,
    admin: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told the base URL."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with serve(store, host=host, port=port, faults=faults, credentials=credentials, admin=admin) as url:
        ready(url)
        await ended.wait()
