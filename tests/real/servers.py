"""Real servers as processes of a test run: installed once into `.real/`, started on a free port, and always stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".real"
"""Where servers are installed; `make test-real` fills it."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Server:
    """One program. `ready` is the URL that answers 200 when it can be used; `log` gets all that it writes."""

    name: str
    command: Sequence[str | Path]
    ready: str
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    patience: float = 240.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it in a process group of its own, so that what it starts ends with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command],
                cwd=self.folder,
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it can be used. Raises RuntimeError, with the end of its log, when it never can."""
        ends = time.monotonic() + self.patience
        while time.monotonic() < ends:
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            try:
                with urllib.request.urlopen(self.ready, timeout=5) as answer:  # noqa: S310 - loopback
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.25)
        raise RuntimeError(f"{self.name} was not ready within {self.patience:g} s:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def stop(self) -> None:
        """End it and all that it started: gently first, and the rest of its group after it."""
        if self.process is None:
            return
        for kind, patience in ((signal.SIGINT, 15), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, kind)
                self.process.wait(patience)
        self.process = None


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start, wait, and stop whatever happens."""
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.stop()


def venv(folder: Path, requirements: Sequence[str]) -> Path:
    """A virtual environment with exactly these, made once; returns its `bin`."""
    stamp = folder / ".requirements"
    wanted = "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        run([sys.executable, "-m", "venv", folder])
        run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
        stamp.write_text(wanted)
    return folder / "bin"


def npm(folder: Path, packages: Sequence[str]) -> Path:
    """A folder with exactly these npm packages and none of their install scripts run; returns its `node_modules`."""
    stamp = folder / ".packages"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *packages], folder)
        stamp.write_text(wanted)
    return folder / "node_modules"


def run(command: Sequence[str | Path], folder: Path = ROOT, environ: Mapping[str, str] | None = None) -> None:
    """One step of an installation. Raises RuntimeError with what it said."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def require(programs: Sequence[str]) -> None:
    """Raise RuntimeError for programs of the system that are not there: these are not installed by us."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} is needed to run this server; install the system's package")
