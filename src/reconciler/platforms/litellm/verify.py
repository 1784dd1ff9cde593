"""What a real call through LiteLLM says of a key. Pure.

| the provider's answer                    | verdict  |
|------------------------------------------|----------|
| it served                                | ready    |
| 400, 401, 403, 404, 422                  | rejected |
| anything else, or no answer              | unknown  |

The test event of a webhook ends in the same verdicts, by what its receiver answered.

LiteLLM repeats the provider's words with a stack trace, and sometimes the key: none of it is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.errors import GatewayError, ProtocolError, is_refusal
from reconciler.model.run import Check, Verdict
from reconciler.planning.pointer import join

_HTTP = re.compile(r"[1-5][0-9][0-9]")
_REFUSALS = frozenset({400, 401, 403, 404, 422})

_RECEIVED = re.compile(r"(?:Client|Server) error '([45][0-9][0-9]) ")
_PASSING = frozenset({408, 425, 429})
SERVER_FAULT = 500

TEST_EVENT = "test event"
FAILED = "the proxy could not send it, or not to another of its destinations"

_STATUS: Mapping[str, int] = {
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "BadRequestError": 400,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "ServiceUnavailableError": 503,
    "InternalServerError": 500,
    "Timeout": 408,
}
"""LiteLLM's exceptions, by which the connection test tells what it was answered."""


def of_health(answer: Any, ids: Mapping[str, str]) -> Sequence[Check]:
    """Checks by keyId from GET /health. Raises ProtocolError.

    A worker of the proxy that has not taken up the last write yet answers by the keys of before.
    """
    if not isinstance(answer, dict):
        raise ProtocolError("the proxy's health is no object")
    well = {str(_member(each, "model_id")) for each in _list(answer.get("healthy_endpoints"))}
    ill = {
        str(_member(e, "model_id")): _member(e, "exception_status") for e in _list(answer.get("unhealthy_endpoints"))
    }
    return [
        served(key_id) if remote in well else replace(refused(key_id, ill.get(remote)), settling=True)
        for key_id, remote in sorted(ids.items())
    ]


def of_connection(key_id: str, answer: Any) -> Check:
    """One check from the connection test, whose HTTP status is 200 in any case. Raises ProtocolError."""
    status = _member(answer, "status")
    if status == "success":
        return served(key_id)
    if status != "error":
        raise ProtocolError("the proxy's connection test says neither success nor error")
    said = str(_member(_member(answer, "result"), "error") or "")
    name = said.removeprefix("litellm.").partition(":")[0]
    return refused(key_id, _STATUS.get(name))


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def served(key_id: str) -> Check:
    """A call went through."""
    return Check(f"key {key_id}", Verdict.READY, proves=(join("/spec", ("credentials", key_id, "apiKey")),))


def refused(key_id: str, status: Any) -> Check:
    """A call did not go through; `status` is the provider's, or nothing that is known."""
    code = int(status) if _HTTP.fullmatch(str(status)) else None
    if code in _REFUSALS:
        return Check(f"key {key_id}", Verdict.REJECTED, f"the provider refused the call with {code}", code)
    message = "no call went through" + ("" if code is None else f": the provider answered {code}")
    return Check(f"key {key_id}", Verdict.UNKNOWN, message, code)


def delivered() -> Check:
    """LiteLLM tells nothing else of an event that it has sent within the last day, and sends it no second time."""
    return Check(TEST_EVENT, Verdict.READY, "sent, now or within the last day")


def undelivered(error: GatewayError) -> Check:
    """The receiver's answer is told in words within the proxy's own failure."""
    found = _RECEIVED.search(str(error))
    if found is None:
        return Check(TEST_EVENT, Verdict.UNKNOWN, FAILED if error.status else str(error))
    code = int(found[1])
    verdict = Verdict.UNKNOWN if code >= SERVER_FAULT or code in _PASSING else Verdict.REJECTED
    return Check(TEST_EVENT, verdict, f"the receiver answered {code}", code)


def doubt(name: str, error: GatewayError) -> Check:
    """The proxy could not be asked."""
    return Check(name, Verdict.UNKNOWN, str(error), lasting=is_refusal(error))
