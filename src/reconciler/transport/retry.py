"""May a call be repeated? One table, method by failure.

| failure                              | GET, or changes nothing | PUT, DELETE, POST                    |
|--------------------------------------|-------------------------|--------------------------------------|
| no connection: nothing arrived       | repeat                  | repeat                               |
| 429                                  | repeat                  | repeat: it was refused               |
| 403, 503 with a Retry-After          | repeat                  | repeat: it was refused               |
| 408, 500, 502, 503, 504, 529         | repeat                  | doubt: the engine reads back         |
| time-out or broken after sending     | repeat                  | doubt: the engine reads back         |
| an answer cut short or not JSON      | give up                 | doubt: the engine reads back         |
| 401                                  | once, with a new token  | once, with a new token               |
| anything else                        | give up                 | give up                              |

A write in doubt is not repeated here: sent twice it could overwrite what someone wrote in between.
Only the engine, which can read the object, may send it again. A write that is to be sent once
(`Repeat.NEVER`) is not repeated after a 429 either: its platform asks for a look in between.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

ATTEMPTS = 3
BASE_SECONDS = 1.0
CAP_SECONDS = 16.0


class Failure(Enum):
    """How an attempt failed, as far as repeating is concerned."""

    NOT_SENT = "not sent"
    REFUSED_FOR_NOW = "refused for now"
    SERVER = "server fault"
    BROKEN = "broken after sending"
    GARBLED = "garbled answer"
    FINAL = "final"


class Next(Enum):
    """What follows a failed attempt."""

    REPEAT = "repeat"
    DOUBT = "doubt"
    GIVE_UP = "give up"


class Effect(Enum):
    """Whether a call changes anything on the gateway."""

    READS = "reads"
    WRITES = "writes"
    WRITES_ONCE = "writes once"


TABLE: Mapping[tuple[Effect, Failure], Next] = {
    (Effect.READS, Failure.NOT_SENT): Next.REPEAT,
    (Effect.READS, Failure.REFUSED_FOR_NOW): Next.REPEAT,
    (Effect.READS, Failure.SERVER): Next.REPEAT,
    (Effect.READS, Failure.BROKEN): Next.REPEAT,
    (Effect.READS, Failure.GARBLED): Next.GIVE_UP,
    (Effect.READS, Failure.FINAL): Next.GIVE_UP,
    (Effect.WRITES, Failure.NOT_SENT): Next.REPEAT,
    (Effect.WRITES, Failure.REFUSED_FOR_NOW): Next.REPEAT,
    (Effect.WRITES, Failure.SERVER): Next.DOUBT,
    (Effect.WRITES, Failure.BROKEN): Next.DOUBT,
    (Effect.WRITES, Failure.GARBLED): Next.DOUBT,
    (Effect.WRITES, Failure.FINAL): Next.GIVE_UP,
    (Effect.WRITES_ONCE, Failure.NOT_SENT): Next.REPEAT,
    (Effect.WRITES_ONCE, Failure.REFUSED_FOR_NOW): Next.GIVE_UP,
    (Effect.WRITES_ONCE, Failure.SERVER): Next.DOUBT,
    (Effect.WRITES_ONCE, Failure.BROKEN): Next.DOUBT,
    (Effect.WRITES_ONCE, Failure.GARBLED): Next.DOUBT,
    (Effect.WRITES_ONCE, Failure.FINAL): Next.GIVE_UP,
}

_SERVER_FAULTS = frozenset({408, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter between nothing and a bound that doubles. `rng` is injectable for tests."""

    rng: random.Random

    def seconds(self, attempt: int, headers: Mapping[str, str]) -> float:
        """How long to wait after `attempt` (from 1); the gateway's word comes first."""
        asked = wait_asked(headers)
        if asked is not None:
            return asked
        return self.rng.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2 ** (attempt - 1)))


def failure_of(status: int, headers: Mapping[str, str], quota: object) -> Failure:
    """Classify an answer by its status; `quota` is true where a quota or billing code was found."""
    if quota:
        return Failure.FINAL
    if status == 429 or (status in {403, 503} and "retry-after" in headers):  # noqa: PLR2004 - HTTP
        return Failure.REFUSED_FOR_NOW
    return Failure.SERVER if status in _SERVER_FAULTS else Failure.FINAL


def wait_asked(headers: Mapping[str, str]) -> float | None:
    """Seconds that the gateway asks to wait: retry-after-ms, Retry-After (seconds or a date), inin-ratelimit-reset."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return seconds
    if text:
        return _until(text)
    return _number(headers.get("inin-ratelimit-reset"))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
