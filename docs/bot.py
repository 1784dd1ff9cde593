"""Two bot platforms for the demo: each sends signed turns to the router, and the figures are looked at."""

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


def signed(url: str, event: Mapping[str, Any], secret: str) -> Any:
    """A turn with the hex HMAC of its body."""
    body = json.dumps(event).encode()
    digest = hmac.new(os.environ[secret].encode(), body, hashlib.sha256).hexdigest()
    return json.loads(call(url, body, {"X-Webhook-Signature": digest}))


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


def told(said: Mapping[str, Any]) -> None:
    """What a customer of NICE CXone hears, and from whom."""
    show(json.dumps({name: said[name] for name in ("source", "messages")}, indent=2))


def main() -> None:
    """A turn of each route, then what was counted."""
    url = sys.argv[1]
    shop = {"botId": "shop", "sessionId": "42"}
    show("\n# A customer of NICE CXone asked; the history is read, and the card in it never reaches a model.")
    told(signed(url + "/webhook/cxone", shop, "CXONE_WEBHOOK_SECRET"))
    show("\n# A Cognigy.AI flow did not understand; the model decides where to go.")
    event = {"conversationId": "7", "userId": "u", "lastMessage": "where is it?", "confidenceScore": 0.4}
    show(json.dumps(cognigy(url, event), indent=2))
    show(
        "\n# The same conversations, and models on another gateway with a key of its own: over a WebSocket, over HTTP."
    )
    told(signed(url + "/webhook/cxone/elsewhere", shop, "CXONE_WEBHOOK_SECRET"))
    show(json.dumps(signed(url + "/webhook/cognigy/elsewhere", event, "COGNIGY_FALLBACK_SECRET"), indent=2))
    show("\n# What was counted.")
    for line in call(url + "/metrics").splitlines():
        if line.startswith(
            ("reconciler_router_turns_total", "reconciler_router_tokens_total", "reconciler_router_cost")
        ):
            show(line)


if __name__ == "__main__":
    main()
