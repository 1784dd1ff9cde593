"""Spans of a run, through the exporter in memory that OpenTelemetry gives for this."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import click
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from reconciler.cli.tracing import SIGNALS, Tracing, open_tracing

CANARY = "sk-canary-0123456789=="


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SIGNALS, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)


def traced(work: Any, code: int = 0) -> dict[str, list[ReadableSpan]]:
    """Spans by name."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Tracing(provider, "apply")
    asyncio.run(work(tracing))
    tracing.end(code)
    found: dict[str, list[ReadableSpan]] = {}
    for span in exporter.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    return found


def request(path: str, status: int = 200) -> dict[str, Any]:
    return {"gateway": "prod", "method": "PUT", "path": path, "status": status, "duration_ms": 20.0, "body": CANARY}


async def two_changes(tracing: Tracing) -> None:
    """Two changes at once, each with a request of its own."""
    tracing("observed", {"gateway": "prod", "objects": 3, "duration_ms": 5.0})
    begun = asyncio.Barrier(2)

    async def change(name: str, status: str) -> None:
        tracing("change_started", {"address": f"prod/Endpoint/{name}", "action": "update"})
        await begun.wait()
        tracing("request_finished", request(f"/{name}", 500 if status == "failed" else 200))
        tracing("throttled", {"gateway": "prod", "seconds": 1.0, "key": CANARY})
        ended = {"address": f"prod/Endpoint/{name}", "action": "update", "status": status, "duration_ms": 1.0}
        tracing("change_finished", ended)

    await asyncio.gather(change("one", "applied"), change("two", "failed"))
    tracing("request_finished", request("/after"))


def test_a_run_is_a_tree() -> None:
    """Which request belongs to which change is what a trace is looked at for, also when they run at once."""
    spans = traced(two_changes, 1)
    [root] = spans["run"]
    [observe] = spans["observe"]
    changes = {str((s.attributes or {})["reconciler.address"]).rsplit("/", 1)[1]: s for s in spans["change"]}
    assert root.parent is None
    assert root.context is not None
    assert {s.parent.span_id for s in (*changes.values(), observe) if s.parent} == {root.context.span_id}
    above = {str((s.attributes or {})["reconciler.path"]): s.parent.span_id for s in spans["request"] if s.parent}
    ids = {name: span.context.span_id for name, span in changes.items() if span.context}
    assert above == {"/one": ids["one"], "/two": ids["two"], "/after": root.context.span_id}
    assert changes["two"].status.status_code is StatusCode.ERROR
    assert changes["one"].status.status_code is StatusCode.UNSET
    assert root.status.status_code is StatusCode.ERROR
    assert {span.kind for span in spans["request"]} == {SpanKind.CLIENT}


def test_a_span_is_as_long_as_what_it_stands_for() -> None:
    """Requests are known only when they have ended; their beginning must be theirs all the same."""
    for span in traced(two_changes)["request"]:
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time - span.start_time == 20_000_000


def test_no_value_is_in_a_span() -> None:
    """Traces leave for a vendor: what may not be logged may not be traced."""
    spans = traced(two_changes)
    assert CANARY not in "".join(span.to_json() for named in spans.values() for span in named)


def test_an_interrupted_change_is_ended() -> None:
    """A span that never ends is never seen."""

    async def cut(tracing: Tracing) -> None:
        tracing("change_started", {"address": "prod/Endpoint/one", "action": "update"})

    assert len(traced(cut, 130)["change"]) == 1


def test_it_is_off_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to anybody because a library happens to be installed."""
    assert open_tracing("plan", asked=False) is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert open_tracing("plan", asked=False) is not None
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert open_tracing("plan", asked=True) is None


def test_without_the_extra_the_flag_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable may be there for others; the flag was meant for us."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(click.UsageError, match=r"reconciler\[otel\]"):
        open_tracing("plan", asked=True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert open_tracing("plan", asked=False) is None


def test_nothing_is_loaded_that_is_not_used() -> None:
    """Whoever has the extra installed pays for it only in runs that use it."""
    code = (
        "import sys, reconciler.cli.drift, reconciler.cli.apply;"
        "from reconciler.cli.tracing import open_tracing; open_tracing('plan', asked=False);"
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'prometheus_client'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
