"""The bots' half of `make demo`: the example manifests, served as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_example_route_answers_with_its_history() -> None:
    """Whoever tries the tool begins here, and must see what happens: earlier turns read, and a model that answers."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = ROOT / "docs" / "demo-bots.sh"
    done = subprocess.run(
        ["/bin/sh", script], capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    turns = re.findall(r'turns_total\{channel="\w+",route="([\w-]+)",source="(\w+)"\} 1\.0', done.stdout)
    routes = ["cxone-bot", "cognigy-fallback", "cxone-bot-elsewhere", "cognigy-fallback-elsewhere"]
    assert turns == [(route, "model") for route in routes]
    assert done.stdout.count("You asked: My card [CREDIT_CARD REDACTED] was refused") == 2
    assert "4111" not in done.stdout
