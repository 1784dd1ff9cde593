"""Figures for Prometheus, in a registry of their own. Labels come from manifests and closed lists only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from reconciler.inference.chat import Usage
from reconciler.inference.cost import Cost
from reconciler.inference.safety import Verdict
from reconciler.router.gate import Gate
from reconciler.router.reasons import Reason
from reconciler.router.replay import Taken
from reconciler.router.table import Bound
from reconciler.transport.door import Ended

PREFIX = "reconciler_router_"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 7, 10, 15, 30)
REMEMBERED = 1_000
"""Turns of a route that its service levels are computed from."""

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(slots=True)
class _Levels:
    """A route's latest turns: seconds, and whether a model answered. `deadline` in seconds."""

    deadline: float
    turns: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def answered(self) -> float:
        return sum(answered for _, answered in self.turns) / len(self.turns)

    def in_time(self) -> float:
        return sum(seconds <= self.deadline for seconds, _ in self.turns) / len(self.turns)

    def quantile(self, share: float) -> float:
        ordered = sorted(seconds for seconds, _ in self.turns)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Measures:
    """Everything that is counted."""

    def __init__(self, gate: Gate, taken: Taken) -> None:
        self._gate = gate
        self._taken = taken
        self._levels: dict[str, _Levels] = {}
        self._fresh = 1.0
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = self._counter("requests", "Calls by path's route and HTTP status.", "route", "status")
        self._refused = self._counter("refused", "Calls that were not taken.", "code")
        self._turns = self._counter("turns", "Turns by who answered.", "route", "channel", "source")
        self._fallbacks = self._counter("fallbacks", "Turns without a model's answer.", "route", "reason")
        self._tokens = self._counter("tokens", "Tokens.", "route", "model", "direction", "estimated")
        self._cost = self._counter("cost", "What the answers cost.", "route", "model", "currency")
        self._safety = self._counter("safety", "Texts by what safety made of them.", "route", "direction", "verdict")
        self._repairs = self._counter("repairs", "Answers that a model was asked to mend.", "route")
        self._blind = self._counter("histories_missing", "Turns whose history could not be read.", "route")
        self._reloads = self._counter("reloads", "Manifests that were read again.", "outcome")
        self._ended = self._counter("connections_ended", "Connections ended by us, or left before an answer.", "reason")
        self._unseen = self._counter("manifest_looks_failed", "Times that manifests could not be looked at.")
        self._unrecorded = self._counter("questions_unrecorded", "Questions that the audit could not take.")
        self._latency = self._histogram("turn_seconds", "From the call to its answer.")
        self._first = self._histogram("first_token_seconds", "From the question to its first token.")
        self._registry.register(self)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str) -> Histogram:
        return Histogram(PREFIX + name, about, ("route",), buckets=SECONDS, registry=self._registry)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is computed when it is asked for: the queue, and each route's service levels."""
        queue = GaugeMetricFamily(PREFIX + "queue", "Turns that run, and turns in line.", labels=["place"])
        queue.add_metric(["running"], self._gate.running)
        queue.add_metric(["waiting"], self._gate.waiting)
        yield queue
        yield GaugeMetricFamily(
            PREFIX + "manifests_fresh", "1 unless newer manifests are wrong, or cannot be seen.", self._fresh
        )
        remembered = GaugeMetricFamily(PREFIX + "replay_remembered", "Calls that cannot come again.", labels=["route"])
        for route, count in self._taken.remembered():
            remembered.add_metric([route], count)
        yield remembered
        yield self._level("sla_answered_ratio", "Share of the latest turns that a model answered.", _Levels.answered)
        yield self._level("sla_in_time_ratio", "Share of the latest turns within the deadline.", _Levels.in_time)
        latency = GaugeMetricFamily(PREFIX + "sla_seconds", "Of the latest turns.", labels=["route", "quantile"])
        for route, levels in sorted(self._levels.items()):
            for share in QUANTILES:
                latency.add_metric([route, str(share)], levels.quantile(share))
        yield latency

    def _level(self, name: str, about: str, figure: Callable[[_Levels], float]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(PREFIX + name, about, labels=["route"])
        for route, levels in sorted(self._levels.items()):
            family.add_metric([route], figure(levels))
        return family

    def text(self) -> bytes:
        """The exposition, in the text format."""
        return generate_latest(self._registry)

    def request(self, route: str, status: int) -> None:
        """A call was answered with this status; `route` is empty where none was meant."""
        self._requests.labels(route, str(status)).inc()

    def refused(self, code: str) -> None:
        """A call was not taken."""
        self._refused.labels(code).inc()

    def connection_ended(self, why: Ended) -> None:
        """A connection was ended by us, or left by its caller before its answer."""
        self._ended.labels(why.value).inc()

    def turn(self, bound: Bound, reason: Reason | None, seconds: float) -> None:
        """A turn has its answer, `seconds` after it was called for."""
        route = bound.route
        self._turns.labels(route.name, route.channel.value, "fallback" if reason else "model").inc()
        self._latency.labels(route.name).observe(seconds)
        levels = self._levels.setdefault(route.name, _Levels(0))
        levels.deadline = route.deadline_ms / 1000
        levels.turns.append((seconds, reason is None))
        if reason:
            self._fallbacks.labels(route.name, reason.value).inc()

    def first_token(self, bound: Bound, milliseconds: float | None) -> None:
        """The first token of the answer that was given came after this time."""
        if milliseconds is not None:
            self._first.labels(bound.route.name).observe(milliseconds / 1000)

    def asked(self, bound: Bound, model: str, usage: Usage, cost: Cost | None) -> None:
        """A model was asked."""
        for direction, tokens in (("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)):
            self._tokens.labels(bound.route.name, model, direction, str(usage.estimated).lower()).inc(max(0, tokens))
        if cost is not None:
            self._cost.labels(bound.route.name, model, cost.currency).inc(max(0.0, float(cost.amount)))

    def screened(self, bound: Bound, direction: str, verdict: Verdict) -> None:
        """Safety has judged a text."""
        self._safety.labels(bound.route.name, direction, verdict.value).inc()

    def unrecorded(self) -> None:
        """The audit could not take a line."""
        self._unrecorded.inc()

    def repaired(self, bound: Bound) -> None:
        """A model was asked to mend its answer."""
        self._repairs.labels(bound.route.name).inc()

    def without_history(self, bound: Bound) -> None:
        """A turn goes on without its history."""
        self._blind.labels(bound.route.name).inc()

    def reloaded(self, outcome: str, *, fresh: bool) -> None:
        """Manifests were read again."""
        self._reloads.labels(outcome).inc()
        self._fresh = float(fresh)

    def looked(self, *, failed: bool, fresh: bool) -> None:
        """Manifests were looked at, or could not be."""
        self._fresh = float(fresh)
        if failed:
            self._unseen.inc()

    def forget(self, routes: Mapping[str, object]) -> None:
        """Service levels of routes that are no more."""
        self._levels = {name: levels for name, levels in self._levels.items() if name in routes}
