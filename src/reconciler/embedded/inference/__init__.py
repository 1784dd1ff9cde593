"""The box as a gateway that answers: one file for each dialect, one for what is said, two for how it is carried."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.embedded.inference import cognigy, genesys, history, openai
from reconciler.embedded.inference.http import HttpAnswer
from reconciler.embedded.inference.socket import SocketDialect, listen

__all__ = ["SocketDialect", "calls", "listen", "sockets"]


def calls() -> Sequence[tuple[str, str, HttpAnswer]]:
    """Method, path and answer of every call over HTTP."""
    return (*openai.CALLS, *cognigy.CALLS, *genesys.CALLS, *history.CALLS)


def sockets() -> Sequence[tuple[str, SocketDialect]]:
    """Path and dialect of every WebSocket."""
    return (("/v1/chat/completions", openai.SOCKET), ("/ws/v1/llm-gateway/stream", cognigy.SOCKET))
