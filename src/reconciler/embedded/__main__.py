"""``python -m reconciler.embedded``: the gateway on a socket, for benchmarks and scenarios."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from reconciler.embedded import FaultPlan, serve_forever


def main() -> None:
    """Serve until a signal comes; print the base URL once ready."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.embedded")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=Path)
    parser.add_argument("--admin", action="store_true")
    given = parser.parse_args()
    faults = FaultPlan.read(json.loads(given.faults.read_text())) if given.faults else None

    def ready(url: str) -> None:
        print(url, flush=True)  # noqa: T201 - its one line of output

    asyncio.run(serve_forever(given.store, given.host, given.port, ready, faults=faults, admin=given.admin))


if __name__ == "__main__":
    main()
