"""A receiver of webhooks on a loopback socket: it keeps what arrives, byte by byte, and answers from a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One request. Header names are in small letters."""

    path: str
    headers: Mapping[str, str]
    content: bytes


@dataclass
class Receiver:
    """`answers` are taken in turn, the last for ever: status, headers, body. Status 0 breaks the connection."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(204, {}, b"")])
    deliveries: list[Delivery] = field(default_factory=list)


@contextmanager
def receiving(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[Receiver]:
    """Listen until the block ends."""
    receiver = Receiver()
    if answers:
        receiver.answers = list(answers)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.deliveries.append(Delivery(self.path, headers, content))
            status, extra, body = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {**extra, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's signature
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Ear:
    """A door that anybody may knock at: how often somebody did, and all the bytes that came."""

    url: str = ""
    knocks: int = 0
    heard: bytes = b""


@contextmanager
def listening() -> Iterator[Ear]:
    """Listen until the block ends, and answer every caller with a token that is worth nothing."""
    ear = Ear()
    door = socket.create_server(("127.0.0.1", 0))
    ear.url = f"http://127.0.0.1:{door.getsockname()[1]}"

    def serve() -> None:
        while True:
            try:
                caller, _ = door.accept()
            except OSError:
                return
            with caller:
                ear.knocks += 1
                caller.settimeout(5)
                with suppress(OSError):
                    ear.heard += caller.recv(65536)
                    caller.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join()
