"""The one line that every call leaves: what it took and how it ended, never what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.inference.chat import Usage
from reconciler.inference.cost import Cost
from reconciler.inference.defaults import AUDIT_COST_STEP
from reconciler.inference.safety.screen import Verdict

EVENT = "inference.call"
"""The name of the line in a structured log."""

Field = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call.

    `time` is ISO 8601 UTC, `request_hash` the SHA-256 of what was sent, `latency_ms` from the request to the last
    token. `outcome` is ``ok`` or the stable code of a failure. `found` counts what safety found, by kind.
    """

    time: str
    gateway: str
    model: str
    request_hash: str
    usage: Usage
    latency_ms: float
    outcome: str = "ok"
    is_cached: bool = False
    safety: Verdict = Verdict.CLEAN
    found: Mapping[str, int] = field(default_factory=dict)
    cost: Cost | None = None
    time_to_first_token_ms: float | None = None


def audit_fields(call: Call) -> Mapping[str, Field]:
    """The line as flat fields. A cost is a decimal in text, so that a sum over lines is exact."""
    return {
        "time": call.time,
        "gateway": call.gateway,
        "model": call.model,
        "request_hash": call.request_hash,
        "prompt_tokens": call.usage.prompt_tokens,
        "completion_tokens": call.usage.completion_tokens,
        "total_tokens": call.usage.total_tokens,
        "tokens_estimated": call.usage.estimated,
        "cached": call.is_cached,
        "safety": call.safety.value,
        "safety_found": ",".join(f"{kind}={count}" for kind, count in sorted(call.found.items())) or None,
        "cost": None if call.cost is None else str(call.cost.rounded(AUDIT_COST_STEP)),
        "currency": None if call.cost is None else call.cost.currency,
        "latency_ms": round(call.latency_ms, 2),
        "time_to_first_token_ms": _rounded(call.time_to_first_token_ms),
        "outcome": call.outcome,
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)
