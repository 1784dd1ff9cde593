"""Fixtures for all tests, and what is left out where there is no browser."""

from __future__ import annotations

import browser
import pytest
from box import store
from scenario_bench import bench

__all__ = ["bench", "store"]

pytest_plugins = ["litellm_bench"]  # fixtures that start a real gateway, one for all modules of a run

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


LEFT_OUT = pytest.StashKey[frozenset[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The header again, for runs that show none: nobody should believe that these tests passed."""
    if terminalreporter.verbosity >= 0:
        return
    unseen = frozenset() if wants_real(config) else frozenset({"real"})  # with workers, only they collect
    without = config.stash.get(LEFT_OUT, unseen)
    if browser.found() is None:
        terminalreporter.write_line(MISSING)
    if "real" in without:
        terminalreporter.write_line(REAL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lacking = {name for name, has in (("browser", browser.found()), ("real", wants_real(config))) if not has}
    left_out = {item: name for item in items for name in lacking if item.get_closest_marker(name)}
    config.stash[LEFT_OUT] = frozenset(left_out.values())
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
