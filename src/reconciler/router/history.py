"""Earlier turns of a conversation, oldest first, from a gateway's bot API; no more and no longer than allowed.

::

    channel   call
    cxone     GET {path}?size=N&page=K                                           pages by number
    cognigy   GET {path}?conversationId&pageSize&sortOrder=desc[&nextPageToken]  pages by token

No contract says in which order pages and messages come, and gateways differ. What decides, in this order:

| what an answer shows                      | then the newest turns are                               |
|-------------------------------------------|---------------------------------------------------------|
| one page                                  | on it                                                   |
| pages by number, with timestamps          | on the first or the last one, whichever is the newer    |
| pages by number, without                  | on the last one: what nobody sorts is appended          |
| pages by token, timestamps oldest first   | on the last one: all are read                           |
| pages by token, otherwise                 | on the first one, for that is what was asked for        |
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.inference.chat import Message, Role
from reconciler.model.inference import Channel, History
from reconciler.router.decision import clean
from reconciler.router.events import Event
from reconciler.transport import Client, segment

LARGEST_PAGE = 50
MOST_PAGES = 10
LONGEST_WALK = 50
"""Pages of a list that comes oldest first although the newest were asked for: its end is what is wanted."""

LONGEST_TURN = 20_000
"""Characters of one message; the rest of a longer one is not looked at."""

_VARIABLE = re.compile(r"\{([A-Za-z]+)\}")
_CUSTOMER = frozenset({"customer", "user", "end_user", "enduser"})
_TIMES = ("timestamp", "time", "createdTime", "dateCreated", "createdAt", "created")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One message, and its time in seconds since 1970; None where the gateway gave none that can be read."""

    message: Message
    time: float | None


async def history(link: Client, channel: Channel, wanted: History, event: Event) -> Sequence[Message]:
    """The newest `wanted.turns` messages, oldest first. Raises GatewayError; keeps no time."""
    path = _VARIABLE.sub(lambda found: segment(event.members.get(found[1], "")), wanted.path)
    read = _numbered_pages if channel is Channel.CXONE else _token_pages
    return _newest([entry async for page in read(link, path, wanted.turns, event) for entry in page], wanted.turns)


def _newest(entries: Sequence[_Entry], turns: int) -> Sequence[Message]:
    """By time where all have one; otherwise as they stand, which is oldest first by then."""
    times = [entry.time for entry in entries if entry.time is not None]
    if len(times) == len(entries):
        entries = [entry for _, entry in sorted(zip(times, entries, strict=True), key=lambda pair: pair[0])]
    return [entry.message for entry in entries[-turns:]]


async def _numbered_pages(link: Client, path: str, turns: int, event: Event) -> AsyncIterator[Sequence[_Entry]]:
    """From the page with the newest messages towards the others, until there are enough."""
    size = min(LARGEST_PAGE, turns)

    async def page(number: int) -> Mapping[str, Any]:
        query = {"size": str(size), "page": str(number)}
        return _document((await link.request("GET", path, query=query, optional="read histories")).body, "entities")

    def entries(document: Mapping[str, Any]) -> Sequence[_Entry]:
        return _oldest_first(_entries(document, "entities", "from", event.customer))

    document = await page(1)
    first, count = entries(document), _page_count(document, size)
    if count <= 1:
        yield first
        return
    last = entries(await page(count))
    at_end = not first or not last or _latest(last) >= _latest(first)
    newest, oldest = (last, first) if at_end else (first, last)
    between = range(count - 1, 1, -1) if at_end else range(2, count)
    found = list(newest)
    for number in [*between][: MOST_PAGES - 2]:
        if len(found) >= turns:
            break
        found = [*entries(await page(number)), *found]
    yield [*oldest, *found] if len(found) < turns else found


def _latest(entries: Sequence[_Entry]) -> float:
    """Time of the newest; the same for all pages where there are no times."""
    return max((entry.time for entry in entries if entry.time is not None), default=0.0)


def _page_count(document: Mapping[str, Any], size: int) -> int:
    """How many pages there are, as the gateway says; 1 where it says nothing."""
    pages, total = document.get("pageCount"), document.get("total")
    if isinstance(pages, int) and not isinstance(pages, bool) and pages > 0:
        return pages
    if isinstance(total, int) and not isinstance(total, bool) and total > 0:
        shown = document.get("pageSize")
        per_page = shown if isinstance(shown, int) and not isinstance(shown, bool) and 0 < shown <= size else size
        return ceil(total / per_page)
    return 1


async def _token_pages(link: Client, path: str, turns: int, event: Event) -> AsyncIterator[Sequence[_Entry]]:
    """A page that is empty, a token that comes back, or enough of the newest turns: each is the end."""
    query = {"conversationId": event.conversation, "pageSize": str(min(LARGEST_PAGE, turns)), "sortOrder": "desc"}
    seen: set[str] = set()
    found: list[_Entry] = []
    newest_first = True
    for _ in range(LONGEST_WALK):
        document = _document((await link.request("GET", path, query=query, optional="read histories")).body, "items")
        entries = _entries(document, "items", "participantId", event.customer)
        newest_first = newest_first and _order(entries) is not False
        found = [*entries[::-1], *found] if newest_first else [*found, *entries]
        token = _next_token(document)
        if token is None or token in seen or (newest_first and (len(found) >= turns or len(seen) + 1 >= MOST_PAGES)):
            break
        seen.add(token)
        query = {**query, "nextPageToken": token}
    yield found


def _next_token(document: Mapping[str, Any]) -> str | None:
    """None at the end, and where a page is empty: more of them would be, for ever."""
    token = document.get("nextPageToken")
    return token if document["items"] and isinstance(token, str) and token else None


def _order(entries: Sequence[_Entry]) -> bool | None:
    """True for newest first, False for oldest first, None where times do not tell."""
    times = [entry.time for entry in entries if entry.time is not None]
    if len(times) < 2 or times[0] == times[-1]:  # noqa: PLR2004 - a single one has no order
        return None
    return times[0] > times[-1]


def _oldest_first(entries: Sequence[_Entry]) -> Sequence[_Entry]:
    """A page of which nothing is known is taken to be so already."""
    return entries[::-1] if _order(entries) else entries


def _document(body: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get(name), list):
        raise ProtocolError(f"a history without a list named {name}")
    return body


def _entries(document: Mapping[str, Any], name: str, by: str, customer: str) -> Sequence[_Entry]:
    made = (_entry(item, by, customer) for item in document[name] if isinstance(item, dict))
    return [entry for entry in made if entry is not None]


def _entry(item: Mapping[str, Any], by: str, customer: str) -> _Entry | None:
    text = item.get("text")
    if not isinstance(text, str) or not text.strip():
        return None
    who = item.get(by)
    is_customer = isinstance(who, str) and (bool(customer and who == customer) or who.lower() in _CUSTOMER)
    role = Role.USER if is_customer else Role.ASSISTANT
    return _Entry(Message(role, clean(text[:LONGEST_TURN])), _time_of(item))


def _time_of(item: Mapping[str, Any]) -> float | None:
    """ISO 8601, or a number of seconds or milliseconds."""
    value = next((item[name] for name in _TIMES if item.get(name) is not None), None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
