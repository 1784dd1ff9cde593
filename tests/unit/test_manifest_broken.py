"""Broken manifests, one mistake each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.manifest import LoadOptions, load

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(BROKEN.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_one_mistake_is_one_finding_at_its_place(case: Path) -> None:
    """Whoever made one mistake must be led to it, and not through a list of its consequences."""
    first = case.read_text(encoding="utf-8").split("\n", 1)[0]
    expected = re.fullmatch(r"# expect: ([A-Z]+\d{3}) (\d+):(\d+)", first)
    assert expected is not None, f"{case.name} does not say what it expects"
    found = load([case], LoadOptions(BROKEN)).diagnostics
    places = [(d.code, str(d.position.line), str(d.position.column)) for d in found if d.position is not None]
    assert places == [expected.groups()], [d.detail for d in found]


def test_there_are_enough_of_them() -> None:
    """The collection must not shrink unnoticed: a glob that finds nothing would pass every test above."""
    assert len(CASES) >= 165
