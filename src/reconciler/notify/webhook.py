"""One message to one receiver, signed as Standard Webhooks has it: HMAC-SHA256 over ``id.timestamp.body``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ProtocolError, SecretError
from reconciler.model.secret import SecretValue
from reconciler.transport import Client, Repeat, encoded

PREFIX = "whsec_"


class UnusableSecret(SecretError):
    """The secret is not base64. Its value is not shown."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` is the same for every attempt, so that a receiver can tell a repetition.

    `timestamp` is in whole seconds since 1970; `body` is JSON.
    """

    id: str
    timestamp: int
    body: Mapping[str, Any]


async def deliver(client: Client, path: str, secret: SecretValue, message: Message) -> None:
    """Send one message, again and again as far as the client goes: its id makes a repetition harmless.

    Any 2xx is a delivery, whatever its body. Raises GatewayError, UnusableSecret.
    """
    content = encoded(message.body)
    headers = {
        "webhook-id": message.id,
        "webhook-timestamp": str(message.timestamp),
        "webhook-signature": signature(secret, message.id, message.timestamp, content),
    }
    try:
        await client.request("POST", path, body=message.body, headers=headers, repeat=Repeat.ALWAYS, conceal=(secret,))
    except ProtocolError as error:
        if error.status is None or not 200 <= error.status < 300:  # noqa: PLR2004 - HTTP
            raise


def signature(secret: SecretValue, message_id: str, timestamp: int, content: bytes) -> str:
    """The header ``webhook-signature``. Raises UnusableSecret."""
    signed = f"{message_id}.{timestamp}.".encode() + content
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _key(secret: SecretValue) -> bytes:
    try:
        key = base64.b64decode(secret.reveal().strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise UnusableSecret("the secret of a webhook must be base64, with or without whsec_ before it")
    return key
