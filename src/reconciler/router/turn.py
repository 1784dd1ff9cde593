"""One turn of a bot: from its event to an answer, or to the reason why there is none. It never raises.

::

    history → safety on input → prompt → context window → cache → models in order → schema, repairs → safety on output

The history's failure is not the turn's. The deadline holds over all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from reconciler.errors import ReconcilerError
from reconciler.inference.attempt import Limits
from reconciler.inference.audit import EVENT, Call, answer_digest, audit_fields, log_fields
from reconciler.inference.cache import AnswerCache, cache_key, request_hash
from reconciler.inference.callee import meant
from reconciler.inference.chat import Message, Usage
from reconciler.inference.client import Reply
from reconciler.inference.cost import Cost, cost_of
from reconciler.inference.events import Question
from reconciler.inference.tokens import estimated_usage
from reconciler.model.memory import AuditEvent
from reconciler.model.ports import Clock, Progress
from reconciler.router.decision import Judged, judged
from reconciler.router.events import Event
from reconciler.router.measures import Measures
from reconciler.router.prompt import conversation
from reconciler.router.reasons import Declined, Reason, reason_of
from reconciler.router.table import Bound

Cache = AnswerCache[Reply]

SAID_BY = 0.97
"""Share of the time left that a model has: whoever asks it can then say what it was that took so long."""


Record: TypeAlias = Callable[[AuditEvent], None]
"""Writes a line of the audit. Raises nothing."""


def _unrecorded(_event: AuditEvent) -> None:
    """Where nobody keeps an audit."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What all turns share."""

    clock: Clock
    listen: Progress
    measures: Measures
    cache: Cache | None = None
    record: Record = _unrecorded


@dataclass(slots=True)
class Turn:
    """How a turn went. `value` is a text or a document, None with a `reason`. Times in ms."""

    bound: Bound = field(repr=False)
    request_id: str
    value: Any = field(default=None, repr=False)
    reason: Reason | None = None
    model: str = ""
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    cost: Cost | None = None
    latency_ms: float = 0.0
    first_token_ms: float | None = None


async def take(bound: Bound, event: Event, kit: Kit, request_id: str, ends: float) -> Turn:
    """Answer an event until `ends`, in the time of the loop."""
    turn = Turn(bound, request_id, model=bound.callees[0].model)
    began = kit.clock.monotonic()
    try:
        async with asyncio.timeout_at(ends):
            turn.value = await _answered(turn, event, kit, ends)
    except TimeoutError:
        turn.reason = Reason.DEADLINE
    except Declined as declined:
        turn.reason = declined.reason
    except ReconcilerError as error:
        turn.reason = reason_of(error)
    except Exception as error:  # noqa: BLE001 - a bot gets its answer whatever is wrong with us
        turn.reason = Reason.DEFECT
        kit.listen("turn_broke", {"route": bound.route.name, "request_id": request_id, "error": type(error).__name__})
    turn.latency_ms = (kit.clock.monotonic() - began) * 1000
    return turn


async def _answered(turn: Turn, event: Event, kit: Kit, ends: float) -> Any:
    bound = turn.bound
    messages = await conversation(bound, event, kit.measures, _listening(kit, turn))
    repairs = bound.contract.repair_attempts if bound.contract else 0
    while True:
        answer = await _asked(turn, event, kit, messages, ends)
        if answer.reason is None:
            return answer.value
        if answer.reason is not Reason.ANSWER_INVALID or not repairs or bound.contract is None:
            raise Declined(answer.reason)
        repairs -= 1
        kit.measures.repaired(bound)
        messages = bound.contract.repair(messages, answer.text, answer.problems)


def _listening(kit: Kit, turn: Turn) -> Progress:
    """Tells what happens beside the turn, with its names."""
    about = {"route": turn.bound.route.name, "gateway": turn.bound.upstream.name, "request_id": turn.request_id}
    return lambda event, fields: kit.listen(event, {**about, **fields})


async def _asked(turn: Turn, event: Event, kit: Kit, messages: Sequence[Message], ends: float) -> Judged:
    """One question, its answer judged, and its line in the audit."""
    bound = turn.bound
    question = Question(
        bound.callees[0].called,
        tuple(messages),
        bound.route.sampling,
        bound.schema,
        event.conversation,
        form=bound.form,
        stream=bound.route.response.stream,
    )
    payload = bound.upstream.dialect.request(question)
    key = cache_key(bound.upstream.name, bound.policy, payload)
    line = _Line(turn, kit, request_hash(payload))
    kept = kit.cache.get(key) if kit.cache else None
    reply = kept or await _reply(bound, question, line, ends)
    answer = judged(bound, reply)
    _note(turn, kit, messages, reply, kept=kept is not None)
    line.write(answer.reason or "ok", turn, answer, reply, kept=kept is not None)
    if kit.cache is not None and answer.reason is None:
        kit.cache.put(key, reply)
    return answer


async def _reply(bound: Bound, question: Question, line: _Line, ends: float) -> Reply:
    try:
        others = [callee.called for callee in bound.callees[1:]]
        return await bound.upstream.asks.ask(question, limits=_limits(bound, ends), fallback_models=others)
    except ReconcilerError as error:
        line.write(reason_of(error))
        raise
    except asyncio.CancelledError:
        line.write(Reason.DEADLINE)
        raise


def _limits(bound: Bound, ends: float) -> Limits:
    """Each model has its share of what is left, so that a first one that is silent leaves time for the next."""
    left = max(0.001, (ends - asyncio.get_running_loop().time()) * SAID_BY)
    share = left / len(bound.callees)
    return Limits(left, min(share, bound.patience or share), share)


def _note(turn: Turn, kit: Kit, messages: Sequence[Message], reply: Reply, *, kept: bool) -> None:
    bound = turn.bound
    turn.model = meant(reply.model, bound.callees).model  # what a gateway says is no name for a metric
    turn.first_token_ms = None if kept else reply.time_to_first_token_ms
    used = reply.usage or estimated_usage(messages, reply.text, turn.model)
    spent = Usage(0, 0) if kept else used
    cost = cost_of(spent, turn.model, bound.pricing)
    turn.usage = _sum(turn.usage, spent)
    turn.cost = cost if turn.cost is None or cost is None else _total(turn.cost, cost)
    kit.measures.asked(bound, turn.model, spent, cost)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.estimated or other.estimated,
    )


def _total(one: Cost, other: Cost) -> Cost:
    return Cost(one.amount + other.amount, one.currency, one.estimated or other.estimated)


class _Line:
    """One call's line in the audit, begun before it is sent."""

    def __init__(self, turn: Turn, kit: Kit, sent: str) -> None:
        self._turn = turn
        self._kit = kit
        self._sent = sent
        self._spent = turn.usage
        self._cost = turn.cost
        self._began = kit.clock.monotonic()

    def write(
        self,
        outcome: str,
        turn: Turn | None = None,
        answer: Judged | None = None,
        reply: Reply | None = None,
        *,
        kept: bool = False,
    ) -> None:
        """Once, when the call has ended."""
        bound, kit, after = self._turn.bound, self._kit, self._turn
        answer = answer or Judged()
        call = Call(
            kit.clock.now(),
            bound.upstream.name,
            after.model,
            self._sent,
            _difference(after.usage, self._spent),
            (kit.clock.monotonic() - self._began) * 1000,
            str(outcome),
            kept,
            answer.verdict,
            answer.found,
            _cost_between(self._cost, after.cost),
            turn.first_token_ms if turn else None,
            None if answer.value is None else answer_digest(answer.value),
            None if reply is None else len(reply.text),
        )
        if turn is not None:
            kit.measures.screened(bound, "output", answer.verdict)
        about = {"route": bound.route.name, "request_id": self._turn.request_id}
        kit.listen(EVENT, {**log_fields(call), **about})
        kit.record(AuditEvent(EVENT, {**about, **audit_fields(call)}))


def _difference(whole: Usage, before: Usage) -> Usage:
    return Usage(
        whole.prompt_tokens - before.prompt_tokens,
        whole.completion_tokens - before.completion_tokens,
        whole.estimated,
    )


def _cost_between(before: Cost | None, after: Cost | None) -> Cost | None:
    if after is None:
        return None
    return Cost(after.amount - (before.amount if before else Decimal(0)), after.currency, after.estimated)
