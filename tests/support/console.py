"""A checkout with one gateway of any platform: the tool as a process, and a colleague who speaks plain HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scenario_bench import Bench


def checkout(folder: Path, platform: str, url: str, secrets: Mapping[str, str], auth: str = "") -> Bench:
    """An empty fleet before a gateway called ``prod``; `auth` is what its manifest says of credentials."""
    root = folder / "checkout"
    root.mkdir(parents=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RECONCILER_", "GITHUB_", "CI")) and name not in {"NO_COLOR", "FORCE_COLOR"}
    }
    bench = Bench(root, url, {**kept, **secrets})
    bench.write(
        "manifests/gateway.yaml",
        "apiVersion: reconciler/v1\nkind: Gateway\nmetadata: {name: prod}\n"
        f"spec:\n  platform: {platform}\n  url: {url}\n{auth}  timeouts: {{connect: 5, total: 20}}\n",
    )
    return bench


def endpoint(name: str, base: str, keys: Mapping[str, str], *, model: str = "gpt-4o", deadline: int = 30) -> str:
    """One endpoint; `keys` are key ids and variables, the first is tried first."""
    count = len(keys)
    listed = "".join(
        f"    - {{keyId: {key_id}, priority: {count - n}, apiKey: {{env: {variable}}}}}\n"
        for n, (key_id, variable) in enumerate(keys.items())
    )
    return (
        f"apiVersion: reconciler/v1\nkind: Endpoint\nmetadata: {{name: {name}}}\nspec:\n  provider: openai\n"
        f"  model: {model}\n  apiBase: {base}\n  credentials:\n{listed}"
        f"  readiness: {{deadlineSeconds: {deadline}}}\n"
    )


def clean(bench: Bench) -> None:
    """The next plan has nothing to do and nothing to say of drift."""
    plan = bench.plan()
    assert plan.code == 0, plan.out + plan.err
    assert plan.json["changes"] == []
    assert plan.json["drift"] == []


def applied(bench: Bench, *arguments: str) -> None:
    """Apply, and find nothing left to do."""
    run = bench.apply(*arguments)
    assert run.code == 0, run.out + run.err
    clean(bench)
