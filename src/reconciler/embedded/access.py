"""Who may call: tokens for client credentials, and keys that the plan takes or refuses."""

from __future__ import annotations

import secrets
import time
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_plus

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from reconciler.embedded.faults import Deed
from reconciler.embedded.objects import reply
from reconciler.embedded.validation import Refused

if TYPE_CHECKING:
    from reconciler.embedded.app import Gateway

TOKEN_PATHS = ("/oauth/token", "/login/oauth2/token")


def require_token(gateway: Gateway, request: HTTPConnection, *needed: str) -> None:
    """Raise Refused unless the request bears a token that lasts and, where it is bound to scopes, has these."""
    expires, scopes = gateway.tokens.get(_bearer(request), (0.0, frozenset()))
    if expires < time.monotonic():
        raise Refused(401, "invalid_token", "the token is unknown or has expired")
    for scope in needed:
        if scopes and scope not in scopes:
            raise Refused(403, "insufficient_scope", f"the token lacks {scope}")


def require_key(gateway: Gateway, request: HTTPConnection) -> None:
    """Raise Refused unless the request bears a key, or a token of ours, that the plan takes."""
    key = _bearer(request)
    if not key:
        raise Refused(401, "invalid_api_key", "no key was given")
    require_taken(gateway.faults.plan.answer_for(key))


def require_taken(answer: str) -> None:
    """Raise Refused for a key that the provider does not take."""
    if answer == "rejected":
        raise Refused(401, "invalid_api_key", "the key is unknown or revoked")
    if answer == "limited":
        raise Refused(429, "rate_limit_exceeded", "too many requests with this key")


def _bearer(request: HTTPConnection) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


def grant(gateway: Gateway, request: Request, _deed: Deed, body: bytes) -> Response:
    """Give a token for client credentials, in the form or in the header."""
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    pair = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    wanted = gateway.credentials
    known = all(pair) if wanted is None else pair == (wanted.client_id, wanted.client_secret)
    if form.get("grant_type") != "client_credentials" or not known:
        return reply(401, {"error": "invalid_client", "error_description": "unknown client"})
    token = secrets.token_urlsafe(24)
    seconds = gateway.faults.plan.token_seconds
    gateway.tokens[token] = (time.monotonic() + seconds, frozenset(form.get("scope", "").split()))
    return reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": seconds})


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return None
    try:
        first, _, second = b64decode(encoded).decode(errors="replace").partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(first), unquote_plus(second)
