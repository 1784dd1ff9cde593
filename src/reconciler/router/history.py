"""Earlier turns of a conversation, oldest first, from the gateway's bot API; no more and no longer than allowed.

::

    channel   call                                                              order it comes in
    cxone     GET {path}?size=N&page=1                                          oldest first
    cognigy   GET {path}?conversationId&pageSize&sortOrder=desc[&nextPageToken] newest first
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.inference.chat import Message, Role
from reconciler.model.inference import Channel, History
from reconciler.router.decision import clean
from reconciler.router.events import Event
from reconciler.transport import Client, segment

LARGEST_PAGE = 50
MOST_PAGES = 10
LONGEST_TURN = 20_000
"""Characters of one message; the rest of a longer one is not looked at."""

_HOLE = re.compile(r"\{([A-Za-z]+)\}")
_CUSTOMER = frozenset({"customer", "user", "end_user", "enduser"})


async def history(link: Client, channel: Channel, wanted: History, event: Event) -> Sequence[Message]:
    """At most `wanted.turns` messages. Raises GatewayError; keeps no time."""
    path = _HOLE.sub(lambda hole: segment(event.members.get(hole[1], "")), wanted.path)
    if channel is Channel.CXONE:
        return await _of_bot(link, path, wanted.turns)
    return await _of_summaries(link, path, wanted.turns, event)


async def _of_bot(link: Client, path: str, turns: int) -> Sequence[Message]:
    answer = await link.request("GET", path, query={"size": str(turns), "page": "1"}, optional="read histories")
    found = [_message(entry, "from", "") for entry in _objects(answer.body, "entities")]
    return [message for message in found if message is not None][-turns:]


async def _of_summaries(link: Client, path: str, turns: int, event: Event) -> Sequence[Message]:
    """A page that is empty, a token that comes back, or enough turns: each is the end."""
    newest: list[Message] = []
    query = {"conversationId": event.conversation, "pageSize": str(min(LARGEST_PAGE, turns)), "sortOrder": "desc"}
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        answer = await link.request("GET", path, query=query, optional="read histories")
        items = _objects(answer.body, "items")
        newest += [m for item in items if (m := _message(item, "participantId", event.customer)) is not None]
        token = answer.body.get("nextPageToken")
        if not items or not isinstance(token, str) or not token or token in seen or len(newest) >= turns:
            break
        seen.add(token)
        query = {**query, "nextPageToken": token}
    return newest[:turns][::-1]


def _objects(body: Any, name: str) -> Sequence[Mapping[str, Any]]:
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise ProtocolError(f"a history without a list named {name}")
    return [item for item in found if isinstance(item, dict)]


def _message(entry: Mapping[str, Any], by: str, customer: str) -> Message | None:
    text = entry.get("text")
    if not isinstance(text, str) or not text.strip():
        return None
    who = entry.get(by)
    is_customer = isinstance(who, str) and (who == customer or who.lower() in _CUSTOMER)
    return Message(Role.USER if is_customer else Role.ASSISTANT, clean(text[:LONGEST_TURN]))
