"""Who may call: signatures over the raw body, by any of a route's secrets.

::

    hmac        the header holds the hex HMAC-SHA256 of the body, `sha256=` before it or not
    standard    Standard Webhooks: id, timestamp and body are signed; a timestamp that is off by more than the
                tolerance is refused, and so is an id that was taken within it

A plain HMAC says nothing of when it was made: whoever records a call can send it again. Prefer `standard`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.errors import SecretError
from reconciler.model.inference import CALLS_PER_SECOND, Signature, SignatureScheme
from reconciler.model.secret import SecretValue
from reconciler.router.refusals import Refusal, Refused

SHORTEST = 24
"""Bytes of a secret."""

LONGEST_ID = 256
LONGEST_HEADER = 4_096
MOST_SIGNATURES = 16
PREFIX = "whsec_"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

_HEX = re.compile(rb"[0-9a-fA-F]{64}")
_SECONDS = re.compile(r"[0-9]{1,12}")


class UnfitSecret(SecretError):
    """A secret that must not be signed with. The message never holds it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a genuine call proved. `once` names it among all calls, empty where nothing does; for `seconds`.

    `signed` is when, in seconds since 1970; `most` how many such calls are to be remembered at once.
    """

    once: bytes = b""
    seconds: int = 0
    signed: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Verifier:
    """A route's signature, ready to check."""

    scheme: SignatureScheme
    header: str
    tolerance_seconds: int
    keys: tuple[bytes, ...] = field(repr=False)
    calls_per_second: int = CALLS_PER_SECOND

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Proof:
        """What the call proved; `now` in seconds since 1970. Raises Refused."""
        if self.scheme is SignatureScheme.HMAC:
            return self._plain(headers.get(self.header, ""), body)
        return self._standard(headers, body, now)

    def _plain(self, given: str, body: bytes) -> Proof:
        # Header values are Latin-1 text: as bytes they compare in constant time, whatever is in them.
        signed = given.strip()[:LONGEST_HEADER].encode("latin-1", "replace").removeprefix(b"sha256=").lower()
        if not _HEX.fullmatch(signed):
            raise Refused(Refusal.BAD_SIGNATURE)
        if not _any(signed, [hmac.new(key, body, hashlib.sha256).hexdigest().encode() for key in self.keys]):
            raise Refused(Refusal.BAD_SIGNATURE)
        return Proof()

    def _standard(self, headers: Mapping[str, str], body: bytes, now: float) -> Proof:
        call, seconds = headers.get(ID, ""), headers.get(TIMESTAMP, "")
        if not 0 < len(call) <= LONGEST_ID or not _SECONDS.fullmatch(seconds):
            raise Refused(Refusal.BAD_SIGNATURE)
        given = _versioned(headers.get(SIGNATURE, ""))
        content = f"{call}.{seconds}.".encode("latin-1", "replace") + body
        made = [hmac.new(key, content, hashlib.sha256).digest() for key in self.keys]
        if not [signed for signed in given if _any(signed, made)]:
            raise Refused(Refusal.BAD_SIGNATURE)
        if abs(now - int(seconds)) > self.tolerance_seconds:
            raise Refused(Refusal.OUT_OF_TIME)
        once, window = hashlib.sha256(call.encode()).digest()[:16], 2 * self.tolerance_seconds
        return Proof(once, window, int(seconds), window * self.calls_per_second)


def verifier(signature: Signature, secrets: Sequence[SecretValue]) -> Verifier:
    """Made of a route's signature and its secrets' values. Raises UnfitSecret."""
    if not secrets:
        raise UnfitSecret("there is no secret")
    as_key = _decoded if signature.scheme is SignatureScheme.STANDARD else _plain_key
    keys = tuple(as_key(secret.reveal().strip()) for secret in secrets)
    header, tolerance = signature.header.lower(), signature.tolerance_seconds
    return Verifier(signature.scheme, header, tolerance, keys, signature.calls_per_second)


def _plain_key(text: str) -> bytes:
    return _long_enough(text.encode())


def _decoded(text: str) -> bytes:
    try:
        return _long_enough(base64.b64decode(text.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        raise UnfitSecret("a secret of Standard Webhooks is base64, with or without whsec_ before it") from None


def _long_enough(key: bytes) -> bytes:
    if len(key) < SHORTEST:
        raise UnfitSecret(f"it has fewer than {SHORTEST} bytes")
    return key


def _versioned(header: str) -> Sequence[bytes]:
    """The signatures of version 1; there may be several while the sender's secret rotates."""
    found = []
    for part in header[:LONGEST_HEADER].split(" ")[:MOST_SIGNATURES]:
        version, _, encoded = part.partition(",")
        try:
            found += [base64.b64decode(encoded, validate=True)] if version == "v1" else []
        except (binascii.Error, ValueError):
            continue
    return found


def _any(given: bytes, made: Sequence[bytes]) -> bool:
    """Compared with all of them, so that time does not tell which one it was."""
    return sum(hmac.compare_digest(given, one) for one in made) > 0
