"""Shepherd Model Gateway itself as a process, which starts in two seconds, and a model server behind it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADMIN = "control-plane-made-up-0123456789"
READER = "read-only-made-up-0123456789"


def program() -> Path | None:
    """The gateway's command, where it is installed beside this Python."""
    found = Path(sys.executable).with_name("smg")
    return found if found.exists() else None


def command(smg: Path, port: int, metrics: int) -> list[str]:
    """How it is started, on loopback alone, with two roles."""
    return [
        *(str(smg), "launch", "--host", "127.0.0.1", "--port", str(port), "--enable-igw", "--log-level", "warn"),
        *("--prometheus-host", "127.0.0.1", "--prometheus-port", str(metrics)),
        *("--control-plane-api-keys", f"ci:reconciler:admin:{ADMIN}", f"ro:viewer:user:{READER}"),
    ]


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on at this moment."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@contextmanager
def gateway(smg: Path) -> Iterator[str]:
    """Its URL, from when it answers until the block ends. It keeps nothing, so it is killed and not asked to drain."""
    port, metrics = free_ports(2)
    process = subprocess.Popen(
        command(smg, port, metrics), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url + "/liveness", process)
        yield url
    finally:
        process.kill()
        process.wait(10)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=120):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"smg did not answer at {url}; exit {process.poll()}")
