"""A relay in front of a real gateway: it counts what arrives, and interferes where a test asks it to."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PASS, LOSE, ECHO, HOLD = "pass", "lose", "echo", "hold"
"""Pass it on; pass it on and lose the answer; refuse it with its own body in the message; keep it from arriving."""


@dataclass(frozen=True)
class Write:
    """One request that changes something. `by` is who made it, where a tool says so to LiteLLM."""

    method: str
    path: str
    body: Any
    by: str | None = None


Rule = Callable[[Write], str]


def passes(_write: Write) -> str:
    """The rule of a relay that only counts."""
    return PASS


@dataclass
class Relay:
    """`rule` decides over each write; `asking` names paths of POSTs that change nothing.

    `stand_ins` are answers to reads by path, given without asking the gateway.
    """

    target: str
    asking: frozenset[str] = frozenset()
    stand_ins: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    writes: list[Write] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    rule: Rule = passes
    held: threading.Event = field(default_factory=threading.Event)

    def judged(self, method: str, path: str, content: bytes, by: str | None = None) -> str:
        """What is to be done to a request that has arrived."""
        if method == "GET" or path in self.asking:
            self.reads.append(path)
            return PASS
        write = Write(method, path, json.loads(content) if content else None, by)
        self.writes.append(write)
        return self.rule(write)

    def passed_on(self, method: str, path: str, content: bytes, given: Message) -> tuple[int, bytes]:
        """The gateway's answer, or the one that stands in for it."""
        if path in self.stand_ins:
            return 200, json.dumps(self.stand_ins[path]).encode()
        where = urlsplit(self.target)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            headers = {name: given[name] for name in ("authorization", "content-type", "accept") if name in given}
            connection.request(method, path, content or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def once(self, fits: Callable[[Write], bool], deed: str) -> None:
        """From here on, do `deed` to the next write that fits, and to no other."""
        done: list[Write] = []

        def rule(write: Write) -> str:
            if done or not fits(write):
                return PASS
            done.append(write)
            return deed

        self.rule = rule

    def hold_at(self, index: int) -> None:
        """From here on, let `index` writes pass and keep all others; `held` says when the first one waits."""
        seen: list[Write] = []
        self.held.clear()

        def rule(write: Write) -> str:
            seen.append(write)
            return PASS if len(seen) <= index else HOLD

        self.rule = rule


@contextmanager
def relaying(target: str, asking: frozenset[str] = frozenset()) -> Iterator[Relay]:
    """Serve on a free loopback port until the block ends."""
    relay = Relay(target, asking)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(relay))
    server.daemon_threads = True
    relay.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _answering(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body leave one after the other; seconds are measured through this

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            deed = relay.judged(self.command, self.path, content, self.headers["litellm-changed-by"])
            if deed == HOLD:
                relay.held.set()
                self.close_connection = True
                return
            if deed == ECHO:
                self._answer(400, json.dumps({"error": {"message": f"refused: {content.decode()}"}}).encode())
                return
            status, body = relay.passed_on(self.command, self.path, content, self.headers)
            if deed == LOSE:
                self.close_connection = True
                return
            self._answer(status, body)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names that the library looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    return Answering
