"""Protocols whose connection the application can break, to show clients a lost answer."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from reconciler.transport.door import Bounds, GuardedProtocol

BOUNDS = Bounds(connections=4096, fresh_seconds=60, head_seconds=30, body_seconds=30, answer_seconds=60)
"""Of the gateway in a box, whose callers are patient tests: what must not be is that one of them takes it down."""


class AbortableProtocol(GuardedProtocol):
    """Puts ``reconciler.abort`` among the scope's extensions, uvicorn's way to extend it."""

    def on_message_begin(self) -> None:
        """Called by the parser before each request."""
        super().on_message_begin()
        self.scope["extensions"] = {"reconciler.abort": self.transport.abort}  # type: ignore[dict-item]  # an extension may be any value


class AbortableSocket(WebSocketsSansIOProtocol):
    """The same for WebSockets."""

    async def run_asgi(self) -> None:
        """Called once the handshake has been read."""
        extensions = {**(self.scope["extensions"] or {}), "reconciler.abort": self.transport.abort}
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]  # as above
        await super().run_asgi()
