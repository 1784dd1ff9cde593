"""Put a question to a gateway's models: once, or again, or to the next model; answered whole or while it comes.

One client per gateway and dialect, over the gateway's `transport.Client`, whose credential and throttle
it shares. Three clocks run apart: the deadline over all attempts, and in each attempt the time to the
first token and the time between two frames.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from reconciler.errors import GatewayError, IncompleteStream, ProtocolError, Throttled, TimedOut
from reconciler.inference.again import Heard, Step, after
from reconciler.inference.attempt import Limits, Piece, attempted
from reconciler.inference.cache import request_hash
from reconciler.inference.chat import Usage
from reconciler.inference.dialects import Dialect, Wire
from reconciler.inference.events import Delta, Finished, Question, Restarted
from reconciler.inference.formats import AFTER, Form, form_of, is_refused
from reconciler.model.ports import Clock, Progress
from reconciler.transport import Backoff, Client


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer.

    `usage` is the provider's count, None where it gave none. `model` is the one that the gateway says answered,
    else the one that was asked. Times in ms from the beginning of the first attempt; `time_to_first_token_ms` is
    that of the text given, None for an empty one. `attempts` counts all that were sent, over all models.
    """

    text: str
    model: str
    usage: Usage | None
    finish_reason: str
    time_to_first_token_ms: int | None
    latency_ms: int
    attempts: int


Told: TypeAlias = Delta | Restarted | Reply
"""What the streaming form gives: pieces, a reset before another model speaks, and the whole at the end."""


class InferenceClient:
    """Asks one gateway's models in one dialect. Closing is the business of whoever made `link`."""

    def __init__(self, link: Client, dialect: Dialect, clock: Clock, listen: Progress) -> None:
        self._link = link
        self._dialect = dialect
        self._clock = clock
        self._listen = listen
        self._backoff = Backoff(random.Random())  # noqa: S311 - jitter
        self._refused: dict[str, set[Form]] = {}

    async def ask(
        self,
        question: Question,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        fallback_models: Sequence[str] = (),
    ) -> Reply:
        """The whole answer. Raises GatewayError; IncompleteStream holds what had come of an answer cut off."""
        course = _Course((question.model, *fallback_models), limits, self._clock)
        async with aclosing(self._told(question, course)) as told:
            async for events in told:
                if events and isinstance(events[-1], Reply):
                    return events[-1]
        raise ProtocolError("the answer ended without an end")

    @asynccontextmanager
    async def stream(
        self,
        question: Question,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        fallback_models: Sequence[str] = (),
    ) -> AsyncIterator[AsyncIterator[Told]]:
        """The answer while it comes, a Reply last; leaving the block closes the connection. Raises as `ask` does."""
        course = _Course((question.model, *fallback_models), limits, self._clock)
        async with aclosing(self._told(question, course)) as told:
            yield (event async for events in told for event in events)

    async def models(self) -> Sequence[str]:
        """The models that the gateway lists (``GET /v1/models``, say), which costs nothing. Raises GatewayError."""
        answer = await self._link.request("GET", self._dialect.listing, optional="list its models")
        return _listed(answer.body)

    @property
    def by_socket(self) -> bool:
        """Whether questions are put over a WebSocket."""
        return self._dialect.wire is Wire.WEBSOCKET

    def hash_of(self, question: Question) -> str:
        """SHA-256, hex, of what is sent for a question."""
        return request_hash(self._dialect.request(question))

    async def _told(self, question: Question, course: _Course) -> AsyncGenerator[Sequence[Told], None]:
        """What there is to tell, as much at once as arrived at once; a Reply is the last of the last."""
        while True:
            asked = replace(question, model=course.model, form=self._form(question, course.model))
            course.begin()
            try:
                async with aclosing(attempted(self._link, self._dialect, asked, course.limits_left())) as pieces:
                    async for some in pieces:
                        yield [told for piece in some if (told := course.note(piece)) is not None]
            except GatewayError as error:
                problem = error
            else:
                return
            if course.heard is Heard.NOTHING and self._asks_otherwise(asked, problem):
                course.again()
            elif await self._goes_on(course, problem) is Step.NEXT_MODEL:
                yield (Restarted(course.model),)

    def _form(self, question: Question, model: str) -> Form | None:
        """The first form that the gateway has not refused for this model."""
        form, refused = form_of(question.form, question.schema, self._dialect.forms), self._refused.get(model, ())
        while form is not None and form in refused:
            form = AFTER.get(form)
        return form

    def _asks_otherwise(self, asked: Question, problem: GatewayError) -> bool:
        """Whether the form was refused and there is another. It is remembered for the model, and said once."""
        form = asked.form
        if form is None or form not in AFTER or not is_refused(problem):
            return False
        refused = self._refused.setdefault(asked.model, set())
        if form not in refused:
            refused.add(form)
            about = {"model": asked.model, "refused": form.value, "instead": AFTER[form].value}
            self._listen("response_format_refused", {"gateway": self._link.gateway, **about})
        return True

    async def _goes_on(self, course: _Course, problem: GatewayError) -> Step:
        """Wait where that is due; raises the problem when it is the last word."""
        step = after(problem, course.heard, course.attempt, course.others)
        pause = self._pause(course.attempt, problem) if step is Step.SAME_AGAIN else 0.0
        if step is Step.GIVE_UP or pause >= course.seconds_left():
            if isinstance(problem, IncompleteStream):
                problem.partial = course.text
            raise problem
        about: Mapping[str, Any] = {"model": course.model, "error": type(problem).__name__, "seconds": round(pause, 3)}
        self._listen("inference_repeated" if step is Step.SAME_AGAIN else "inference_fell_back", about)
        await self._clock.sleep(pause)
        course.take(step)
        return step

    def _pause(self, attempt: int, problem: GatewayError) -> float:
        if isinstance(problem, TimedOut):
            return 0.0
        if isinstance(problem, Throttled) and problem.retry_after is not None:
            return problem.retry_after
        return self._backoff.seconds(attempt, {})


class _Course:
    """One question's way: the models in order, what was heard, how much time is left."""

    def __init__(self, models: Sequence[str], limits: Limits, clock: Clock) -> None:
        self._models = list(models)
        self._limits = limits
        self._clock = clock
        self._began = clock.monotonic()
        self._ends = asyncio.get_running_loop().time() + limits.deadline
        self._sent = 0
        self._usage: Usage | None = None
        self._first: int | None = None
        self._pieces: list[str] = []
        self.attempt = 0

    @property
    def model(self) -> str:
        return self._models[0]

    @property
    def others(self) -> int:
        return len(self._models) - 1

    @property
    def heard(self) -> Heard:
        return Heard.SOMETHING if self._pieces else Heard.NOTHING

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def seconds_left(self) -> float:
        return self._ends - asyncio.get_running_loop().time()

    def limits_left(self) -> Limits:
        return replace(self._limits, deadline=max(0.001, self.seconds_left()))

    def begin(self) -> None:
        self._sent += 1
        self.attempt += 1
        self.forget()

    def again(self) -> None:
        """The next attempt is the same one, put otherwise."""
        self.attempt -= 1

    def take(self, step: Step) -> None:
        if step is Step.NEXT_MODEL:
            self._models.pop(0)
            self.attempt = 0

    def forget(self) -> None:
        self._pieces.clear()
        self._usage, self._first = None, None

    def note(self, piece: Piece) -> Told | None:
        """Keep what comes, and give what the caller is to hear of it."""
        match piece:
            case Delta():
                self._first = self._milliseconds() if self._first is None else self._first
                self._pieces.append(piece.text)
                return piece
            case Restarted():
                self.forget()
                return piece
            case Usage():
                self._usage = piece
                return None
            case Finished():
                return self._reply(piece)

    def _reply(self, finished: Finished) -> Reply:
        model = finished.model or self.model
        return Reply(self.text, model, self._usage, finished.reason, self._first, self._milliseconds(), self._sent)

    def _milliseconds(self) -> int:
        return round((self._clock.monotonic() - self._began) * 1000)


def _listed(body: object) -> Sequence[str]:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        raise ProtocolError("the list of models has no member named data that is a list")
    return [entry["id"] for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


__all__ = ["InferenceClient", "Limits", "Reply", "Told"]
