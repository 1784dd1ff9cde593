"""Put this tool beside `litellm-as-code` on one LiteLLM proxy, and keep what was seen: `make rival`.

Features come from tests/real/beside*.py, which a test runs as well. Figures are measured here: whole processes, the
tools in turns, the median of the turns; both speak through one relay, which counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests" / each) for each in ("real", "support")]

import beside  # noqa: E402 - where the rows are
import beside_stage  # noqa: E402
import server_litellm  # noqa: E402
from beside_stage import AS_BEFORE, KEY_A, KEY_B, KEY_C, Row, Stage, staged  # noqa: E402
from beside_tools import RIVAL_HOME, Declared, Ours, Theirs, install  # noqa: E402
from litellm_person import Person  # noqa: E402

MOST_WAYS = 10
"""Fleets of up to this size are made in other ways as well."""
PATIENCE = 120.0
KEPT = HERE / "rival_litellm.json"


@dataclass(frozen=True)
class Cost:
    """One process: seconds, megabytes, requests that reached the proxy."""

    wall: float
    memory_mb: float
    reads: int
    writes: int


@dataclass(frozen=True)
class Figure:
    """One line of the table: medians of the turns, for one tool."""

    what: str
    endpoints: int
    tool: str
    wall: float
    memory_mb: float
    reads: int
    writes: int


def fleet(stage: Stage, size: int) -> list[Declared]:
    """Endpoints with two keys each."""
    return [Declared(stage.name(f"ep-{n:03}"), {"a": KEY_A, "b": KEY_B}, rpm=6000) for n in range(size)]


def measured(stage: Stage, words: Sequence[str], code: int = 0) -> Cost:
    """Run one process and read what the system accounts to it. Raises SystemExit when it ends otherwise than `code`."""
    reads, writes = len(stage.relay.reads), len(stage.relay.writes)
    shell, log = stage.tool.shell, stage.tool.shell.folder / "said.txt"
    with log.open("wb") as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [shell.program, *words], cwd=shell.folder, env=shell.environ, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise SystemExit(f"{stage.tool.name} {words} ended with {process.returncode}: {log.read_text()[-2000:]}")
    return Cost(wall, usage.ru_maxrss / 1024, len(stage.relay.reads) - reads, len(stage.relay.writes) - writes)


def wait_until_listed(stage: Stage, wanted: Sequence[Declared]) -> None:
    """LiteLLM reloads its models by itself twice a minute, and does not list what was made meanwhile until the next."""
    ids = {each for one in wanted for each in one.ids()}
    ends = time.monotonic() + PATIENCE
    while missing := ids - set(stage.person.deployments()):
        if time.monotonic() > ends:
            raise SystemExit(f"{stage.tool.name} made deployments that are not listed: {sorted(missing)}")
        time.sleep(1)


def own_keys(stage: Stage, size: int) -> Iterator[tuple[str, Cost]]:
    """A fleet whose endpoints have keys of their own, from its creation on."""
    tool, wanted = stage.tool, fleet(stage, size)
    tool.declare(*wanted)
    yield "all created", measured(stage, tool.apply_words)
    wait_until_listed(stage, wanted)
    yield "nothing changed: plan", measured(stage, tool.plan_words)
    yield "nothing changed: apply", measured(stage, tool.apply_words)
    changed = [replace(wanted[0], model="gpt-4"), *wanted[1:]]
    tool.declare(*changed)
    yield "one model changed: plan", measured(stage, tool.plan_words, code=2)
    yield "one model changed: apply", measured(stage, tool.apply_words)
    rotated = [replace(changed[0], keys={"a": KEY_C, "b": KEY_B}), *wanted[1:]]
    tool.renew(rotated[0], "a")
    tool.declare(*rotated)
    yield "one key rotated: apply", measured(stage, tool.apply_words)
    served = stage.answered(rotated[0])
    assert served == KEY_C, served  # noqa: S101 - a figure of something that was not done is none
    if isinstance(tool, Ours) and size > 1:
        tool.declare(*rotated[1:])
        yield "one endpoint removed: apply", measured(stage, tool.apply_words)


def unverified(stage: Stage, size: int) -> Iterator[tuple[str, Cost]]:
    """Creation without asking whether it works: the other tool never asks."""
    if isinstance(stage.tool, Ours) and size <= MOST_WAYS:
        stage.tool.declare(*fleet(stage, size))
        yield "all created, `--no-verify`", measured(stage, [*stage.tool.apply_words, "--no-verify"])


def shared_keys(stage: Stage, size: int) -> Iterator[tuple[str, Cost]]:
    """A fleet whose endpoints share two keys, and one of these rotated."""
    if size > MOST_WAYS:
        return
    tool, wanted = stage.tool, fleet(stage, size)
    tool.declare_shared(*wanted)
    yield "all created, two keys shared by all", measured(stage, tool.apply_words)
    wait_until_listed(stage, wanted)
    wanted[0] = replace(wanted[0], keys={"a": KEY_C, "b": KEY_B})
    if isinstance(tool, Theirs):
        tool.noted["all:a"] = "rotated"
    tool.declare_shared(*wanted)
    allowed = ["--allow-mass-change"] if isinstance(tool, Ours) else []
    yield "a shared key rotated: apply", measured(stage, [*tool.apply_words, *allowed])
    served = stage.answered(wanted[-1])
    assert served == KEY_C, served  # noqa: S101 - a figure of something that was not done is none


Life = Callable[[Stage, int], Iterator[tuple[str, Cost]]]
LIVES: Sequence[Life] = (own_keys, unverified, shared_keys)


def figures(person: Person, upstream: str, sizes: Sequence[int], turns: int) -> list[Figure]:
    """Each life of each size by each tool, in turns."""
    costs: dict[tuple[str, int, str], list[Cost]] = {}
    for size in sizes:
        for turn in range(turns):
            for life in LIVES:
                for tool in beside_stage.TOOLS:
                    for what, cost in lived(tool, person, upstream, life, size):
                        costs.setdefault((what, size, tool), []).append(cost)
            print(f"{size} endpoints, turn {turn + 1} of {turns}", file=sys.stderr)
    return [_middle(*key, found) for key, found in costs.items()]


def lived(tool: str, person: Person, upstream: str, life: Life, size: int) -> list[tuple[str, Cost]]:
    """One life of one tool, from an empty proxy to an empty proxy."""
    folder = Path(tempfile.mkdtemp(prefix="rival-"))
    with staged(tool, person, upstream, folder, AS_BEFORE) as stage:
        return list(life(stage, size))


def _middle(what: str, endpoints: int, tool: str, found: Sequence[Cost]) -> Figure:
    middle = statistics.median
    return Figure(
        what,
        endpoints,
        tool,
        middle(each.wall for each in found),
        middle(each.memory_mb for each in found),
        int(middle(each.reads for each in found)),
        int(middle(each.writes for each in found)),
    )


def features(person: Person, upstream: str) -> list[Mapping[str, Any]]:
    """Each row by each tool."""
    return [
        {"title": title, "rows": [_row(key, given, person, upstream) for key, given in rows.items()]}
        for title, rows in beside.SECTIONS.items()
    ]


def _row(key: str, given: Row, person: Person, upstream: str) -> Mapping[str, Any]:
    seen = {tool: asdict(beside.seen(tool, given, person, upstream)) for tool in beside_stage.TOOLS}
    print(f"{key}: " + ", ".join(f"{tool} {each['mark']}" for tool, each in seen.items()), file=sys.stderr)
    return {"key": key, "what": given.what, "seen": seen}


def versions() -> Mapping[str, str]:
    """Of both tools, of the proxy, and of what the other tool brought along."""
    command = [str(RIVAL_HOME / "bin" / "pip"), "list", "--disable-pip-version-check", "--format", "json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    brought = {each["name"]: each["version"] for each in json.loads(listed.stdout)}
    its = ", ".join(f"{name} {brought[name]}" for name in ("requests", "PyYAML", "pydantic"))
    return {
        "reconciler": f"{metadata.version('reconciler')}, of this repository",
        "litellm-as-code": f"{brought['litellm-as-code']} of PyPI, with {its}",
        "LiteLLM proxy": f"{server_litellm.PYTHON[0].partition('==')[2]} of PyPI, with a database, without a licence",
    }


def machine(turns: int) -> Mapping[str, Any]:
    """Where it was measured; the load is what the processors were asked for in the last quarter of an hour."""
    load = round(os.getloadavg()[2], 1)
    return {"python": platform.python_version(), "cpus": os.cpu_count(), "turns": turns, "load": load}


def main() -> None:
    """Start one proxy, look, measure, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=("features", "figures"))
    parser.add_argument("--keep", type=Path, default=KEPT)
    given = parser.parse_args()
    install()
    found = json.loads(given.keep.read_text()) if given.keep.exists() else {}
    with (
        tempfile.TemporaryDirectory(prefix="rival-") as folder,
        server_litellm.stack(Path(folder)) as stack,
    ):
        person = Person(stack.url)
        if given.only != "figures":
            found["sections"] = features(person, stack.upstream)
        if given.only != "features":
            found["figures"] = [asdict(each) for each in figures(person, stack.upstream, given.sizes, given.turns)]
            found["machine"] = machine(given.turns)
    found["versions"] = versions()
    given.keep.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
