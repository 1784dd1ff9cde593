"""Fixtures for all tests, and what is left out where there is no browser."""

from __future__ import annotations

import browser
import pytest
from box import store
from scenario_bench import bench

__all__ = ["bench", "store"]

MISSING = "no browser: tests marked `browser` are left out; install chromium, or name one in $CHROMIUM"


def pytest_report_header() -> str:
    program = browser.found()
    return f"browser: {program}" if program else MISSING


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The header again, for runs that show none: nobody should believe that these tests passed."""
    if browser.found() is None and terminalreporter.verbosity < 0:
        terminalreporter.write_line(MISSING)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if browser.found():
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
