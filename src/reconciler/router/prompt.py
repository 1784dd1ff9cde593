"""From an event to messages: what a customer says stays in user messages, and without what is personal.

::

    the customer's words                      safety        what happens
    in the event                              blocked       the turn ends: blocked-input, or message-too-long
    in the event, or in a variable            redacted      labels go on
    in the history, by anybody                blocked       that message is left out
    no message in the event                   -             the newest of the customer in the history is answered
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from reconciler.errors import GatewayError, OversizeMessage
from reconciler.inference.chat import Message, Role
from reconciler.inference.prompts import render
from reconciler.inference.safety import Verdict
from reconciler.inference.safety.screen import TOO_LONG
from reconciler.inference.window import fit
from reconciler.model.ports import Progress
from reconciler.router.decision import clean
from reconciler.router.events import Event
from reconciler.router.history import history
from reconciler.router.measures import Measures
from reconciler.router.reasons import Declined, Reason
from reconciler.router.table import Bound

MESSAGE = "last_message"
UNSCREENED = frozenset({"confidence"})


async def conversation(bound: Bound, event: Event, measures: Measures, listen: Progress) -> Sequence[Message]:
    """What is to be sent. Raises Declined, InferenceError."""
    earlier, message = _split(await _history(bound, event, measures, listen), event.message)
    asked = {**event.variables, MESSAGE: message}
    values = {
        name: value if name in UNSCREENED else _screened(bound, value, measures)
        for name, value in asked.items()
        if name in bound.template.variables
    }
    if MESSAGE not in values:
        _screened(bound, message, measures)  # what a template does not print can still end the turn
    messages = render(bound.template, values, _safe(bound, earlier))
    return _fitted(bound, messages, listen)


def _fitted(bound: Bound, messages: Sequence[Message], listen: Progress) -> Sequence[Message]:
    """As much of a conversation as the model takes; what is left out, and what bounds it, is said."""
    why = f"{bound.window} tokens: {bound.window_by}"
    try:
        fitting = fit(messages, bound.window, bound.callees[0].model)
    except OversizeMessage:
        listen("conversation_too_long", {"why": why})
        raise
    if fitting.dropped:
        listen("conversation_cut", {"objects": fitting.dropped, "why": why})
    return fitting.messages


async def _history(bound: Bound, event: Event, measures: Measures, listen: Progress) -> Sequence[Message]:
    wanted = bound.route.history
    if wanted is None or bound.reads is None:
        return ()
    try:
        async with asyncio.timeout(wanted.timeout_ms / 1000):
            return await history(bound.reads.link, bound.route.channel, wanted, event)
    except (GatewayError, TimeoutError) as error:
        measures.without_history(bound)
        listen("history_missing", {"error": type(error).__name__})
        return ()


def _split(turns: Sequence[Message], message: str | None) -> tuple[Sequence[Message], str]:
    """The earlier messages, and the one to be answered. A platform may have put that into the history already."""
    if message is not None:
        text = clean(message)
        repeated = bool(turns) and turns[-1].role is Role.USER and turns[-1].content.strip() == text.strip()
        return (turns[:-1] if repeated else turns), text
    for at in range(len(turns) - 1, -1, -1):
        if turns[at].role is Role.USER:
            return turns[:at], turns[at].content
    raise Declined(Reason.NOTHING_TO_ANSWER)


def _screened(bound: Bound, text: str, measures: Measures) -> str:
    if bound.screen is None:
        return text
    screened = bound.screen.input(text)
    measures.screened(bound, "input", screened.verdict)
    if screened.verdict is Verdict.BLOCKED:
        raise Declined(_blocked(screened.found))
    return screened.text


def _blocked(found: Mapping[str, int]) -> Reason:
    return Reason.MESSAGE_TOO_LONG if TOO_LONG in found else Reason.BLOCKED_INPUT


def _safe(bound: Bound, earlier: Sequence[Message]) -> Sequence[Message]:
    if bound.screen is None:
        return earlier
    screened = [(message.role, bound.screen.earlier(message.content)) for message in earlier]
    return [Message(role, each.text) for role, each in screened if each.verdict is not Verdict.BLOCKED]
