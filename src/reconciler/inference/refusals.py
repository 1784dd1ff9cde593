"""What a question that was not answered says of its endpoint, in words of our own: a gateway's may quote the question.

| error                                    | verdict  | costs |
|------------------------------------------|----------|-------|
| 401                                      | rejected | no    |
| no such model                            | rejected | no    |
| 400, 413, 422, or the model declines     | rejected | no    |
| 403: the key, or whoever stands between  | unknown  | no    |
| 429, a quota that is used up             | unknown  | no    |
| no connection                            | unknown  | no    |
| time-out, 5xx, broken off, no sense made | unknown  | maybe |

A time-out, a 429 or a 5xx says nothing of the endpoint itself. Neither does a handshake that is refused, but by 401:
the question was not put yet. What may cost counts as spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import (
    Forbidden,
    GatewayError,
    IncompleteStream,
    NotFound,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from reconciler.model.run import Verdict


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is stable, for the audit; `spends` is whether the gateway may ask money for it."""

    verdict: Verdict
    code: str
    words: str
    spends: bool = False


_TABLE: Mapping[type[GatewayError], Refusal] = {
    Unauthorized: Refusal(Verdict.REJECTED, "unauthorized", "the key was refused"),
    Forbidden: Refusal(Verdict.UNKNOWN, "forbidden", "the gateway does not let this credential ask"),
    NotFound: Refusal(Verdict.REJECTED, "model-unknown", "the gateway does not know the model"),
    Rejected: Refusal(Verdict.REJECTED, "refused", "the gateway or the model refused the question"),
    QuotaExhausted: Refusal(Verdict.UNKNOWN, "quota", "the quota is used up"),
    Throttled: Refusal(Verdict.UNKNOWN, "throttled", "too many requests"),
    Unreachable: Refusal(Verdict.UNKNOWN, "unreachable", "no connection"),
    Unsupported: Refusal(Verdict.UNKNOWN, "unsupported", "the gateway does not offer the call"),
    TimedOut: Refusal(Verdict.UNKNOWN, "timed-out", "no whole answer in time", spends=True),
    ServerFault: Refusal(Verdict.UNKNOWN, "server-fault", "the gateway or the provider failed", spends=True),
    IncompleteStream: Refusal(Verdict.UNKNOWN, "incomplete", "the answer broke off", spends=True),
}
_NO_SENSE = Refusal(Verdict.UNKNOWN, "protocol", "the answer makes no sense", spends=True)
_NO_SOCKET = Refusal(Verdict.UNKNOWN, "handshake", "the gateway did not take up the conversation")


def refusal_of(error: GatewayError, *, by_socket: bool) -> Refusal:
    """The row of an error. Over a WebSocket a status is that of the handshake."""
    if by_socket and error.status is not None and not isinstance(error, Unauthorized | Throttled | ServerFault):
        return _NO_SOCKET
    return next((row for kind, row in _TABLE.items() if isinstance(error, kind)), _NO_SENSE)
