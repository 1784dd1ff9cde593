"""Turnstile, a made-up gateway: bots in front of models, one key each, guarded by ETags. ``python turnstile.py``."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "turnstile-token-0123456789"


Answer = tuple[int, Any, int | None]
"""Status, body, and the version that makes the ETag."""


@dataclass
class Turnstile:
    """What it holds, and how it misbehaves once when told to."""

    url: str = ""
    bots: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: int = 0
    loses_answer: bool = False
    echoes: bool = False

    def changed(self, name: str, **members: Any) -> None:
        """Somebody's hand at the console."""
        self.bots[name] = {**self.bots[name], **members, "version": self.bots[name]["version"] + 1}

    def answer(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """One request."""
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, said("who are you?"), None
        name, _, part = path.removeprefix("/bots").strip("/").partition("/")
        if method == "GET":
            return self._read(name, part)
        if self.echoes:
            self.echoes = False
            return 400, said(f"cannot take {content.decode()}"), None
        version = self.bots.get(name, {}).get("version", 0)
        if method == "DELETE" and version == 0:
            return 404, said(f"no bot {name}"), None
        if stale(headers, version):
            return 412, said("it has moved"), None
        self.written += 1
        return self._put(name, json.loads(content), version + 1) if method == "PUT" else self._delete(name)

    def _read(self, name: str, part: str) -> Answer:
        if not name:
            return 200, {"bots": [shown(bot) for _, bot in sorted(self.bots.items())]}, None
        if name not in self.bots:
            return 404, said(f"no bot {name}"), None
        if part == "health":
            return 200, {"serving": True}, None
        return 200, shown(self.bots[name]), self.bots[name]["version"]

    def _put(self, name: str, body: Mapping[str, Any], version: int) -> Answer:
        self.bots[name] = {**body, "name": name, "version": version}
        return 200, shown(self.bots[name]), version

    def _delete(self, name: str) -> Answer:
        del self.bots[name]
        return 200, {}, None


def said(message: str) -> Any:
    """A refusal's body."""
    return {"error": {"message": message}}


def stale(headers: Mapping[str, str], version: int) -> bool:
    """Whether a write was planned from something else; version 0 is no bot."""
    if headers.get("if-none-match") == "*":
        return version > 0
    return headers.get("if-match", f'"{version}"') != f'"{version}"'


def shown(bot: Mapping[str, Any]) -> Any:
    """A read never shows a key, only its id and how it ends."""
    return {**bot, "key": {"id": bot["key"]["id"], "ending": bot["key"]["value"][-4:]}}


@contextmanager
def serving() -> Iterator[Turnstile]:
    """Serve on a free loopback port until the block ends."""
    state = Turnstile()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(state))
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _answering(state: Turnstile) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, version = state.answer(self.command, self.path, headers, content)
            if state.loses_answer and self.command != "GET":
                state.loses_answer = False
                self.close_connection = True
                return
            self._send(status, json.dumps(body).encode(), version)

        def _send(self, status: int, content: bytes, version: int | None) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            if version is not None:
                self.send_header("etag", f'"{version}"')
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that the library looks for

        def log_message(self, *_: Any) -> None:
            return

    return Answering


if __name__ == "__main__":
    with serving() as found:
        sys.stdout.write(found.url + "\n")
        sys.stdout.flush()
        sys.stdin.read()
