"""Lists, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.transport.client import Client

MOST_PAGES = 100_000


async def pages(
    client: Client,
    path: str,
    *,
    items: str = "items",
    token: str = "nextPageToken",  # noqa: S107 - the name of a query parameter
    page_size: int = 100,
    optional: str | None = None,
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield each page's objects; a bare JSON array counts as the only page.

    Raises ProtocolError for a wrong shape, and for a page token that comes back a second time: such
    a list would never end.
    """
    seen: set[str] = set()
    query = {"pageSize": str(page_size)}
    for _ in range(MOST_PAGES):
        answer = await client.request("GET", path, query=query, optional=optional)
        found, following = _page(path, answer.body, items, token)
        yield found
        if following is None:
            return
        if following in seen:
            raise ProtocolError(f"GET {path}: the list repeats a page token and would never end")
        seen.add(following)
        query = {"pageSize": str(page_size), token: following}
    raise ProtocolError(f"GET {path}: more than {MOST_PAGES} pages")


def _page(path: str, body: Any, items: str, token: str) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    found, following = (body, None) if isinstance(body, list) else _members(body, items, token)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ProtocolError(f"GET {path}: the answer is no list of objects")
    if following is not None and not isinstance(following, str):
        raise ProtocolError(f"GET {path}: {token} is neither text nor null")
    return found, following or None


def _members(body: Any, items: str, token: str) -> tuple[Any, Any]:
    return (body.get(items), body.get(token)) if isinstance(body, dict) else (None, None)
