"""How an answer is carried over HTTP: as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from reconciler.embedded.faults import Deed, Speech
from reconciler.embedded.inference.script import Cut, Said, Voice, spoken

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

HttpAnswer: TypeAlias = "Callable[[Gateway, Request, Deed, bytes], Response]"

FLUSH_SECONDS = 0.05
"""Between the last byte and a broken connection: what is broken at once takes its bytes along."""


def streamed(request: Request, said: Said, speech: Speech, voice: Voice) -> Response:
    """The answer as a stream."""
    abort = request.scope["extensions"]["reconciler.abort"]
    return StreamingResponse(
        _chunks(said, speech, voice, abort), media_type=speech.content_type or "text/event-stream; charset=utf-8"
    )


async def _chunks(said: Said, speech: Speech, voice: Voice, abort: Callable[[], Any]) -> AsyncIterator[bytes]:
    try:
        async for frame in spoken(said, speech, voice):
            event = f"data: {frame}\n\n".encode()
            size = speech.chunk_bytes or len(event)
            for start in range(0, len(event), size):
                yield event[start : start + size]
    except Cut:
        await asyncio.sleep(FLUSH_SECONDS)
        abort()
        await asyncio.sleep(FLUSH_SECONDS)
