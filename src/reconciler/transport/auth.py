"""Credentials on the way out: OAuth client credentials with single flight, a bearer token, a header."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias
from urllib.parse import quote_plus

from reconciler.errors import ProtocolError
from reconciler.model.ports import Clock
from reconciler.model.secret import SecretValue, is_header_text

UNTOLD_LIFETIME = 3600.0
"""Seconds that a token is taken to last whose end is not told."""
LONGEST_LIFETIME = 10 * 365 * 86_400
"""Seconds. Whoever answers with more has not answered with a time."""

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class OAuthCredential:
    """OAuth 2 client credentials. `early_seconds` before its end a token is renewed, at most a tenth of its life."""

    token_url: str
    client_id: SecretValue
    client_secret: SecretValue
    scopes: tuple[str, ...] = ()
    client_auth: str = "post"
    early_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class BearerCredential:
    """A static bearer token."""

    token: SecretValue


@dataclass(frozen=True, slots=True)
class HeaderCredential:
    """A static header."""

    name: str
    value: SecretValue


Credential: TypeAlias = OAuthCredential | BearerCredential | HeaderCredential


def values_of(credential: Credential | None) -> tuple[SecretValue, ...]:
    """The secrets of a credential, so that no answer of a gateway can echo them."""
    match credential:
        case OAuthCredential():
            return (credential.client_secret, credential.client_id)
        case BearerCredential(value) | HeaderCredential(_, value):
            return (value,)
        case None:
            return ()


PostForm = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[Mapping[str, object]]]
"""Posts a form to the token endpoint: URL, form, headers → the JSON answer. Raises GatewayError."""


class Authorizer(Protocol):
    """Gives the headers that authorize a request."""

    async def headers(self) -> Mapping[str, str]:
        """Headers for a request that leaves at once."""

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Told of a 401 on `headers`; True when another try with new headers makes sense."""


class Fixed:
    """Nothing to renew: the same headers for every request."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    async def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:  # noqa: ARG002 - a static credential has no other
        """There is no other credential to try."""
        return False


class ClientCredentials:
    """A token fetched once for all who wait, renewed early, thrown away when it is refused."""

    def __init__(self, credential: OAuthCredential, post: PostForm, clock: Clock) -> None:
        self._credential = credential
        self._post = post
        self._clock = clock
        self._lock = asyncio.Lock()
        self._headers: Mapping[str, str] = {}
        self._renew_at = float("-inf")

    async def headers(self) -> Mapping[str, str]:
        """A bearer token that lasts; whoever comes while one is fetched waits for that one."""
        if self._clock.monotonic() < self._renew_at:
            return self._headers
        async with self._lock:
            if self._clock.monotonic() >= self._renew_at:
                await self._fetch()
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Drop the token, unless another request has done so already."""
        if headers is self._headers:
            self._renew_at = float("-inf")
        return True

    async def _fetch(self) -> None:
        asked = self._clock.monotonic()
        form, headers = token_request(self._credential)
        token, lifetime = _token(await self._post(self._credential.token_url, form, headers))
        self._headers = {"authorization": f"Bearer {token}"}
        self._renew_at = asked + lifetime - min(self._credential.early_seconds, lifetime / 10)


def token_request(credential: OAuthCredential) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Form and headers of a token request: the pair stands in one of them, never in both (RFC 6749, 2.3)."""
    form = {"grant_type": "client_credentials"}
    if credential.scopes:
        form["scope"] = " ".join(credential.scopes)
    pair = (credential.client_id.reveal(), credential.client_secret.reveal())
    if credential.client_auth == "basic":
        joined = ":".join(quote_plus(part) for part in pair)
        return form, {"authorization": "Basic " + base64.b64encode(joined.encode()).decode()}
    return {**form, "client_id": pair[0], "client_secret": pair[1]}, {}


def _token(answer: Mapping[str, object]) -> tuple[str, float]:
    """A token and for how many seconds it lasts. Raises ProtocolError where no header could carry it."""
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise ProtocolError("the token endpoint answered without a usable access_token")
    if not is_header_text(token):
        raise ProtocolError("the token endpoint answered with an access_token that no HTTP header can carry")
    return token, _lifetime(answer.get("expires_in"))


def _lifetime(said: object) -> float:
    """Seconds; some servers write them as text, and RFC 6749 lets them be left out. Raises ProtocolError."""
    if said is None:
        return UNTOLD_LIFETIME
    if isinstance(said, str) and _SECONDS.fullmatch(said):
        said = float(said)
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= LONGEST_LIFETIME:
        raise ProtocolError(
            "the token endpoint answered with an expires_in that is no number of seconds; without one an hour is taken"
        )
    return float(said)


def authorizer(credential: Credential | None, post: PostForm, clock: Clock) -> Authorizer:
    """The authorizer for a credential."""
    match credential:
        case OAuthCredential():
            return ClientCredentials(credential, post, clock)
        case BearerCredential(token):
            return Fixed({"authorization": f"Bearer {token.reveal()}"})
        case HeaderCredential(name, value):
            return Fixed({name.lower(): value.reveal()})
        case None:
            return Fixed({})
