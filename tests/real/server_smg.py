"""smg, and a model server behind it whose requests can be asked for.

| part   | version | from |
|--------|---------|------|
| smg    | 1.13.0  | PyPI |
| llmock | 0.2.2   | PyPI |
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import smg_bench
from servers import HOME, Server, free_port, running, venv

PYTHON = ("smg==1.13.0", "llmock==0.2.2")
PLACE = HOME / "smg"


@dataclass(frozen=True)
class Stack:
    """What a test speaks to: the gateway, and a model server below which any number of paths may be used."""

    url: str
    upstream: str


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """A gateway, which keeps nothing, and its model server."""
    binaries, port = venv(PLACE / "venv", PYTHON), free_port()
    command: list[str | Path] = [binaries / "llmock", "serve", "--host", "127.0.0.1", "--port", str(port)]
    ready = f"http://127.0.0.1:{port}/v1/models"
    with (
        running(Server("llmock", command, ready, folder / "llmock", {"PYTHONPATH": ""}, 60)),
        smg_bench.gateway(binaries / "smg") as url,
    ):
        yield Stack(url, f"http://127.0.0.1:{port}")
