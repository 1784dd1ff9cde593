"""A model provider of a few lines: it lists its models and answers, for keys that it does not refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODELS = ("gpt-4", "gpt-4o")
REVOKED, BROKEN = "sk-revoked", "sk-broken"
"""What keys begin with that it refuses, and those that it fails at."""


@dataclass
class Provider:
    """Where it is, below any path, and which keys came, in order.

    `delivered` holds the headers of what was posted to a path that ends in ``/hook``.
    """

    url: str
    keys: list[str] = field(default_factory=list)
    delivered: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def provider() -> Iterator[Provider]:
    """Serve on a loopback port until the block ends."""
    seen = Provider("")

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path.endswith("/hook"):
                seen.delivered.append(dict(self.headers.items()))
                self._answer({})
                return
            said = {"role": "assistant", "content": "yes"}
            choice = {"index": 0, "message": said, "finish_reason": "stop"}
            self._answer(
                {"id": "c-1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice]}
            )

        def _answer(self, body: Any) -> None:
            key = self.headers.get("authorization", "").removeprefix("Bearer ")
            seen.keys.append(key)
            status = 401 if key.startswith(REVOKED) else 500 if key.startswith(BROKEN) else 200
            content = json.dumps(body if status == 200 else {"error": {"message": "no such key"}}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
