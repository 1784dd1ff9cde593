"""Fixtures for all tests, and what is left out where what it needs is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import browser
import pytest
import smg_bench
from box import store
from hypothesis import HealthCheck, settings
from scenario_bench import bench

__all__ = ["bench", "store"]

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = [
    "leftovers",
    "litellm_bench",  # with the next: fixtures that start a real gateway, one for all modules of a run
    "litellm_webhook_bench",
]

REAL = ROOT / ".real"
SCENARIOS = Path(__file__).parent / "scenario"
MISSING = "no browser: tests marked `browser` are left out; install chromium, or name one in $CHROMIUM"


def _left_out(config: pytest.Config) -> Mapping[str, str]:
    """Markers whose tests do not run, and why."""
    found = {}
    if browser.found() is None:
        found["browser"] = MISSING
    if smg_bench.program() is None:
        found["smg"] = "no smg: tests marked `smg` are left out; install requirements/dev.txt"
    if "real" not in config.getoption("markexpr"):
        absent = "" if REAL.is_dir() else " (there is no .real/ yet)"
        found["real"] = f"tests against real servers are left out; `make test-real` installs and runs them{absent}"
    return found


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests keep what they have read away from the cache of whoever runs them."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


def pytest_report_header(config: pytest.Config) -> list[str]:
    program = browser.found()
    said = [] if program is None else [f"browser: {program}"]
    return [*said, *_left_out(config).values()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The header again, for runs that show none: nobody should believe that these tests passed."""
    if terminalreporter.verbosity < 0:
        for reason in _left_out(config).values():
            terminalreporter.write_line(reason)


# A busy machine is slow at making examples; that says nothing about what is tested.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("steady"), max_examples=15)
settings.load_profile("quick" if os.environ.get("QUICK") else "steady")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        of_a_process = "bench" in getattr(item, "fixturenames", ()) or item.get_closest_marker("smg")
        if of_a_process or SCENARIOS in item.path.parents:
            item.add_marker("process")
    absent = _left_out(config)
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in absent)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
