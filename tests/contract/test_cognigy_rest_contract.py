"""The adapter of Cognigy's REST API keeps the published laws, against the gateway in a box on a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cognigy_bench import RICH, SIMPLE, project_at

from reconciler.testing import adapter_suite
from reconciler.testing.adapter_suite import LAWS, Law

SPECS = {
    "one key": SIMPLE,
    "two keys, default, use cases": RICH,
    "a fallback model": {**SIMPLE, "fallbackModels": ["gpt-4o-mini"]},
}

LOSING = {adapter_suite.a_lost_answer_never_makes_two, adapter_suite.a_lost_answer_to_a_later_write_is_found_by_a_read}
"""These lose the answer of the one call that counts; of endpoints with more parts, every call is lost elsewhere."""


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("spec", SPECS)
def test_cognigy_rest_keeps_the_law(law: Law, spec: str, tmp_path: Path) -> None:
    """Every platform behaves alike where the engine relies on it; this one against a server of its own reading."""
    if law in LOSING and spec != "one key":
        return

    async def kept() -> None:
        async with project_at(tmp_path, SPECS[spec]) as bench:
            await law(bench)

    asyncio.run(kept())
