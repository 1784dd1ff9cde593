"""A checkout whose gateway is in the box, for input that nobody should write."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from scenario_bench import RECONCILER, Bench, Finished

HANGS = 300
"""Seconds after which a command is taken to hang; nothing is measured by it."""

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: prod}
spec:
  platform: cxone
  url: "embedded:"
  auth: {oauth: {clientId: {env: CLIENT_ID}, clientSecret: {env: CLIENT_SECRET}}}
"""


def boxed(root: Path) -> Bench:
    """An empty fleet before a gateway in the box."""
    root.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RECONCILER_", "GITHUB_", "CI")) and name not in {"NO_COLOR", "FORCE_COLOR"}
    }
    secrets = {"CLIENT_ID": "team", "CLIENT_SECRET": "teams-secret-value", "KEY_A": "sk-aaaaaaaaaaaaaaaaaaaaaaaa"}
    bench = Bench(root, "embedded:", {**kept, **secrets})
    bench.write("manifests/gateway.yaml", GATEWAY)
    return bench


def sane(done: Finished) -> Finished:
    """Whatever was given to it, a command ends with a code of the table, without a traceback and without a defect."""
    assert done.code in {0, 1, 2, 3, 4, 64}, done
    for said in (done.out, done.err):
        assert "Traceback" not in said, said
        assert "defect" not in said, said
    return done


def run_with(
    bench: Bench,
    arguments: list[str | bytes],
    *,
    streams: Mapping[str, int | IO[Any] | None] | None = None,
    before: Callable[[], object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command with streams of one's own; `before` is done in the new process, before the command begins."""
    with subprocess.Popen(
        [RECONCILER, *arguments],
        cwd=bench.root,
        env=environ or bench.environ,
        preexec_fn=before,  # noqa: PLW1509 - a child of a test with one thread
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **(streams or {})},  # type: ignore[call-overload]
    ) as process:
        out, err = process.communicate(timeout=HANGS)
    text = [(part or b"").decode("utf-8", "backslashreplace") for part in (out, err)]
    return Finished(process.returncode, *text)
