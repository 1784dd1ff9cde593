"""Put one probe's question to one endpoint, and judge what comes back.

In this order: the models that the gateway lists, where the probe wants that (no cost) · a price for the question,
which the budget must allow · the question · the answer against its schema, and once more for each repair · safety,
times, tokens and cost. Whatever goes wrong, the texts stay here: checks, audit lines and errors have none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from reconciler.errors import (
    Forbidden,
    GatewayError,
    InferenceError,
    NotFound,
    ProtocolError,
    Unsupported,
)
from reconciler.inference import refusals
from reconciler.inference.attempt import Limits
from reconciler.inference.audit import EVENT, Call, answer_digest, audit_fields
from reconciler.inference.callee import Callee
from reconciler.inference.chat import Usage
from reconciler.inference.client import Reply
from reconciler.inference.cost import Cost, cost_of
from reconciler.inference.defaults import ANSWER_TOKENS
from reconciler.inference.events import Question
from reconciler.inference.excerpt import LONGEST_ANSWER
from reconciler.inference.inquiry import Asks, Desk, Inquiry, Stopped, Turn
from reconciler.inference.probed import Measured, checks, single
from reconciler.inference.refusals import Refusal
from reconciler.inference.tokens import count_messages, estimated_usage
from reconciler.model.address import Address
from reconciler.model.memory import AuditEvent
from reconciler.model.run import Check, Verdict


async def probe(inquiry: Inquiry, address: Address, callee: Callee, client: Asks, desk: Desk) -> tuple[Check, ...]:
    """Ask once and judge. Never raises for what gateway or model do."""
    asking = _Asking(inquiry, address, callee, client, desk, desk.clock.monotonic())
    try:
        inquiry.warm_up()
        return checks(inquiry.probe, await asking.measured())
    except Stopped as stopped:
        return single(inquiry.probe, stopped.verdict, stopped.message)
    except InferenceError as error:
        return single(inquiry.probe, Verdict.UNKNOWN, f"the question cannot be put or its answer judged: {error}")


@dataclass(frozen=True, slots=True)
class _Asking:
    """One probe, one endpoint, from `began` on."""

    inquiry: Inquiry
    address: Address
    callee: Callee
    client: Asks
    desk: Desk
    began: float

    async def measured(self) -> Measured:
        """The answer, mended as often as its schema allows. Raises Stopped."""
        question = self._bounded(self.inquiry.question(self.callee.called))
        if self.inquiry.probe.cheapest_models:
            await self._require_listed()
        aside = self._set_aside(question)
        turns = [await self._turn(question, aside)]
        while turns[-1].problems and len(turns) <= self.inquiry.repairs:
            question = self._mended(question, turns[-1])
            try:
                aside = self._set_aside(question)
            except Stopped:
                return _summed(self.inquiry, turns, stinted=True)
            turns.append(await self._turn(question, aside))
        return _summed(self.inquiry, turns, stinted=False)

    def _bounded(self, question: Question) -> Question:
        """Where money is bounded, the length of an answer is: what is set aside must be enough."""
        if question.sampling.max_tokens is not None or not self._has_budget:
            return question
        return replace(question, sampling=replace(question.sampling, max_tokens=ANSWER_TOKENS))

    @property
    def _has_budget(self) -> bool:
        return self.inquiry.probe.budget is not None or self.desk.purse.bounded

    def _set_aside(self, question: Question) -> Cost | None:
        """The most that the question may cost, taken from the budgets. Raises Stopped where they do not allow it."""
        if not self._has_budget:
            return None
        longest = question.sampling.max_tokens or ANSWER_TOKENS
        usage = Usage(count_messages(question.messages, self.callee.model), longest, estimated=True)
        cost = cost_of(usage, self.callee.model, self.inquiry.pricing)
        if cost is None:
            raise Stopped(Verdict.UNKNOWN, "not asked: there is a budget, and no price of this model is known")
        budget = self.inquiry.probe.budget
        if not self.desk.purse.take(self.inquiry.probe.name, None if budget is None else Decimal(repr(budget)), cost):
            about = f"{cost.rounded()} {cost.currency}"
            raise Stopped(Verdict.UNKNOWN, f"not asked: it may cost {about}, more than is left of the budget")
        return cost

    def _settle(self, aside: Cost | None, spent: Cost | None) -> None:
        if aside is not None:
            self.desk.purse.settle(self.inquiry.probe.name, aside, spent)

    async def _require_listed(self) -> None:
        try:
            listed = await self._is_listed()
        except GatewayError as error:
            row = refusals.refusal_of(error, by_socket=False)
            raise Stopped(row.verdict, f"{row.words}, when the models were to be listed") from None
        if listed is False:
            raise Stopped(Verdict.REJECTED, "the model is not among those that the gateway lists")

    async def _is_listed(self) -> bool | None:
        """None where the gateway lists nothing, or not to us: it may answer all the same."""
        try:
            listed = await self.client.models()
        except (Unsupported, NotFound, Forbidden, ProtocolError):
            return None
        return self.callee.called in listed if listed else None

    async def _turn(self, question: Question, aside: Cost | None) -> Turn:
        left = self.inquiry.probe.deadline_ms / 1000 - (self.desk.clock.monotonic() - self.began)
        if left <= 0:
            self._settle(aside, None)
            raise Stopped(Verdict.UNKNOWN, "no whole answer in time")
        try:
            reply = await self.client.ask(question, limits=Limits(left, left, left))
        except GatewayError as error:
            row = await self._refusal(error)
            self._settle(aside, aside if row.spends else None)
            self._note(question, None, row)
            raise Stopped(row.verdict, row.words) from None
        turn = self._judged(question, reply)
        self._settle(aside, turn.cost)
        self._note(question, turn, None)
        return turn

    async def _refusal(self, error: GatewayError) -> Refusal:
        """A 404 may mean the model or the call: a list that lacks the model tells."""
        row = refusals.refusal_of(error, by_socket=self.client.by_socket)
        if not isinstance(error, NotFound) or error.status is None or row.verdict is Verdict.UNKNOWN:
            return row
        try:
            known = await self._is_listed()
        except GatewayError:
            known = None
        return row if known is False else replace(row, verdict=Verdict.UNKNOWN, words=f"{row.words}, or not the call")

    def _judged(self, question: Question, reply: Reply) -> Turn:
        usage = reply.usage or estimated_usage(question.messages, reply.text, self.callee.model)
        contract, screen = self.inquiry.contract, self.inquiry.screen
        return Turn(
            reply,
            usage,
            cost_of(usage, self.callee.model, self.inquiry.pricing),
            () if contract is None else contract.read(reply.text).problems,
            None if screen is None or len(reply.text) > LONGEST_ANSWER else screen.output(reply.text),
        )

    def _mended(self, question: Question, turn: Turn) -> Question:
        contract = self.inquiry.contract
        if contract is None:
            return question
        return replace(question, messages=contract.repair(question.messages, turn.reply.text, turn.problems))

    def _note(self, question: Question, turn: Turn | None, row: Refusal | None) -> None:
        """One line for each question that left."""
        call = Call(
            self.desk.clock.now(),
            self.address.gateway,
            self.callee.model,
            self.client.hash_of(question),
            Usage(count_messages(question.messages, self.callee.model), 0, estimated=True),
            (self.desk.clock.monotonic() - self.began) * 1000,
            "ok" if row is None else row.code,
        )
        fields = audit_fields(call if turn is None else _answered(call, turn))
        about = {"probe": self.inquiry.probe.name, "address": str(self.address)}
        self.desk.audit.append(AuditEvent(EVENT, {**about, **fields}))


def _answered(call: Call, turn: Turn) -> Call:
    screened = turn.screened
    return replace(
        call,
        usage=turn.usage,
        latency_ms=turn.reply.latency_ms,
        time_to_first_token_ms=turn.reply.time_to_first_token_ms,
        cost=turn.cost,
        safety=call.safety if screened is None else screened.verdict,
        found=call.found if screened is None else screened.found,
        answer_hash=answer_digest(turn.reply.text if screened is None else screened.text),
        answer_characters=len(turn.reply.text),
    )


def _summed(inquiry: Inquiry, turns: Sequence[Turn], *, stinted: bool) -> Measured:
    last, before = turns[-1], sum(turn.reply.latency_ms for turn in turns[:-1])
    first = last.reply.time_to_first_token_ms
    return Measured(
        last.reply.finish_reason,
        before + last.reply.latency_ms,
        None if first is None else before + first,
        last.usage,
        _total([turn.cost for turn in turns]),
        sum(turn.reply.attempts for turn in turns),
        len(turns),
        _fault(last.reply.text),
        last.problems,
        len(turns) - 1,
        inquiry.repairs,
        stinted,
        None if last.screened is None else last.screened.found,
    )


def _fault(text: str) -> str:
    if not text.strip():
        return "the model said nothing"
    return f"the answer is over {LONGEST_ANSWER} characters" if len(text) > LONGEST_ANSWER else ""


def _total(costs: Sequence[Cost | None]) -> Cost | None:
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    amount = sum((cost.amount for cost in known), Decimal(0))
    return Cost(amount, known[0].currency, any(cost.estimated for cost in known))
