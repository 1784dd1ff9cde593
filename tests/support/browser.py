"""A headless Chromium, driven by its DevTools protocol over two pipes: no port, and no package to install."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30.0
"""Seconds that one answer may take."""

FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--window-size=1280,1000",
)


def found() -> str | None:
    """The browser's program: $CHROMIUM, or the first of the usual names; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Wire:
    """Messages to the browser and from it, each JSON that ends in a zero byte."""

    to: int
    back: int
    rest: bytes = b""

    def send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data) :]

    def receive(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.back], [], [], max(0.0, until - time.monotonic()))
            read = os.read(self.back, 1 << 16) if ready else b""
            if not read:
                raise TimeoutError("the browser does not answer")
            self.rest += read
        line, self.rest = self.rest.split(b"\0", 1)
        return dict(json.loads(line))


@dataclass
class Page:
    """One tab. `events` are all that the browser told of it, oldest first."""

    wire: Wire
    session: str
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 100

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask, and keep the events that come before the answer."""
        self.asked += 1
        self.wire.send({"id": self.asked, "method": method, "params": params, "sessionId": self.session})
        while (message := self.wire.receive()).get("id") != self.asked:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return dict(message["result"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def open(self, path: Path) -> None:
        """Load a file and wait until it has been."""
        seen = len(self.events)
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events[seen:]):
            self.events.append(self.wire.receive())

    def press(self, key: str) -> None:
        """One key, as a person presses it."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.painted()

    def write(self, text: str) -> None:
        """Text into what has the focus."""
        self.call("Input.insertText", text=text)
        self.painted()

    def painted(self) -> None:
        """Wait for what the page does with its next frame."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def named(self, method: str) -> list[dict[str, Any]]:
        """Parameters of all events of one name."""
        self.run("0")
        return [event["params"] for event in self.events if event.get("method") == method]


@contextmanager
def browser() -> Iterator[Page]:
    """A fresh browser with one empty tab, gone afterwards together with its profile."""
    program = found()
    if program is None:
        raise LookupError("there is no browser")
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process, wire = _started(program, profile)
        try:
            yield _tab(wire)
        finally:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(wire.to)
            os.close(wire.back)


def _started(program: str, profile: str) -> tuple[int, Wire]:
    """The browser reads from file 3 and writes to file 4; the ends are first moved out of the way of both."""
    ends = [*os.pipe(), *os.pipe()]
    heard, to, back, spoken = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    null = os.open(os.devnull, os.O_RDWR)
    moves = [(os.POSIX_SPAWN_DUP2, *pair) for pair in ((null, 0), (null, 1), (null, 2), (heard, 3), (spoken, 4))]
    arguments = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = os.posix_spawn(program, arguments, os.environ, file_actions=moves, setpgroup=0)
    for end in (heard, spoken, null):
        os.close(end)
    return process, Wire(to, back)


def _tab(wire: Wire) -> Page:
    target = _asked(wire, 1, "Target.createTarget", url="about:blank")["targetId"]
    session = _asked(wire, 2, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    page = Page(wire, session)
    for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
        page.call(f"{domain}.enable")
    return page


def _asked(wire: Wire, number: int, method: str, **params: Any) -> dict[str, Any]:
    wire.send({"id": number, "method": method, "params": params})
    while (message := wire.receive()).get("id") != number:
        pass
    return dict(message["result"])
