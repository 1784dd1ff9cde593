"""Put the demo's transcript and the benchmark's table into the README: `make readme`."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import router  # noqa: E402 - a script of that folder
import run  # noqa: E402 - likewise


def transcript() -> str:
    """The demo's output from the first empty plan on; ids and times replaced, for they differ each time."""
    environ = {"PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin", "HOME": "/tmp"}  # noqa: S108 - nothing is kept there
    done = subprocess.run(
        ["/bin/sh", ROOT / "docs" / "demo.sh"], capture_output=True, text=True, env=environ, check=True
    )
    text = done.stdout[done.stdout.index("# Plan again") :]
    return stable(text)


def stable(text: str) -> str:
    """The same text for every run."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "2026-01-01T12:00:00.000Z", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "0123456789ab", text)
    text = re.sub(r"\S+@\S+ pid \d+", "you@host pid 42", text)
    return re.sub(r"\d+ ms", "5 ms", text).strip()


def filled(readme: str, name: str, text: str) -> str:
    """The README with the part between two markers replaced."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    head, _, rest = readme.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{text}\n{end}{tail}"


def figures() -> str:
    """The table of plans and applies."""
    kept = json.loads((BENCHMARKS / "results.json").read_text())
    machine = kept["machine"]
    words = f"Python {machine['python']}, {machine['cpus']} processors, {machine['turns']} turns."
    return run.table([run.Row(**row) for row in kept["rows"]]) + "\n" + words


def turns() -> str:
    """The table of the bot router."""
    kept = json.loads((BENCHMARKS / "router.json").read_text())
    return router.table([router.Row(**row) for row in kept["rows"]], router.Memory(**kept["memory"]))


def main() -> None:
    """Write the README."""
    path = ROOT / "README.md"
    text = filled(path.read_text(), "transcript", f"```text\n{transcript()}\n```")
    path.write_text(filled(filled(text, "figures", figures()), "turns", turns()))


if __name__ == "__main__":
    main()
