"""The only place where a status or an httpx exception becomes one of our errors.

| status             | error          | | exception              | error                    |
|--------------------|----------------|-|------------------------|--------------------------|
| 400, 413, 422      | Rejected       | | no connection made     | Unreachable              |
| 401                | Unauthorized   | | broken, time-out: read | ServerFault              |
| 403                | Forbidden      | | broken, time-out: write| OutcomeUnknown           |
| 404                | NotFound       | | cut short, not JSON    | ProtocolError, or        |
| 405, 501           | Unsupported    | |                        | OutcomeUnknown: write    |
| 409, 412           | Conflict       |
| 429                | Throttled      |
| 408, 5xx, 529      | ServerFault    |
| quota code         | QuotaExhausted | | a stream that breaks   | IncompleteStream         |
| 3xx, anything else | ProtocolError  | | a stream that is late  | TimedOut                 |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from reconciler.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    IncompleteStream,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from reconciler.model.conceal import redact
from reconciler.model.jsontext import json_value
from reconciler.model.secret import SecretValue
from reconciler.transport.retry import wait_asked

LONGEST_MESSAGE = 300

_BY_STATUS: Mapping[int, type[GatewayError]] = {
    400: Rejected,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Unsupported,
    408: ServerFault,
    409: Conflict,
    412: Conflict,
    413: Rejected,
    422: Rejected,
    501: Unsupported,
    529: ServerFault,
}

_QUOTA_CODES = ("insufficient_quota", "quota_exceeded", "quota_exhausted", "billing", "payment_required")
_REQUEST_IDS = ("x-request-id", "request-id", "x-correlation-id", "correlationid", "inin-correlation-id")


@dataclass(frozen=True, slots=True)
class Call:
    """One request as messages name it; `optional` says, for a call that gateways may lack, what is then missing.

    `conceal` holds secrets of this call, and `hide` takes all others of the run out of a message.
    `answers` are statuses besides 2xx that are no failures of this call.
    """

    gateway: str
    method: str
    path: str
    permissions: Sequence[str] = ()
    optional: str | None = None
    conceal: Sequence[SecretValue] = ()
    hide: Callable[[str], str] = str
    answers: AbstractSet[int] = frozenset()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def error_of(call: Call, status: int, headers: Mapping[str, str], content: bytes) -> GatewayError:
    """The error that a refusing answer stands for."""
    message, code = message_of(content)
    said = fit(call.hide(message), call.conceal)
    kind = _kind(call, status, code)
    text = f"{call} answered {status}" + (f": {said}" if said else "") + _advice(call, kind, headers)
    request_id = request_id_of(headers)
    if kind is Throttled:
        return Throttled(text, gateway=call.gateway, request_id=request_id, retry_after=wait_asked(headers))
    return kind(text, gateway=call.gateway, request_id=request_id, status=status)


def _kind(call: Call, status: int, code: str) -> type[GatewayError]:
    if is_quota(status, code):
        return QuotaExhausted
    if call.optional is not None and status in {404, 405, 501} and _no_object_missing(status, code):
        return Unsupported
    if status == 429:  # noqa: PLR2004 - HTTP
        return Throttled
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ServerFault if status >= 500 else ProtocolError  # noqa: PLR2004 - HTTP


def _no_object_missing(status: int, code: str) -> bool:
    """A 404 that says which object it misses is no missing call."""
    return status != 404 or code not in {"not_found", "endpoint_not_found"}  # noqa: PLR2004 - HTTP


def is_quota(status: int, code: str) -> bool:
    """Whether an answer says that a quota or budget is used up, which no waiting mends."""
    return status in {400, 402, 403, 429} and any(word in code.lower() for word in _QUOTA_CODES)


def _advice(call: Call, kind: type[GatewayError], headers: Mapping[str, str]) -> str:
    if kind is Forbidden and call.permissions:
        return f". The credential needs: {', '.join(call.permissions)}{_lacking(call, headers)}"
    if kind is Unsupported and call.optional:
        return f". This gateway cannot {call.optional}"
    if kind is Unauthorized:
        return ". The credential was refused; check it"
    if kind is ProtocolError:
        return ". The contract does not know this answer; redirects are not followed with a credential"
    return ""


def _lacking(call: Call, headers: Mapping[str, str]) -> str:
    """Which permissions are missing, where the gateway lists those that the credential has."""
    if "x-permissions" not in headers:
        return ""
    has = {word.strip() for word in headers["x-permissions"].replace(",", " ").split()}
    lacking = [permission for permission in call.permissions if permission not in has]
    return f"; it lacks: {', '.join(lacking)}" if lacking else ""


def message_of(content: bytes) -> tuple[str, str]:
    """What a gateway says of an error, and its code; empty texts where it says nothing readable."""
    try:
        body = json_value(content)
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    inner = body.get("error", body)
    if isinstance(inner, str):
        return str(body.get("error_description", inner)), inner
    if not isinstance(inner, dict):
        return "", ""
    said = next((text for k in ("message", "detail", "title") if (text := _said(inner.get(k)))), "")
    field = inner.get("field") or inner.get("param")
    code = inner.get("code") or inner.get("type") or ""
    return (f"{said} (field {field})" if isinstance(field, str) and field not in (said, "None") else said), str(code)


def _said(value: Any) -> str:
    """A text, or FastAPI's ways to say one: under `error` or `message`, or a list of wrong fields with a `msg` each."""
    if isinstance(value, dict):
        value = value.get("error", value.get("message"))
    if isinstance(value, list):
        found = [(each.get("loc"), each.get("msg")) for each in value if isinstance(each, dict)]
        return "; ".join(f"{_place(loc)}{msg}" for loc, msg in found if isinstance(msg, str))
    return value if isinstance(value, str) else ""


def _place(loc: Any) -> str:
    return f"{'.'.join(map(str, loc))}: " if isinstance(loc, list) and loc else ""


def fit(text: str, conceal: Sequence[SecretValue]) -> str:
    """What others wrote, fit to be shown: without secrets, on one line, cut to 300 characters."""
    text = redact(text, conceal)
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= LONGEST_MESSAGE else clean[: LONGEST_MESSAGE - 1] + "…"


def unreachable(call: Call, error: Exception) -> GatewayError:
    """No connection was made."""
    return Unreachable(f"{call}: no connection ({type(error).__name__})", gateway=call.gateway)


def broken(call: Call, error: Exception) -> GatewayError:
    """The request was sent, and then the connection failed or time ran out."""
    return ServerFault(f"{call}: the connection broke or timed out ({type(error).__name__})", gateway=call.gateway)


def late(call: Call, what: str, seconds: float) -> GatewayError:
    """Something did not come within its time."""
    return TimedOut(f"{call}: {what} did not come within {seconds:g} s", gateway=call.gateway)


def cut(call: Call, error: Exception) -> GatewayError:
    """The connection broke while an answer came in."""
    return IncompleteStream(f"{call}: the stream broke off ({type(error).__name__})", gateway=call.gateway)


def garbled(call: Call, why: str, status: int | None = None) -> GatewayError:
    """An answer came that cannot be used."""
    return ProtocolError(f"{call}: {why}", gateway=call.gateway, status=status)


def doubtful(call: Call, error: GatewayError) -> GatewayError:
    """A write left and nobody knows whether it was carried out."""
    return OutcomeUnknown(
        f"{error}; whether the write was carried out is not known",
        gateway=call.gateway,
        request_id=error.request_id,
        status=error.status,
    )


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The id under which the gateway's people find a request."""
    return next((headers[name] for name in _REQUEST_IDS if name in headers), None)


def parsed(call: Call, status: int, content: bytes) -> Any:
    """The JSON of an answer, None when it is empty. Raises ProtocolError."""
    if not content:
        return None
    try:
        return json_value(content)
    except ValueError as error:
        raise garbled(call, f"the answer cannot be read: {error}", status) from error


def refused_client(error: GatewayError) -> GatewayError:
    """The token endpoint refused the client credentials."""
    return Unauthorized(
        f"{error}. The client id or secret of the gateway was refused",
        gateway=error.gateway,
        request_id=error.request_id,
        status=error.status,
    )
