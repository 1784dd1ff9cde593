"""Fixtures for all tests, and what is left out where there is no browser."""

from __future__ import annotations

import browser
import pytest
from box import store
from scenario_bench import bench

__all__ = ["bench", "store"]

MISSING = "no browser: tests marked `browser` are left out; install chromium, or name one in $CHROMIUM"

REAL = (
    "real gateways: tests marked `real` are left out; `make test-real` installs and starts the gateways and runs them"
)


def pytest_report_header(config: pytest.Config) -> list[str]:
    program = browser.found()
    return [f"browser: {program}" if program else MISSING, *([] if wants_real(config) else [REAL])]


def wants_real(config: pytest.Config) -> bool:
    """Real gateways take minutes to install and most of one to start: they are asked for by name."""
    return "real" in str(config.option.markexpr).split()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The header again, for runs that show none: nobody should believe that these tests passed."""
    if browser.found() is None and terminalreporter.verbosity < 0:
        terminalreporter.write_line(MISSING)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    without = {name for name, has in (("browser", browser.found()), ("real", wants_real(config))) if not has}
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in without)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
