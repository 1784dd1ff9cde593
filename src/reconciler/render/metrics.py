"""A run as gauges in the Prometheus text format, for the textfile collector of node_exporter.

Every metric has the label `command`, so that the files of a drift cron and of an apply can lie side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.change import Change
from reconciler.model.plan import Plan, Tally
from reconciler.model.run import Outcome
from reconciler.planning import drift_causes, is_whole
from reconciler.render.view import pending

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One command's end. `ended_at` is in seconds since 1970; `requests` counts those that left, by gateway."""

    command: str
    exit_code: int
    ended_at: float
    seconds: float
    plan: Plan | None = None
    outcomes: Sequence[Outcome] = ()
    requests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Gauge:
    name: str
    about: str
    labels: Labels
    samples: Mapping[Labels, float]


def text(measured: Measured) -> str:
    """The file."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - where a file is asked for
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - see above

    class Collected:
        """What the registry asks for its metrics."""

        def collect(self) -> Iterator[Any]:
            """One family for each gauge."""
            for gauge in _gauges(measured):
                family = GaugeMetricFamily(f"reconciler_{gauge.name}", gauge.about, labels=("command", *gauge.labels))
                for labels, value in sorted(gauge.samples.items()):
                    family.add_metric((measured.command, *labels), value)
                yield family

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return generate_latest(registry).decode()


def _gauges(measured: Measured) -> Iterator[_Gauge]:
    yield _one("last_run_timestamp_seconds", "When the command last ended, in Unix time.", measured.ended_at)
    yield _one("last_run_duration_seconds", "How long it took.", measured.seconds)
    yield _one("last_run_exit_code", "Its exit code; for drift 2 is drift, 1 is could not look.", measured.exit_code)
    complete = measured.plan is not None and is_whole(measured.plan)
    yield _one("plan_complete", "1 when everything could be read and compared, otherwise 0.", float(complete))
    requests: dict[Labels, float] = {(gateway,): float(count) for gateway, count in measured.requests.items()}
    yield _Gauge("last_run_requests", "HTTP requests made, repetitions included.", ("gateway",), requests)
    if measured.plan is not None:
        yield from _of_plan(measured.plan)
    ended: Counter[Labels] = Counter((outcome.action.value, outcome.status.value) for outcome in measured.outcomes)
    yield _Gauge("last_run_changes", "Changes of an apply, by how they ended.", ("action", "status"), {**ended})


def _one(name: str, about: str, value: float) -> _Gauge:
    return _Gauge(name, about, (), {(): value})


def _of_plan(plan: Plan) -> Iterator[_Gauge]:
    """Each gateway and kind that is known of has all its gauges, also at nought: a line that ends alarms nobody."""
    waiting = pending(plan)
    places: list[Labels] = sorted({*plan.tallies, *map(_place, plan.drift), *map(_place, waiting)})

    def gauge(name: str, about: str, counted: Mapping[Labels, float]) -> _Gauge:
        return _Gauge(name, about, ("gateway", "kind"), {place: counted.get(place, 0) for place in places})

    tallies = {place: plan.tallies.get((place[0], place[1]), Tally()) for place in places}
    drifted = Counter(map(_place, {change.address: change for change in plan.drift}.values()))
    yield gauge("drifted_objects", "Objects that differ from what was last applied, or fail a check.", {**drifted})
    yield gauge("pending_changes", "Changes that wait for an apply.", {**Counter(map(_place, waiting))})
    unchanged = {place: float(tally.unchanged) for place, tally in tallies.items()}
    yield gauge("unchanged_objects", "Objects with nothing to do.", unchanged)
    unmanaged = {place: float(tally.unmanaged) for place, tally in tallies.items()}
    yield gauge("unmanaged_objects", "Objects that no manifest and no ledger knows.", unmanaged)
    causes = Counter((*_place(change), cause.value) for change in plan.drift for cause in drift_causes(change))
    yield _Gauge("drift_causes", "Drifted objects by cause.", ("gateway", "kind", "cause"), {**causes})


def _place(change: Change) -> Labels:
    return change.address.gateway, change.address.kind
