"""What follows an attempt that failed. One table, error by whether a token was heard.

| ended with                                    | before the first token | after the first token |
|-----------------------------------------------|------------------------|-----------------------|
| 429                                           | next model             | next model            |
| time-out, ours or the gateway's (408, 504)    | next model             | next model            |
| no connection, 5xx, broken off or incomplete  | same model again       | give up               |
| anything else                                 | give up                | give up               |

Where no other model is left, "next model" means the same again before the first token, and giving up
after it. Where a model has had its attempts, "same again" means the next model. The next model begins
with a reset, so that two models' texts never mix. The same model is not asked again once a token was
heard: the customer would hear the beginning twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from reconciler.errors import GatewayError, IncompleteStream, ServerFault, Throttled, TimedOut, Unreachable

ATTEMPTS = 3
"""Attempts that one model has."""


class Heard(Enum):
    """Whether anything of the answer was given away."""

    NOTHING = "nothing"
    SOMETHING = "something"


class Step(Enum):
    """What follows."""

    SAME_AGAIN = "same again"
    NEXT_MODEL = "next model"
    GIVE_UP = "give up"


_TABLE: Mapping[tuple[type[GatewayError], Heard], Step] = {
    (Throttled, Heard.NOTHING): Step.NEXT_MODEL,
    (Throttled, Heard.SOMETHING): Step.NEXT_MODEL,
    (TimedOut, Heard.NOTHING): Step.NEXT_MODEL,
    (TimedOut, Heard.SOMETHING): Step.NEXT_MODEL,
    (Unreachable, Heard.NOTHING): Step.SAME_AGAIN,
    (ServerFault, Heard.NOTHING): Step.SAME_AGAIN,
    (IncompleteStream, Heard.NOTHING): Step.SAME_AGAIN,
}

_LATE = frozenset({408, 504})


def after(error: GatewayError, heard: Heard, attempt: int, others: int) -> Step:
    """What follows the `attempt`-th attempt (from 1) of a model that `others` models stand behind."""
    kind = TimedOut if error.status in _LATE else type(error)
    wanted = _TABLE.get((kind, heard), Step.GIVE_UP)
    if wanted is Step.NEXT_MODEL and not others:
        wanted = Step.SAME_AGAIN if heard is Heard.NOTHING else Step.GIVE_UP
    if wanted is Step.SAME_AGAIN and attempt >= ATTEMPTS:
        return Step.NEXT_MODEL if others else Step.GIVE_UP
    return wanted
