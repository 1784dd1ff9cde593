"""What a question through an endpoint, or a delivery by a webhook, tells. Pure.

| answer of an endpoint                                    | verdict                                     |
|----------------------------------------------------------|---------------------------------------------|
| a completion by the model                                | ready                                       |
| a completion by another model, soon after a write        | unknown: the earlier configuration answers  |
| 400, 401, 403, 404, 422                                  | rejected: the provider says no to all keys  |
| 429, 5xx, no answer                                      | unknown                                     |

The inference side goes on with what it read before for up to a minute (5 minutes where the server is told so). Asking
again until the deadline of `readiness` outlasts that; an answer that is only ready because an earlier key still
works cannot be told apart, which is what the candidate before the write is for.

| delivery                                   | verdict  |
|--------------------------------------------|----------|
| the receiver took it                       | ready    |
| it answered 429, 5xx, or not at all        | unknown  |
| it answered anything else                  | rejected |
| the webhook is switched off                | rejected |
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reconciler.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from reconciler.model.resource import Resource
from reconciler.model.run import Check, Verdict
from reconciler.platforms.mlflow.capabilities import ECHOES, LONGEST_CACHE_SECONDS
from reconciler.platforms.mlflow.convert import Wire

_NO = (Rejected, Unauthorized, Forbidden, NotFound)
_SERVER_FAULT = 500
_BUSY = 429


def answered(resource: Resource, answer: Wire, endpoint: Wire, now: str) -> Sequence[Check]:
    """Judge a completion. `endpoint` is the endpoint as it was last read, `now` the time in ISO 8601."""
    wanted, model = resource.spec["model"], answer.get("model")
    if not answer.get("choices"):
        return (Check("answer", Verdict.UNKNOWN, "the endpoint answered with something that is no completion"),)
    if _is_another(resource, model) and _is_fresh(endpoint, now):
        message = f"{model} still answers in place of {wanted}: the gateway has not taken up the change yet"
        return (Check("answer", Verdict.UNKNOWN, message, str(model), wanted),)
    proves = () if _is_fresh(endpoint, now) and _is_rewritten(endpoint) else None
    return (Check("answer", Verdict.READY, "", str(model), proves=proves),)


def _is_another(resource: Resource, model: Any) -> bool:
    if resource.spec["provider"] not in ECHOES or not isinstance(model, str):
        return False
    return not model.startswith(resource.spec["model"])


def _is_fresh(endpoint: Wire, now: str) -> bool:
    written = endpoint.get("last_updated_at")
    if not isinstance(written, int | float):
        return False
    return datetime.fromisoformat(now).timestamp() - written / 1000 < LONGEST_CACHE_SECONDS


def _is_rewritten(endpoint: Wire) -> bool:
    """Whether it was changed since it was made: then an earlier key may still answer in place of the new one."""
    return endpoint.get("last_updated_at") != endpoint.get("created_at")


def unanswered(error: GatewayError, endpoint: Wire, now: str) -> Sequence[Check]:
    """Judge a question that failed. Soon after a write, it may be an earlier key that was refused."""
    verdict = Verdict.REJECTED if isinstance(error, _NO) else Verdict.UNKNOWN
    return (Check("answer", verdict, str(error), settling=_is_fresh(endpoint, now)),)


def delivered(webhook: Wire, result: Wire) -> Sequence[Check]:
    """Judge a delivery."""
    if webhook.get("status") == "DISABLED":
        return (Check("delivery", Verdict.REJECTED, "the webhook is switched off at the gateway"),)
    status = result.get("response_status")
    if result.get("success") is True:
        return (Check("delivery", Verdict.READY, "", status),)
    if not isinstance(status, int) or status >= _SERVER_FAULT or status == _BUSY:
        return (Check("delivery", Verdict.UNKNOWN, f"the receiver answered {status or 'nothing'}", status),)
    return (Check("delivery", Verdict.REJECTED, f"the receiver answered {status}", status),)


def undelivered(error: GatewayError) -> Sequence[Check]:
    """The delivery could not be asked for."""
    return (Check("delivery", Verdict.UNKNOWN, str(error)),)
