"""Ctrl-C, and the SIGTERM of a CI system that cancels a job."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.cli.session import say

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stops(stop: asyncio.Event) -> Iterator[None]:
    """The first signal lets writes in flight finish; the second ends the command at once."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        say("stopping: writes in flight finish, nothing new begins (again to abort)")
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupted)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def at_once() -> Iterator[None]:
    """While a person is asked, Ctrl-C means no: asyncio's own way would wait for the answer first."""
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
