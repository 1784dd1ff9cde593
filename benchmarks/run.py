"""Measure validate, plan and apply as whole processes beside the bare baseline, and print the table.

The gateway runs in a process of its own. A command and its baseline take turns; what is printed is the
median of the turns, and of the ratios turn by turn, for a shared machine drifts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import fleet
from reconciler.settings.values import at as settings_at

HERE = Path(__file__).parent
RECONCILER = str(Path(sys.executable).with_name("reconciler"))
BASELINE = [sys.executable, str(HERE / "baseline.py")]


@dataclass(frozen=True)
class Figure:
    """One process: seconds, megabytes, requests that reached the gateway."""

    wall: float
    cpu: float
    memory_mb: float
    requests: int


@dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` is the median of wall against the baseline's wall, turn by turn."""

    what: str
    endpoints: int
    wall: float
    cpu: float
    memory_mb: float
    requests: int
    baseline: str
    baseline_wall: float
    ratio: float
    limit: float | None


class Gateway:
    """The embedded gateway in its own process."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "reconciler.embedded", "--store", str(folder / "gateway.sqlite"), "--admin"]
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE)
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        self.url = self.process.stdout.readline().strip()

    def call(self, method: str, path: str) -> dict[str, dict[str, int]]:
        """An administrative call."""
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            read: dict[str, dict[str, int]] = json.loads(answer.read())
            return read

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Bench:
    """One size: a folder with manifests, a gateway."""

    def __init__(self, size: int, turns: int) -> None:
        self.size, self.turns = size, turns
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.gateway = Gateway(self.folder)
        self.manifests = self.folder / "manifests"
        fleet.write(self.manifests, size, self.gateway.url)

    def close(self) -> None:
        """Take everything away."""
        self.gateway.stop()
        shutil.rmtree(self.folder)

    def measure(self, command: Sequence[str], codes: tuple[int, ...] = (0,)) -> Figure:
        """Run one process and read what the system accounts to it."""
        self.gateway.call("DELETE", "/_embedded/requests")
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **fleet.ENVIRON},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        assert process.stderr is not None  # noqa: S101 - it was asked for
        said = process.stderr.read().decode()
        process.stderr.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said[-2000:]}")
        requests = sum(self.gateway.call("GET", "/_embedded/requests")["counts"].values())
        return Figure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, requests)

    def reconcile(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Figure:
        """Measure the tool."""
        return self.measure([RECONCILER, "-q", *arguments], codes)

    def forget_cache(self) -> None:
        """Make the next plan a cold one."""
        shutil.rmtree(settings_at(self.folder).cache_path, ignore_errors=True)

    def forget_everything(self) -> None:
        """An empty gateway and no ledger."""
        shutil.rmtree(self.folder / ".reconciler", ignore_errors=True)
        self.gateway.call("POST", "/_embedded/reset")

    def compared(
        self,
        what: str,
        limit: float | None,
        ours: Callable[[], Figure],
        bare: Callable[[], Figure],
        label: str,
    ) -> Row:
        """Take turns, and take medians."""
        pairs = [(ours(), bare()) for _ in range(self.turns)]
        middle = statistics.median
        return Row(
            what,
            self.size,
            middle(a.wall for a, _ in pairs),
            middle(a.cpu for a, _ in pairs),
            middle(a.memory_mb for a, _ in pairs),
            pairs[0][0].requests,
            label,
            middle(b.wall for _, b in pairs),
            middle(a.wall / b.wall for a, b in pairs),
            limit,
        )


def helping(bench: Bench) -> Row:
    """The start of every command, against the start of Python."""

    def ours() -> Figure:
        return bench.measure([RECONCILER, "--help"])

    def bare() -> Figure:
        return bench.measure([sys.executable, "-c", "pass"])

    return bench.compared("--help", None, ours, bare, "Python that does nothing")


def applying(bench: Bench) -> Row:
    """Creations without validation, against the bare PUT loop."""

    def ours() -> Figure:
        bench.forget_everything()
        return bench.reconcile("apply", "--auto-approve", "--no-verify")

    def bare() -> Figure:
        bench.forget_everything()
        return bench.measure([*BASELINE, "write", str(bench.size), bench.gateway.url])

    limit = 1.25 if bench.size == 1000 else None  # noqa: PLR2004 - the size that the limit is stated for
    return bench.compared("apply, all new", limit, ours, bare, "the same PUTs, bare httpx")


def planning(bench: Bench) -> Sequence[Row]:
    """Validate and plan with one per cent changed, against reading and listing alone."""
    bench.forget_everything()
    bench.reconcile("apply", "--auto-approve", "--no-verify")
    fleet.change_one_percent(bench.manifests, bench.size)
    limited = bench.size == 10_000  # noqa: PLR2004 - the size that the limits are stated for

    def bare() -> Figure:
        return bench.measure([*BASELINE, "read", str(bench.manifests), bench.gateway.url])

    def cold() -> Figure:
        bench.forget_cache()
        return bench.reconcile("plan", "--detailed-exitcode", codes=(2,))

    def warm() -> Figure:
        return bench.reconcile("plan", "--detailed-exitcode", codes=(2,))

    def validate() -> Figure:
        bench.forget_cache()
        return bench.reconcile("validate")

    label = "CSafeLoader and bare listing"
    return (
        bench.compared("validate, cold", None, validate, bare, label),
        bench.compared("plan, cold", 1.0 if limited else None, cold, bare, label),
        bench.compared("plan, warm", 0.35 if limited else None, warm, bare, label),
    )


def table(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    head = (
        "| what | endpoints | wall s | CPU s | peak MB | requests | baseline | its wall s | ratio | limit |\n"
        "|---|--:|--:|--:|--:|--:|---|--:|--:|--:|\n"
    )
    return head + "".join(
        f"| {r.what} | {r.endpoints:,} | {r.wall:.2f} | {r.cpu:.2f} | {r.memory_mb:.0f} | {r.requests} | {r.baseline} "
        f"| {r.baseline_wall:.2f} | {r.ratio:.2f} | {'' if r.limit is None else r.limit} |\n"
        for r in rows
    )


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--keep", type=Path, default=HERE / "results.json")
    given = parser.parse_args()
    rows: list[Row] = []
    for size in given.sizes:
        bench = Bench(size, given.turns)
        try:
            rows += [*([] if rows else [helping(bench)]), applying(bench), *planning(bench)]
        finally:
            bench.close()
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "turns": given.turns}
    given.keep.write_text(json.dumps({"machine": machine, "rows": [asdict(r) for r in rows]}, indent=2) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
