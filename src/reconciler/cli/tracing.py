"""OpenTelemetry, where it is asked for: spans of a run, of what it observes, of changes and of requests.

Spans are made from the events of the run and carry the fields that may be logged, and nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import click

from reconciler import __version__
from reconciler.cli.exits import DIFFERENCES, OK
from reconciler.cli.logging import loggable

SIGNALS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FLUSH_MILLISECONDS = 5_000
_FAILED = frozenset({"failed", "unknown", "rolled_back"})
_TIMED: Mapping[str, str] = {"observed": "observe", "request_finished": "request"}


class Tracing:
    """Implements the port Progress by spans. `provider` is OpenTelemetry's TracerProvider."""

    def __init__(self, provider: Any, command: str) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - the extra

        self._api = trace
        self._provider = provider
        self._tracer = provider.get_tracer("reconciler", __version__)
        self._root = self._tracer.start_span("run", attributes={"reconciler.command": command})
        self._changes: dict[str, Any] = {}
        self._inside: ContextVar[Any] = ContextVar("inside", default=self._root)

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Note one event."""
        shown = loggable(event, fields)
        if shown is None:
            return
        attributes = {f"reconciler.{name}": value for name, value in shown.items()}
        if event == "change_started":
            self._begin_change(str(fields["address"]), attributes)
        elif event == "change_finished":
            self._end_change(str(fields["address"]), attributes)
        elif event in _TIMED:
            self._timed(_TIMED[event], attributes, float(fields.get("duration_ms", 0.0)), int(fields.get("status", 0)))
        else:
            self._inside.get().add_event(event, attributes)

    def end(self, exit_code: int) -> None:
        """End the run's span and hand everything over, within a few seconds."""
        for span in self._changes.values():
            span.end()
        self._root.set_attribute("reconciler.exit_code", exit_code)
        if exit_code not in {OK, DIFFERENCES}:
            self._fail(self._root)
        self._root.end()
        self._provider.force_flush(FLUSH_MILLISECONDS)

    def _begin_change(self, address: str, attributes: Mapping[str, Any]) -> None:
        """What follows in the same task belongs to this change."""
        span = self._tracer.start_span("change", self._below(self._root), attributes=attributes)
        self._changes[address] = span
        self._inside.set(span)

    def _end_change(self, address: str, attributes: Mapping[str, Any]) -> None:
        span = self._changes.pop(address, None)
        if span is None:
            return
        span.set_attributes(attributes)
        if attributes.get("reconciler.status") in _FAILED:
            self._fail(span)
        span.end()
        self._inside.set(self._root)

    def _timed(self, name: str, attributes: Mapping[str, Any], milliseconds: float, status: int) -> None:
        """A span of what has just ended."""
        ended = time.time_ns()
        begun = ended - int(milliseconds * 1_000_000)
        span = self._tracer.start_span(
            name, self._below(self._inside.get()), self._kind(name), attributes=attributes, start_time=begun
        )
        if name == "request" and (not status or status >= 400):  # noqa: PLR2004 - HTTP
            self._fail(span)
        span.end(ended)

    def _kind(self, name: str) -> Any:
        return self._api.SpanKind.CLIENT if name == "request" else self._api.SpanKind.INTERNAL

    def _below(self, span: Any) -> Any:
        return self._api.set_span_in_context(span)

    def _fail(self, span: Any) -> None:
        span.set_status(self._api.Status(self._api.StatusCode.ERROR))


def open_tracing(command: str, *, asked: bool) -> Tracing | None:
    """Tracing by ``--otel``, or because the environment names an endpoint; None otherwise.

    Raises click.UsageError when it was asked for by the flag and the extra is not installed.
    """
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not (asked or any(os.environ.get(name) for name in SIGNALS)):
        return None
    try:
        return Tracing(_provider(), command)
    except ImportError:
        if not asked:
            return None
        raise click.UsageError("--otel needs the extra: pip install 'reconciler[otel]'") from None


def _provider() -> Any:
    """Exporter, endpoint, headers and sampling are those of OpenTelemetry's own variables."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - the extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the extra

    name = os.environ.get("OTEL_SERVICE_NAME") or "reconciler"
    about = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
