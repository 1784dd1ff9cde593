"""What the gateway does wrong, on request: rules that match requests, and traits that always hold.

A plan is JSON::

    {"rules": [{"match": {"method": "PUT", "path": "/api/v1/*", "after": 2, "times": 1},
                "do": {"status": 429, "retry_after": 1}}],
     "keys": [{"pattern": "sk-bad*", "answer": "rejected"}],
     "masks": "last4", "etags": false, …}

``{"match": {"model": "gpt-4o*"}, "do": {"speech": {"cut_after": 3}}}`` spoils an answer of a model; what is
asked over a WebSocket has the method ``WS``, its handshake ``GET``. ``"answers": ["…"]`` scripts what models say.

A rule meets the requests that fit `match`, passing over the first `after` and then for `times` (all,
when left out). Only the first rule that fits acts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Match(_Part):
    """Which requests a rule meets; `path` is a pattern over the path without its query, `model` over the one asked."""

    method: str = "*"
    path: str = "*"
    model: str = "*"
    after: int = 0
    times: int | None = None


class Speech(_Part):
    """How an answer of a model is spoilt; counts are in tokens that were said before.

    `first_ms` and `between_ms` slow it down. `cut_after` breaks the connection, `end_after` ends well but without
    the terminal marker, `error_after` sends `error` (an object or a text), `garbage_after` a frame that is not
    JSON. `switch_after` lets another model go on in the middle. `chunk_bytes` cuts the bytes of HTTP into pieces
    of that size, whatever they split.
    """

    first_ms: int = Field(0, ge=0)
    between_ms: int = Field(0, ge=0)
    cut_after: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    error: Mapping[str, Any] | str = Field(default_factory=lambda: {"code": 500, "message": "the provider failed"})
    garbage_after: int | None = None
    switch_after: int | None = None
    endless: bool = False
    pii: bool = False
    tool_call: bool = False
    content_type: str | None = None
    chunk_bytes: int | None = Field(None, ge=1)
    usage: Literal["last", "absent"] = "last"
    marker: Literal["both", "done", "reason"] = "both"
    finish_reason: str = "stop"


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
    speech: Speech = Field(default_factory=Speech)
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


class Turn(_Part):
    """One turn of a conversation that the history calls give back."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    from_: str = Field("customer", alias="from")
    text: str = ""


class FaultPlan(_Part):
    """All faults. The defaults are a gateway that does everything right.

    `answers` are what models say, in order, the last one for ever. `models` None: those of the configured endpoints
    and providers are listed, and any is answered; given, others are refused. `conversations` by session or
    conversation id, ``*`` for all others, oldest turn first. `permissions` is what a Cognigy key may do. `providers`
    says whether providers can be read, replaced and deleted, or only registered.
    """

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
    answers: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    context_tokens: int | None = None
    conversations: Mapping[str, tuple[Turn, ...]] = Field(default_factory=dict)
    histories: Literal["pages", "repeating", "hollow"] = "pages"
    permissions: tuple[str, ...] = ("llm-gateway:manage", "llm-inference:execute", "llm-inference:read")
    providers: Literal["register", "all"] = "all"

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
        self._said = 0

    def deed(self, method: str, path: str, body: bytes = b"") -> Deed:
        """What happens to this request."""
        for index, rule in enumerate(self.plan.rules):
            if not _fits(rule.match, method, path, body):
                continue
            self._met[index] += 1
            turn = self._met[index] - rule.match.after
            if turn > 0 and (rule.match.times is None or turn <= rule.match.times):
                return rule.do
        return NO_DEED

    def answer(self) -> str | None:
        """What a model is to say next; None where nothing is scripted."""
        answers = self.plan.answers
        self._said += 1
        return answers[min(self._said, len(answers)) - 1] if answers else None


def _fits(match: Match, method: str, path: str, body: bytes) -> bool:
    if not fnmatchcase(method, match.method) or not fnmatchcase(path, match.path):
        return False
    return match.model == "*" or fnmatchcase(_model(body), match.model)


def _model(body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    found = document.get("model", document.get("modelId")) if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""
