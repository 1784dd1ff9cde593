"""What the router does not take: a closed list of codes, each with its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

RETRY_SECONDS = 1


class Refusal(StrEnum):
    """Stable: what stands as ``error`` in the body of a refusal."""

    NO_SUCH_ROUTE = "no-such-route"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    BODY_LATE = "body-late"
    BODY_TOO_LARGE = "body-too-large"
    BAD_SIGNATURE = "bad-signature"
    OUT_OF_TIME = "timestamp-out-of-tolerance"
    REPLAYED = "replayed"
    REPLAY_MEMORY_FULL = "replay-memory-full"
    INVALID_JSON = "invalid-json"
    INVALID_EVENT = "invalid-event"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    CALLER_GONE = "caller-gone"
    DEFECT = "defect"


STATUSES: Mapping[Refusal, int] = {
    Refusal.NO_SUCH_ROUTE: 404,
    Refusal.METHOD_NOT_ALLOWED: 405,
    Refusal.BODY_LATE: 408,
    Refusal.BODY_TOO_LARGE: 413,
    Refusal.BAD_SIGNATURE: 401,
    Refusal.OUT_OF_TIME: 401,
    Refusal.REPLAYED: 409,
    Refusal.REPLAY_MEMORY_FULL: 503,
    Refusal.INVALID_JSON: 400,
    Refusal.INVALID_EVENT: 422,
    Refusal.OVERLOADED: 503,
    Refusal.DRAINING: 503,
    Refusal.CALLER_GONE: 499,
    Refusal.DEFECT: 500,
}


class Refused(Exception):
    """The call is not taken. `fields` are the event's members at fault, by their own names.

    `retry` is in seconds: when a call that is refused for now may come again.
    """

    def __init__(self, refusal: Refusal, fields: Sequence[str] = (), retry: int = RETRY_SECONDS) -> None:
        self.refusal = refusal
        self.retry = retry
        self.fields = tuple(fields)
        super().__init__(refusal.value)
