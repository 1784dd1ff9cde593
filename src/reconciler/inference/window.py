"""Fit a conversation into a model's context: the oldest turns go first, whole, and the rules never.

::

    message                                      kept
    system                                       always
    the newest turn (last user message and on)   always
    older turns                                  newest first, as long as all fit
    what is always kept is over the limit        OversizeMessage

A turn is a user's message and all that follows until the next: half of one would be an answer to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from reconciler.errors import OversizeMessage
from reconciler.inference.chat import Message, Role
from reconciler.inference.defaults import CONTEXT_WINDOW_TOKENS, MODEL, TOKENS_PER_MESSAGE
from reconciler.inference.tokens import count_tokens


@dataclass(frozen=True, slots=True)
class Window:
    """What is sent: `tokens` is an estimate of it, `dropped` the number of messages that are not."""

    messages: tuple[Message, ...]
    tokens: int
    dropped: int


def fit(
    messages: Sequence[Message],
    limit: int = CONTEXT_WINDOW_TOKENS,
    model: str = MODEL,
    count: Callable[[str], int] | None = None,
) -> Window:
    """The newest part of a conversation that takes at most `limit` tokens. OversizeMessage when none does."""
    size = partial(_size, count or partial(count_tokens, model=model))
    pinned = tuple(message for message in messages if message.role is Role.SYSTEM)
    turns = list(_turns([message for message in messages if message.role is not Role.SYSTEM]))
    tokens = sum(map(size, (*pinned, *(turns[-1] if turns else ()))))
    if tokens > limit:
        raise OversizeMessage(tokens, limit)
    kept = turns[-1:]
    for turn in reversed(turns[:-1]):
        more = sum(map(size, turn))
        if tokens + more > limit:
            break
        tokens += more
        kept.append(turn)
    sent = (*pinned, *(message for turn in (*reversed(kept[1:]), *kept[:1]) for message in turn))
    return Window(sent, tokens, len(messages) - len(sent))


def _size(count: Callable[[str], int], message: Message) -> int:
    return count(message.content) + TOKENS_PER_MESSAGE


def _turns(messages: Sequence[Message]) -> Iterator[list[Message]]:
    turn: list[Message] = []
    for message in messages:
        if message.role is Role.USER and turn:
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn
