"""The readiness rule of the contract. Pure.

| check     | ready                                        | rejected      | unknown                     |
|-----------|----------------------------------------------|---------------|-----------------------------|
| reachable | `providerReachable` is true                  | it is false: for good where `status` is ``failed``, |
|           |                                              | for now otherwise |                         |
| quota     | `quotaRemaining` is over the baseline        | it is not     |                             |
| latency   | `latencyMs` is at most the limit, if one is set | it is over | a limit is set, none is told |
| validate  |                                              |               | no usable answer at all     |

A 429, a 5xx or a time-out says nothing of the object: it is unknown, and never rejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, TypeGuard

from reconciler.errors import GatewayError, ProtocolError, is_refusal
from reconciler.model.resource import Readiness
from reconciler.model.run import Check, Verdict

FAILED = frozenset({"failed", "FAILED"})
"""`status` of a validation that has come to its end: the provider was asked and said no. Any other may still change."""


def checks(ready: Readiness, answer: Mapping[str, Any]) -> Sequence[Check]:
    """Judge one answer of a validation. Raises ProtocolError when it does not hold what the rule asks for."""
    reachable, quota = answer.get("providerReachable"), answer.get("quotaRemaining")
    if not isinstance(reachable, bool) or not _is_number(quota):
        raise ProtocolError("the validation's answer lacks a usable providerReachable or quotaRemaining")
    found = [_reachable(reachable, answer.get("status")), _quota(quota, ready.quota_baseline)]
    if ready.max_latency_ms is not None:
        found.append(_latency(answer.get("latencyMs"), ready.max_latency_ms))
    return found


def doubt(error: GatewayError) -> Sequence[Check]:
    """The validation could not be had."""
    return (Check("validate", Verdict.UNKNOWN, str(error), lasting=is_refusal(error)),)


def _reachable(reachable: bool, status: Any) -> Check:  # noqa: FBT001 - the member of the answer itself
    if reachable:
        return Check("reachable", Verdict.READY, "", reachable)
    message = "the provider cannot be reached with these credentials"
    return Check("reachable", Verdict.REJECTED, message, reachable, settling=status not in FAILED)


def _quota(left: float, baseline: int) -> Check:
    if left > baseline:
        return Check("quota", Verdict.READY, "", left, baseline)
    message = f"{left} requests are left, more than {baseline} are expected"
    return Check("quota", Verdict.REJECTED, message, left, baseline)


def _latency(milliseconds: Any, most: int) -> Check:
    if not _is_number(milliseconds):
        return Check("latency", Verdict.UNKNOWN, "the gateway did not say how long it took", None, most)
    if milliseconds <= most:
        return Check("latency", Verdict.READY, "", milliseconds, most)
    message = f"{milliseconds} ms is over the limit of {most} ms"
    return Check("latency", Verdict.REJECTED, message, milliseconds, most, settling=True)


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) is int or (type(value) is float and isfinite(value))
