"""What probes took, as a table: the same for every endpoint that one was put to."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.run import Check, Outcome, Verdict
from reconciler.render import view

COLUMNS = (" latency ms", "first token ms", "tokens", "          cost", "verdict", "probe")


def rows(outcomes: Sequence[Outcome]) -> Sequence[Sequence[str]]:
    """What each probe took, for each endpoint, under a row of heads; nothing where there was no probe."""
    found = [_row(outcome, probe) for outcome in outcomes for probe in _probes(outcome)]
    return [COLUMNS, *found] if found else []


def _probes(outcome: Outcome) -> Sequence[str]:
    return tuple(dict.fromkeys(check.probe for check in outcome.checks if check.probe is not None))


def _row(outcome: Outcome, probe: str) -> Sequence[str]:
    checks = [check for check in outcome.checks if check.probe == probe]
    found = {check.name.removeprefix(f"probe {probe} "): check for check in checks}
    numbers = [_measured(found.get(what)) for what in ("latency", "first token", "tokens")]
    cost = found.get("cost")
    price = (
        "-" if cost is None or cost.value is None else f"{cost.value:.6f} {view.clean(cost.message.partition(',')[0])}"
    )
    verdicts = {check.verdict for check in checks}
    worst = next(one for one in (Verdict.REJECTED, Verdict.UNKNOWN, Verdict.READY) if one in verdicts)
    return (*numbers, price, worst.value, f"{view.clean(probe)} of {view.clean(str(outcome.address))}")


def _measured(check: Check | None) -> str:
    return "-" if check is None or check.value is None else view.value(check.value)
