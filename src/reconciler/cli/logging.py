"""Log lines on standard error: names from a closed list, never a value of a secret or a body."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

EVENTS: Mapping[str, int] = {
    "observed": logging.DEBUG,
    "change_started": logging.DEBUG,
    "change_finished": logging.INFO,
    "verifying": logging.DEBUG,
    "preflight_skipped": logging.WARNING,
    "request_retried": logging.DEBUG,
    "throttled": logging.INFO,
}
"""Every event that may be logged, with its level."""


class LogProgress:
    """Implements the port Progress by structlog."""

    def __init__(self, log_format: str, level: int) -> None:
        self._log_format = log_format
        self._level = level

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Log one event; one that is not on the list is a mistake of ours."""
        if EVENTS[event] >= self._level:
            _logger(self._log_format).log(EVENTS[event], event, **fields)


@cache
def _logger(log_format: str) -> Any:
    """Made at the first event that is shown: structlog takes 50 ms to load, and most commands say nothing."""
    import structlog  # noqa: PLC0415 - see above

    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[structlog.processors.add_log_level, stamp, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )


class BarProgress:
    """Implements the port Progress by a bar on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - terminals only
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = None

    def begin(self, total: int) -> None:
        """Show a bar for so many changes."""
        self._bar.start()
        self._task = self._bar.add_task("applying", total=total)

    def end(self) -> None:
        """Take it away."""
        self._bar.stop()

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Move on by one for each change that has ended."""
        if self._task is not None and event == "change_finished":
            self._bar.update(self._task, advance=1, description=str(fields["address"]))
