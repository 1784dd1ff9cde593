"""What the gateway refuses with a 400: the constraints of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

PROVIDERS = frozenset({"openai", "azure", "anthropic", "bedrock"})
EVENTS = frozenset({"endpoint.created", "endpoint.updated", "endpoint.rateLimited"})
LIMITS: Mapping[str, int | None] = {
    "requestsPerMinute": 10_000,
    "concurrentConnections": 100,
    "maxTokensPerRequest": None,
}


class Refused(Exception):
    """A body that breaks the contract: status, code, message, field."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        self.status = status
        self.body = {"error": {"code": code, "message": message, **({"field": field} if field else {})}}
        super().__init__(message)


def _bad(message: str, field: str) -> Refused:
    return Refused(400, "bad_request", message, field)


def check_endpoint(body: Any) -> Mapping[str, Any]:
    """Return the body if the contract allows it; raises Refused otherwise."""
    if not isinstance(body, dict):
        raise _bad("the body must be an object", "")
    for name in ("name", "model", "fallbackStrategy"):
        _text(body, name)
    _text(body, "provider")
    if body["provider"] not in PROVIDERS:
        raise _bad("Unsupported provider", "provider")
    _check_limits(body.get("rateLimits"))
    _check_credentials(body.get("credentials"))
    return body


def _text(body: Mapping[str, Any], name: str) -> None:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _bad(f"{name} must be a text", name)


def _check_limits(limits: Any) -> None:
    if not isinstance(limits, dict):
        raise _bad("rateLimits must be an object", "rateLimits")
    for name, most in LIMITS.items():
        value = limits.get(name)
        if type(value) is not int or value < 1 or (most is not None and value > most):
            raise _bad(f"{name} is outside of its range", f"rateLimits.{name}")


def _check_credentials(credentials: Any) -> None:
    if not isinstance(credentials, list) or not credentials:
        raise _bad("API key matrix must contain at least one entry", "credentials")
    priorities = []
    for credential in credentials:
        if not isinstance(credential, dict):
            raise _bad("a credential must be an object", "credentials")
        _text(credential, "keyId")
        _text(credential, "apiKey")
        if credential["apiKey"].startswith("****"):
            raise _bad("a masked key cannot be stored", "credentials.apiKey")
        if type(credential.get("priority")) is not int:
            raise _bad("priority must be a whole number", "credentials.priority")
        priorities.append(credential["priority"])
    if any(first <= second for first, second in pairwise(priorities)):
        raise _bad("Credential priorities must be strictly decreasing", "credentials.priority")
    if len({credential["keyId"] for credential in credentials}) != len(credentials):
        raise _bad("key ids must differ", "credentials.keyId")


def check_webhook(body: Any) -> Mapping[str, Any]:
    """Return the body if the contract allows it; raises Refused otherwise."""
    if not isinstance(body, dict):
        raise _bad("the body must be an object", "")
    for name in ("name", "url"):
        _text(body, name)
    events = body.get("events")
    if not isinstance(events, list) or not events or not set(map(str, events)) <= EVENTS:
        raise _bad("events must be a list of known events", "events")
    if not isinstance(body.get("secret"), str):
        raise _bad("secret must be a text", "secret")
    return body
