"""Log lines on standard error: events and fields from closed lists, never a value of a secret or a body."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

from reconciler.model.ports import Progress
from reconciler.render.view import clean

EVENTS: Mapping[str, int] = {
    "observed": logging.DEBUG,
    "change_started": logging.DEBUG,
    "change_finished": logging.INFO,
    "verifying": logging.DEBUG,
    "waiting": logging.DEBUG,
    "preflight_skipped": logging.WARNING,
    "request_retried": logging.DEBUG,
    "request_finished": logging.DEBUG,
    "throttled": logging.INFO,
    "inference.call": logging.INFO,
    "inference_repeated": logging.INFO,
    "inference_fell_back": logging.WARNING,
    "response_format_refused": logging.WARNING,
    "turn_finished": logging.INFO,
    "turn_broke": logging.ERROR,
    "call_refused": logging.WARNING,
    "history_missing": logging.WARNING,
    "conversation_cut": logging.INFO,
    "conversation_too_long": logging.WARNING,
    "reloaded": logging.INFO,
    "audit_broken": logging.WARNING,
    "audit_failed": logging.ERROR,
    "reload_refused": logging.ERROR,
    "manifests_unseen": logging.ERROR,
    "manifests_seen": logging.INFO,
    "limits_lowered": logging.WARNING,
    "draining": logging.INFO,
}
"""Every event that may be logged, with its level."""

CALL_FIELDS = frozenset(
    {"time", "model", "request_hash", "prompt_tokens", "completion_tokens", "total_tokens", "tokens_estimated"}
    | {"cached", "safety", "safety_found", "cost", "currency", "latency_ms", "time_to_first_token_ms", "outcome"}
    | {"answer_hash", "answer_characters"}
)
"""Of the audit line that each question to a model leaves."""

FIELDS = frozenset(
    {"gateway", "objects", "address", "action", "status", "duration_ms", "method", "path", "seconds"}
    | {"route", "channel", "request_id", "error", "why", "until"}
    | CALL_FIELDS
)
"""Every field that may be logged; what else an event carries is for other readers of it."""


def loggable(event: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The fields of an event that may be shown, None for an event that is not on the list.

    A log line is never worth a run: what is unknown here is left out, and a test sees to the lists.
    """
    if event not in EVENTS:
        return None
    return {name: _shown(value) for name, value in fields.items() if name in FIELDS}


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 1)
    return clean(value) if isinstance(value, str) else value


class LogProgress:
    """Implements the port Progress by structlog."""

    def __init__(self, log_format: str, level: int) -> None:
        self._log_format = log_format
        self._level = level
        self._logger: Any = None

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Log one event."""
        shown = loggable(event, fields)
        if shown is None or EVENTS[event] < self._level:
            return
        if self._logger is None:
            self._logger = _logger(self._log_format)
        self._logger.log(EVENTS[event], event, **shown)


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


LONGEST_WHY = 60
"""Characters of a reason that fit beside a bar."""


def waiting_words(fields: Mapping[str, Any]) -> str:
    """What a run waits for, and until when, in universal time."""
    why = clean(str(fields["why"]))
    short = why if len(why) <= LONGEST_WHY else why[: LONGEST_WHY - 1] + "…"
    moment = str(fields["until"]).partition("T")[2][:8]
    return f"{clean(str(fields['address']))} waits until {moment} UTC: {short}"


class BarProgress:
    """Implements the port Progress by a bar on a terminal; warnings stand above it."""

    def __init__(self, total: int) -> None:
        from rich.console import Console  # noqa: PLC0415 - terminals only
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("applying", total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Move on by one for each change that has ended; say what is waited for, and until when."""
        if event == "change_finished":
            self._bar.update(self._task, advance=1, description=clean(str(fields["address"])))
        elif event == "waiting":
            self._bar.update(self._task, description=waiting_words(fields))
        elif EVENTS.get(event, logging.DEBUG) >= logging.WARNING:
            self._bar.console.print(f"{event} {clean(str(fields.get('address', '')))}", markup=False, highlight=False)
