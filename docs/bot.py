"""Two bot platforms for the demo: each sends one signed turn to the router, and the figures are looked at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import Any


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> str:
    """One request; the answer's text."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
        text: str = answer.read().decode()
        return text


def cxone(url: str, event: Mapping[str, Any]) -> Any:
    """A turn of NICE CXone: the hex HMAC of the body."""
    body = json.dumps(event).encode()
    signed = hmac.new(os.environ["CXONE_WEBHOOK_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    return json.loads(call(url + "/webhook/cxone", body, {"X-Webhook-Signature": signed}))


def cognigy(url: str, event: Mapping[str, Any]) -> Any:
    """A turn of a Cognigy.AI flow: Standard Webhooks."""
    body, seconds = json.dumps(event).encode(), str(int(time.time()))
    key = base64.b64decode(os.environ["COGNIGY_WEBHOOK_SECRET"].removeprefix("whsec_"))
    digest = hmac.new(key, f"demo-1.{seconds}.".encode() + body, hashlib.sha256).digest()
    signed = "v1," + base64.b64encode(digest).decode()
    headers = {"webhook-id": "demo-1", "webhook-timestamp": seconds, "webhook-signature": signed}
    return json.loads(call(url + "/webhook/cognigy/fallback", body, headers))


def show(text: str) -> None:
    """One line."""
    sys.stdout.write(text + "\n")


def main() -> None:
    """Both turns, then what was counted."""
    url = sys.argv[1]
    show("\n# A customer of NICE CXone asks; the card never reaches a model.")
    said = cxone(url, {"botId": "shop", "sessionId": "42", "lastMessage": "My card 4111 1111 1111 1111 was refused"})
    show(json.dumps({name: said[name] for name in ("source", "messages")}, indent=2))
    show("\n# A Cognigy.AI flow did not understand; the model decides where to go.")
    event = {"conversationId": "7", "userId": "u", "lastMessage": "where is it?", "confidenceScore": 0.4}
    show(json.dumps(cognigy(url, event), indent=2))
    show("\n# What was counted.")
    for line in call(url + "/metrics").splitlines():
        if line.startswith(
            ("reconciler_router_turns_total", "reconciler_router_tokens_total", "reconciler_router_cost")
        ):
            show(line)


if __name__ == "__main__":
    main()
