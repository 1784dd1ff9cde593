"""Fixtures for all tests, and what is left out where there is no browser."""

from __future__ import annotations

import os
from pathlib import Path

import browser
import pytest
from box import store
from hypothesis import HealthCheck, settings
from scenario_bench import bench

__all__ = ["bench", "store"]

SCENARIOS = Path(__file__).parent / "scenario"
MISSING = "no browser: tests marked `browser` are left out; install chromium, or name one in $CHROMIUM"


def pytest_report_header() -> str:
    program = browser.found()
    return f"browser: {program}" if program else MISSING


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The header again, for runs that show none: nobody should believe that these tests passed."""
    if browser.found() is None and terminalreporter.verbosity < 0:
        terminalreporter.write_line(MISSING)


# A busy machine is slow at making examples; that says nothing about what is tested.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("steady"), max_examples=15)
settings.load_profile("quick" if os.environ.get("QUICK") else "steady")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "bench" in getattr(item, "fixturenames", ()) or SCENARIOS in item.path.parents:
            item.add_marker("process")
    if browser.found():
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
