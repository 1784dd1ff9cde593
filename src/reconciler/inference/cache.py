"""Answers that were given before: few, for a short time, and never to another's question."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from reconciler.inference.defaults import CACHE_ENTRIES, CACHE_SECONDS
from reconciler.model.inference import SafetyPolicy
from reconciler.model.ports import Clock

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Answer]):
    value: Answer
    expires: float


class AnswerCache(Generic[Answer]):
    """At most `capacity` answers, each for `seconds` of the clock's monotonic time; the least used one goes first."""

    def __init__(self, clock: Clock, capacity: int = CACHE_ENTRIES, seconds: float = CACHE_SECONDS) -> None:
        self._clock = clock
        self._capacity = capacity
        self._seconds = seconds
        self._kept: OrderedDict[str, _Kept[Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Answer | None:
        """The answer, or None when there is none that is still young enough."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.expires <= self._clock.monotonic():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept.value

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer. Another one goes only when a new key needs its place."""
        if self._capacity <= 0:
            return
        if key not in self._kept and len(self._kept) >= self._capacity:
            self._kept.popitem(last=False)
        self._kept[key] = _Kept(answer, self._clock.monotonic() + self._seconds)
        self._kept.move_to_end(key)


def cache_key(gateway: str, policy: SafetyPolicy | None, payload: Mapping[str, Any]) -> str:
    """SHA-256, hex. Another gateway, another policy or any other word of the payload makes another key."""
    return _sha256([gateway, policy_version(policy), payload])


def request_hash(payload: Mapping[str, Any]) -> str:
    """SHA-256, hex, of what is sent: what an audit line says instead of the text."""
    return _sha256(payload)


def policy_version(policy: SafetyPolicy | None) -> str:
    """A digest of what a policy says, empty for none; where it stands does not matter."""
    if policy is None:
        return ""
    said = {each.name: getattr(policy, each.name) for each in fields(policy) if each.compare}
    return _sha256(said)


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=dict, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
