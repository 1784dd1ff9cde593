"""Bodies of requests: how much is read, and what counts as JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from reconciler.embedded.validation import Refused

LARGEST = 1 << 20
DEEPEST = 64


async def read(request: Request) -> bytes:
    """The body, up to a cap: a box on a laptop need not hold whatever is sent to it. Raises Refused."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LARGEST:
            raise Refused(413, "too_large", f"a body may have {LARGEST} bytes")
    return bytes(received)


def parse(body: bytes) -> Any:
    """JSON that can be answered with again: no NaN, no half of a surrogate pair, no bottomless nesting.

    None for an empty body. Raises Refused.
    """
    try:
        document = json.loads(body, parse_constant=_no_constant) if body else None
        _require_shallow(document, DEEPEST)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(400, "bad_json", "the body is not JSON") from error
    return document


def _require_shallow(value: Any, levels: int) -> None:
    """Raise ValueError for what is nested deeper than any body of the contract."""
    if not isinstance(value, dict | list):
        return
    if not levels:
        raise ValueError("nested too deeply")
    for part in value.values() if isinstance(value, dict) else value:
        _require_shallow(part, levels - 1)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
