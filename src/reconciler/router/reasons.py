"""Why a turn has no answer of a model: a closed list, the same in answers, logs and metrics.

::

    reason              when
    nothing-to-answer   neither the event nor the history holds a customer's message
    blocked-input       the safety policy refuses what the customer says
    message-too-long    the customer's message alone is over a bound of policy, template or context window
    prompt-unusable     template and event do not fit together
    overloaded          the turn waited in line until its time was over
    deadline            the time was over before the answer was whole
    gateway-unreachable no connection
    gateway-timeout     the gateway was asked and too slow, with every model
    rate-limited        429, with every model
    quota-exhausted     a quota or a budget is used up
    gateway-refused     credential, permission, model or request were refused
    gateway-failed      5xx, or an error within the stream
    answer-incomplete   the stream ended without its terminal marker
    answer-garbled      the stream is not what the dialect says
    answer-cut          the model stopped at its token limit
    answer-filtered     the provider's own filter took it
    answer-empty        the model said nothing
    answer-invalid      it does not satisfy its schema, also after the repairs
    blocked-output      the safety policy refuses what the model says
    defect              anything else: ours
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from reconciler.errors import (
    Forbidden,
    GatewayError,
    IncompleteStream,
    NotFound,
    OversizeMessage,
    PromptError,
    ProtocolError,
    QuotaExhausted,
    ReconcilerError,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
    Unsupported,
)


class Reason(StrEnum):
    """Stable: callers steer by it."""

    NOTHING_TO_ANSWER = "nothing-to-answer"
    BLOCKED_INPUT = "blocked-input"
    MESSAGE_TOO_LONG = "message-too-long"
    PROMPT_UNUSABLE = "prompt-unusable"
    OVERLOADED = "overloaded"
    DEADLINE = "deadline"
    GATEWAY_UNREACHABLE = "gateway-unreachable"
    GATEWAY_TIMEOUT = "gateway-timeout"
    RATE_LIMITED = "rate-limited"
    QUOTA_EXHAUSTED = "quota-exhausted"
    GATEWAY_REFUSED = "gateway-refused"
    GATEWAY_FAILED = "gateway-failed"
    ANSWER_INCOMPLETE = "answer-incomplete"
    ANSWER_GARBLED = "answer-garbled"
    ANSWER_CUT = "answer-cut"
    ANSWER_FILTERED = "answer-filtered"
    ANSWER_EMPTY = "answer-empty"
    ANSWER_INVALID = "answer-invalid"
    BLOCKED_OUTPUT = "blocked-output"
    DEFECT = "defect"


class Declined(Exception):
    """The turn has no answer, for this reason."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


_TABLE: Mapping[type[ReconcilerError], Reason] = {
    OversizeMessage: Reason.MESSAGE_TOO_LONG,
    PromptError: Reason.PROMPT_UNUSABLE,
    Unreachable: Reason.GATEWAY_UNREACHABLE,
    TimedOut: Reason.GATEWAY_TIMEOUT,
    Throttled: Reason.RATE_LIMITED,
    QuotaExhausted: Reason.QUOTA_EXHAUSTED,
    Unauthorized: Reason.GATEWAY_REFUSED,
    Forbidden: Reason.GATEWAY_REFUSED,
    NotFound: Reason.GATEWAY_REFUSED,
    Unsupported: Reason.GATEWAY_REFUSED,
    Rejected: Reason.GATEWAY_REFUSED,
    IncompleteStream: Reason.ANSWER_INCOMPLETE,
    ProtocolError: Reason.ANSWER_GARBLED,
    ServerFault: Reason.GATEWAY_FAILED,
    GatewayError: Reason.GATEWAY_FAILED,
}
_LATE = frozenset({408, 504})
_LONG = frozenset({"variable-too-long", "prompt-too-long"})


def reason_of(error: ReconcilerError) -> Reason:
    """What an error means to whoever called; DEFECT for one that no turn should raise."""
    if isinstance(error, PromptError) and error.code in _LONG:
        return Reason.MESSAGE_TOO_LONG
    if isinstance(error, GatewayError) and error.status in _LATE:
        return Reason.GATEWAY_TIMEOUT
    return next((_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE), Reason.DEFECT)
