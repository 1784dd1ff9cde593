"""An event loop without a clock, sockets or threads of its own: time is a number, and a seed decides what comes next.

Each runner stands for one process: what it has ready runs first in, first out, as asyncio promises; which runner goes
next is drawn. A killed runner runs nothing any more, not even what stands in its `finally` blocks.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import Any

RUNNER: ContextVar[str] = ContextVar("runner", default="world")
"""Whose work is being done; `world` is everything that outlives a process: gateways, people, the network."""

WORLD = copy_context()
"""For timers of gateways and people, which no kill of a runner stops."""

EXECUTOR_SECONDS = 0.0005


class Deadlock(Exception):
    """Nothing is ready and nothing will ever be: whoever waits, waits for ever."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """`steps` counts callbacks that ran; `chance` decides between runners."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._now = 0.0
        self._queues: dict[str, deque[events.Handle]] = {}
        self._timers: list[tuple[float, float, int, events.TimerHandle]] = []
        self._count = 0
        self.steps = 0
        self.dead: set[str] = set()
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self.buried: list[asyncio.Task[Any]] = []
        self.on_step: Callable[[str], None] | None = None

    def time(self) -> float:
        """Seconds since the beginning of the story."""
        return self._now

    def spawn(self, runner: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that belongs to a runner, with all that it starts itself."""
        context = copy_context()
        context.run(RUNNER.set, runner)
        return self.create_task(work, context=context)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> asyncio.Task[Any]:
        """A task, known to belong to whoever starts it."""
        task = super().create_task(coro, name=name, context=context)
        runner = RUNNER.get() if context is None else context.get(RUNNER) or "world"
        mine = self._tasks.setdefault(runner, set())
        mine.add(task)
        task.add_done_callback(mine.discard)
        return task

    def kill(self, runner: str) -> list[tuple[str, int]]:
        """End a runner at once; returns the places of our code at which it was waiting."""
        tasks = [task for task in self._tasks.pop(runner, ()) if not task.done()]
        places = [place for task in tasks for place in waiting_at(task.get_coro())]
        self.dead.add(runner)
        self.buried += tasks
        self._queues.pop(runner, None)
        return places

    def call_at(  # type: ignore[override]  # the same, with its types left open
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """A timer; those of one moment come in an order that is drawn."""
        timer = events.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._chance.random(), self._count, timer))
        return timer

    def run_in_executor(  # type: ignore[override]  # the same, with its types left open
        self,
        executor: Any,  # noqa: ARG002 - there are no threads
        func: Callable[..., Any],
        *args: Any,
    ) -> Any:
        """Instead of a thread: the work is done here, a moment later."""
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - whoever waits gets it
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_later(self._chance.uniform(0, EXECUTOR_SECONDS), work)
        return future

    def _call_soon(self, callback: Callable[..., object], args: Any, context: Any) -> events.Handle:
        handle = events.Handle(callback, args, self, context)
        runner = _runner_of(handle)
        if runner not in self.dead:
            self._queues.setdefault(runner, deque()).append(handle)
        return handle

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """A cancelled timer is passed over when its time comes."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""

    def _process_events(self, event_list: Any) -> None:
        """There is no selector that could tell."""

    def _run_once(self) -> None:
        runner = self._next_runner()
        handle = self._queues[runner].popleft()
        if not handle.cancelled():
            self.steps += 1
            handle._run()
            if self.on_step is not None:
                self.on_step(runner)

    def _next_runner(self) -> str:
        while True:
            busy = [runner for runner, queue in self._queues.items() if queue]
            while self._timers and (self._timers[0][0] <= self._now or not busy):
                when, _, _, timer = heapq.heappop(self._timers)
                runner = _runner_of(timer)
                if timer.cancelled() or runner in self.dead:
                    continue
                self._now = max(self._now, when)
                self._queues.setdefault(runner, deque()).append(timer)
                if runner not in busy:
                    busy.append(runner)
            if not busy:
                raise Deadlock
            return busy[0] if len(busy) == 1 else self._chance.choice(busy)


def _runner_of(handle: Any) -> str:
    """Whose context it runs in."""
    return handle._context.get(RUNNER) or "world"


def waiting_at(work: Any) -> Iterator[tuple[str, int]]:
    """File and line of each frame of a suspended coroutine, outermost first."""
    while work is not None:
        frame: FrameType | None = getattr(work, "cr_frame", None) or getattr(work, "ag_frame", None)
        if frame is not None:
            yield frame.f_code.co_filename, frame.f_lineno
        work = getattr(work, "cr_await", None) or getattr(work, "ag_await", None)
