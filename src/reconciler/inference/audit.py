"""The one line that every call leaves: what it took and how it ended, never what was said.

In the audit every figure that is no whole number is a decimal in text: sums over lines are exact, in any language. In
the log times are numbers, for whoever reads them there draws curves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.inference.chat import Usage
from reconciler.inference.cost import Cost
from reconciler.inference.safety.screen import Verdict

EVENT = "inference.call"
"""The name of the line in a structured log."""

Field = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call.

    `time` is ISO 8601 UTC, `request_hash` the SHA-256 of what was sent, `latency_ms` from the request to the last
    token. `outcome` is ``ok`` or the stable code of a failure. `found` counts what safety found, by kind.
    `answer_hash` is that of the answer that went on, `answer_characters` what the model said; None where nothing was.
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
    answer_hash: str | None = None
    answer_characters: int | None = None


def audit_fields(call: Call) -> Mapping[str, Field]:
    """The line of the audit as flat fields, all but its time, which the audit gives it."""
    logged = {name: value for name, value in log_fields(call).items() if name != "time"}
    return {
        **logged,
        "latency_ms": _decimal(call.latency_ms),
        "time_to_first_token_ms": _decimal(call.time_to_first_token_ms),
        "answer_hash": call.answer_hash,
        "answer_characters": call.answer_characters,
    }


def answer_digest(value: object) -> str:
    """SHA-256, hex, of an answer as it goes on: of a text's UTF-8, of a document's canonical JSON."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def log_fields(call: Call) -> Mapping[str, Field]:
    """The line of the log as flat fields. A cost is exact, a decimal in text."""
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
        "cost": None if call.cost is None else f"{call.cost.amount:f}",
        "currency": None if call.cost is None else call.cost.currency,
        "latency_ms": round(call.latency_ms, 2),
        "time_to_first_token_ms": _rounded(call.time_to_first_token_ms),
        "outcome": call.outcome,
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)


def _decimal(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds:.2f}"
