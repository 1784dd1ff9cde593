"""Fill docs/explanation/beside-litellm-as-code.md from what `make rival` kept."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fill_readme import filled

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "beside-litellm-as-code.md"
KEPT = ROOT / "benchmarks" / "rival_litellm.json"
TOOLS = ("reconciler", "litellm-as-code")


def versions(kept: Mapping[str, Any]) -> str:
    """What was compared, and on what."""
    rows = "".join(f"| {name} | {version} |\n" for name, version in kept["versions"].items())
    machine = kept["machine"]
    words = (
        f"Python {machine['python']}, {machine['cpus']} processors with a load of {machine['load']}, medians of "
        f"{machine['turns']} turns. Seconds compare along a row, not down a column: other work shared the machine."
    )
    return f"| what | version |\n|---|---|\n{rows}\n{words}"


def features(kept: Mapping[str, Any]) -> str:
    """A table for each section."""
    return "\n\n".join(f"### {each['title']}\n\n{_section(each['rows'])}" for each in kept["sections"])


def _section(rows: Sequence[Mapping[str, Any]]) -> str:
    head = f"| | {TOOLS[0]} | {TOOLS[1]} |\n|---|---|---|\n"
    return head + "\n".join(f"| {row['what']} | {_cells(row['seen'])} |" for row in rows)


def _cells(seen: Mapping[str, Any]) -> str:
    return " | ".join(_cell(seen[tool]) for tool in TOOLS)


def _cell(seen: Mapping[str, Any]) -> str:
    return f"**{seen['mark']}**: {seen['text']} ({seen['code']}; {seen['reads']} r, {seen['writes']} w)"


def figures(kept: Mapping[str, Any]) -> str:
    """One row for each deed and size, both tools in it."""
    found = {(each["what"], each["endpoints"], each["tool"]): each for each in kept["figures"]}
    head = (
        "| what | endpoints | reconciler: s | reads | writes | MB | litellm-as-code: s | reads | writes | MB |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    return head + "\n".join(_figures(found)) + "\n\n" + _idle(kept["figures"])


def _idle(rows: Sequence[Mapping[str, Any]]) -> str:
    """The sentence on what a plan costs that has nothing to show, of the largest fleet."""
    idle = [each for each in rows if each["what"] == "nothing changed: plan"]
    largest = max(each["endpoints"] for each in idle)
    costs = (f"{e['tool']} {e['reads']} reads and {e['wall']:.2f} s" for e in idle if e["endpoints"] == largest)
    return f"A plan of {largest} endpoints that finds nothing costs {' and '.join(costs)}."


def _figures(found: Mapping[tuple[str, int, str], Mapping[str, Any]]) -> Iterator[str]:
    for what, endpoints in dict.fromkeys((what, endpoints) for what, endpoints, _ in found):
        both = " | ".join(_figure(found.get((what, endpoints, tool))) for tool in TOOLS)
        yield f"| {what} | {endpoints} | {both} |"


def _figure(each: Mapping[str, Any] | None) -> str:
    if each is None:
        return "– | – | – | –"
    return f"{each['wall']:.2f} | {each['reads']} | {each['writes']} | {each['memory_mb']:.0f}"


def text() -> str:
    """The page as it should be."""
    kept, page = json.loads(KEPT.read_text()), PAGE.read_text()
    for name, table in (("versions", versions(kept)), ("features", features(kept)), ("figures", figures(kept))):
        page = filled(page, name, table)
    return page


if __name__ == "__main__":
    PAGE.write_text(text())
