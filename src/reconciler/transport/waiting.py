"""A limit on many waits, one after the other, that costs next to nothing for each.

A timer of the loop's own for every frame of an answer costs more than the frame. Here one timer stands for all waits of
a stream: when it rings too early, for the wait that it was set for is long over, it is set anew. And what is there
already is not waited for at all.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Generator
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class Waiting:
    """Waits for one thing at a time. End it with `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._until = 0.0
        self._rang = False

    async def until(self, when: float, what: Awaitable[T]) -> T:
        """The result of `what`, or TimeoutError once it is `when` in the loop's time."""
        running = what.__await__()
        try:
            first = next(running)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # what an awaitable gives stands in no type of this
        return await self._limited(when, resumed(first, running))

    async def _limited(self, when: float, what: Awaitable[T]) -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._task, self._until, self._rang = task, when, False
        if self._timer is None or self._timer.when() > when:
            self._set(when)
        cancelling = task.cancelling()
        try:
            return await what
        except asyncio.CancelledError:
            if self._rang and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._task = None

    def close(self) -> None:
        """Nothing is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, when: float) -> None:
        self.close()
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._until:
            self._set(self._until)
            return
        self._rang = True
        self._task.cancel()


@types.coroutine
def resumed(waited: object, running: Generator[object, object, T]) -> Generator[object, object, T]:
    """Go on with what has been begun and waits: what ``yield from`` does, from its second step on."""
    while True:
        try:
            sent = yield waited
        except GeneratorExit:
            running.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever is thrown in is for whoever waits there
            step = partial(running.throw, error)
        else:
            step = partial(running.send, sent)
        try:
            waited = step()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # likewise
