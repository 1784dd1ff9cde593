"""What docs/explanation/beside-litellm-as-code.md says of two tools, done again by both on a real proxy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import beside
import beside_stage
import pytest
from litellm_person import Person
from server_litellm import Stack

pytestmark = pytest.mark.real

KEPT = json.loads((Path(__file__).parents[2] / "benchmarks" / "rival_litellm.json").read_text())
ROWS: dict[str, dict[str, Any]] = {each["key"]: each for section in KEPT["sections"] for each in section["rows"]}


def test_every_row_of_the_page_is_done_again() -> None:
    """A row that nobody looks at any more would go on claiming what was once seen."""
    assert {key: row["what"] for key, row in ROWS.items()} == {key: row.what for key, row in beside.ROWS.items()}


@pytest.mark.parametrize("tool", beside_stage.TOOLS)
@pytest.mark.parametrize("key", beside.ROWS)
def test_a_tool_does_what_the_page_says_of_it(key: str, tool: str, person: Person, stack: Stack) -> None:
    """A comparison with somebody else's work has to be right about both, and to stay so. Reads differ by waiting."""
    seen = beside.seen(tool, beside.ROWS[key], person, stack.upstream)
    kept = ROWS[key]["seen"][tool]
    assert (seen.mark, seen.text, seen.code, seen.writes) == (kept["mark"], kept["text"], kept["code"], kept["writes"])
