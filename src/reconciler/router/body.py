"""A request's body: whole, bounded in size and in time."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from reconciler.router.refusals import Refusal, Refused

LARGEST_BODY = 256 * 1024
BODY_SECONDS = 5.0


async def received(request: Request, ends: float) -> bytes:
    """All of it, by `ends` in the loop's time, or `BODY_SECONDS` from now. Raises Refused."""
    if _announced(request.headers.get("content-length", "")) > LARGEST_BODY:
        raise Refused(Refusal.BODY_TOO_LARGE)
    try:
        async with asyncio.timeout_at(min(ends, asyncio.get_running_loop().time() + BODY_SECONDS)):
            return await _read(request)
    except TimeoutError:
        raise Refused(Refusal.BODY_LATE) from None
    except ClientDisconnect:
        raise Refused(Refusal.CALLER_GONE) from None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused(Refusal.BODY_TOO_LARGE)
    return bytes(body)


def _announced(length: str) -> int:
    return int(length) if length.isascii() and length.isdecimal() else 0
