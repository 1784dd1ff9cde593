"""What the gateway does wrong, on request: rules that match requests, and traits that always hold.

A plan is JSON::

    {"rules": [{"match": {"method": "PUT", "path": "/api/v1/*", "after": 2, "times": 1},
                "do": {"status": 429, "retry_after": 1}}],
     "keys": [{"pattern": "sk-bad*", "answer": "rejected"}],
     "masks": "last4", "etags": false, …}

A rule meets the requests that fit `match`, passing over the first `after` and then for `times` (all,
when left out). Only the first rule that fits acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Match(_Part):
    """Which requests a rule meets; `path` is a pattern over the path without its query."""

    method: str = "*"
    path: str = "*"
    after: int = 0
    times: int | None = None


class Deed(_Part):
    """What happens. Several may be combined; a delay comes first, a drop last.

    `drop` breaks the connection before or after the request was carried out. `stale` answers a read with the
    version before the latest. `conflict` lets somebody else write just before. `validate` overrides members of
    a validation's answer. `echo` repeats the request's body in an error's message. `retry_after` is in seconds,
    or an HTTP date.
    """

    delay_ms: int = Field(0, ge=0)
    status: int | None = Field(None, ge=200, le=599)
    retry_after: float | str | None = None
    code: str = "injected"
    echo: bool = False
    drop: Literal["before", "after"] | None = None
    bad_json: Literal["truncated", "html", "shape", "empty"] | None = None
    stale: bool = False
    conflict: bool = False
    validate_: Mapping[str, Any] = Field(default_factory=dict, alias="validate")


CallName = Literal[
    "endpoints.list",
    "endpoints.get",
    "endpoints.put",
    "endpoints.delete",
    "endpoints.validate",
    "webhooks.list",
    "webhooks.post",
    "webhooks.get",
    "webhooks.put",
    "webhooks.delete",
]
"""The calls of the contract, one of which a tenant may lack."""


class Rule(_Part):
    """One fault."""

    match: Match = Field(default_factory=Match)
    do: Deed


class KeyRule(_Part):
    """How the provider takes keys of a pattern, decided when they are written."""

    pattern: str
    answer: Literal["accepted", "rejected", "limited"]


class FaultPlan(_Part):
    """All faults. The defaults are a gateway that does everything right."""

    rules: tuple[Rule, ...] = ()
    keys: tuple[KeyRule, ...] = ()
    masks: Literal["last4", "full", "null", "absent"] = "last4"
    etags: bool = True
    preconditions: bool = True
    lists: Literal["pages", "array", "repeating"] = "pages"
    missing_calls: tuple[CallName, ...] = ()
    server_fields: Mapping[str, Any] = Field(default_factory=dict)
    endpoint_limit: int | None = None
    quota_remaining: int = 100_000
    latency_ms: int = 12
    token_seconds: int = 3600

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> FaultPlan:
        """Read a plan; raises ValueError that says what is wrong."""
        return cls.model_validate(data)

    def answer_for(self, key: str) -> str:
        """How the provider takes this key."""
        return next((rule.answer for rule in self.keys if fnmatchcase(key, rule.pattern)), "accepted")


NO_DEED = Deed()


class Faults:
    """A plan at work: counts how often each rule has met a request."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._met = [0] * len(plan.rules)

    def deed(self, method: str, path: str) -> Deed:
        """What happens to this request."""
        for index, rule in enumerate(self.plan.rules):
            if not fnmatchcase(method, rule.match.method) or not fnmatchcase(path, rule.match.path):
                continue
            self._met[index] += 1
            turn = self._met[index] - rule.match.after
            if turn > 0 and (rule.match.times is None or turn <= rule.match.times):
                return rule.do
        return NO_DEED
