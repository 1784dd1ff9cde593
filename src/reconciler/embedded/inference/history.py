"""Earlier turns of a conversation: the bot API of NICE CXone, and the paged summaries that Cognigy flows read.

The bot API's page 1 holds the latest turns, each page oldest first. Summaries come newest first unless
``sortOrder=asc`` is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from reconciler.embedded.access import require_token
from reconciler.embedded.faults import Deed, Turn
from reconciler.embedded.inference.http import HttpAnswer
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

LARGEST_PAGE = 100
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def _messages(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    require_token(gateway, request, "bot:bot:read", "conversation:conversation:read")
    turns = _turns(gateway, request.path_params["session"])
    size, page = _size(request, "size", 25), max(1, _number(request, "page", 1))
    until = max(0, len(turns) - size * (page - 1))
    chosen = range(max(0, until - size), until)
    entities = [{"from": turns[n].from_, "text": turns[n].text, "timestamp": _moment(n)} for n in chosen]
    pages = -(-len(turns) // size)
    about = {"pageNumber": page, "pageSize": size, "pageCount": pages, "total": len(turns)}
    return reply(200, {"entities": entities, **about})


def _summaries(gateway: Gateway, request: Request, _deed: Deed, _body: bytes) -> Response:
    require_token(gateway, request, "view:conversation")
    conversation = request.query_params.get("conversationId", "")
    if not conversation:
        raise Refused(400, "bad_request", "conversationId is missing", "conversationId")
    items = [_summary(conversation, number, turn) for number, turn in enumerate(_turns(gateway, conversation))]
    if request.query_params.get("sortOrder", "desc") == "desc":
        items.reverse()
    size, start = _size(request, "pageSize", 50), _number(request, "nextPageToken", 0)
    following = str(start + size) if start + size < len(items) else None
    match gateway.faults.plan.histories:
        case "repeating":
            following = "0"
        case "hollow":
            items, following = [], str(start + 1)
    return reply(200, {"items": items[start : start + size], "nextPageToken": following})


def _summary(conversation: str, number: int, turn: Turn) -> dict[str, str]:
    about = {"conversationId": conversation, "participantId": turn.from_}
    return {**about, "text": turn.text, "timestamp": _moment(number)}


def _moment(number: int) -> str:
    return (_BEGAN + timedelta(seconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _turns(gateway: Gateway, key: str) -> Sequence[Turn]:
    conversations = gateway.faults.plan.conversations
    return conversations.get(key, conversations.get("*", ()))


def _size(request: Request, name: str, default: int) -> int:
    return max(1, min(_number(request, name, default), LARGEST_PAGE))


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else default


CALLS: Sequence[tuple[str, str, HttpAnswer]] = (
    ("GET", "/api/v2/bot/bots/{bot}/sessions/{session}/messages", _messages),
    ("GET", "/api/v2/conversations/summaries", _summaries),
)
