"""Connections to one gateway, kept for the next request: the one that was used last is used first, so few are opened.

How many requests run at once is the throttle's business. A connection whose request was cancelled or failed is closed.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx

from reconciler.transport.connection import Connection, opened

KEPT_SECONDS = 30.0
"""How long a connection that nobody uses is kept: gateways close theirs after a minute or so."""


class Lanes(httpx.AsyncBaseTransport):
    """Connections of HTTP/1.1; `context` is that of TLS, and None where there is none."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._busy: set[Connection] = set()
        self._free: list[tuple[Connection, float]] = []
        if context is not None:
            context.set_alpn_protocols(["http/1.1"])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a free connection, which is free again once the answer is closed."""
        connection = self._taken() or await opened(request, self._context)
        self._busy.add(connection)
        try:
            return await connection.send(request, self._given_back)
        except BaseException:
            self._busy.discard(connection)
            raise

    def _taken(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._free:
            connection, since = self._free.pop()
            if now - since <= KEPT_SECONDS and connection.is_fit:
                return connection
            connection.abort()
        return None

    def _given_back(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if connection.finish():
            self._free.append((connection, asyncio.get_running_loop().time()))

    async def aclose(self) -> None:
        """Close all connections."""
        for connection in (*self._busy, *(connection for connection, _ in self._free)):
            connection.abort()
        self._busy.clear()
        self._free.clear()
        await asyncio.sleep(0)
