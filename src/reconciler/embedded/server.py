"""Serve the application on a socket: within a run, or until a signal comes."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from reconciler.embedded.faults import FaultPlan, Faults


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
    from reconciler.embedded.protocol import AbortableProtocol  # noqa: PLC0415 - the same
    from reconciler.embedded.store import Store  # noqa: PLC0415 - the same

    listener = _listen(host, port)
    opened = Store(store)
    gateway = Gateway(opened, Faults(faults or FaultPlan()), Credentials(*credentials) if credentials else None)
    config = uvicorn.Config(
        build(gateway, admin=admin),
        http=AbortableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    server = _WithoutSignals(uvicorn.Server(config))
    running = asyncio.create_task(server.serve(listener))
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.stop()
        await running
        listener.close()
        opened.close()


class _WithoutSignals:
    """A uvicorn server that leaves the process's signals to whoever started it."""

    def __init__(self, server: Any) -> None:
        server.capture_signals = _no_signals
        self._server = server

    @property
    def started(self) -> bool:
        return bool(self._server.started)

    async def serve(self, listener: socket.socket) -> None:
        await self._server.serve(sockets=[listener])

    def stop(self) -> None:
        self._server.should_exit = True


@contextmanager
def _no_signals() -> Iterator[None]:
    yield


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
