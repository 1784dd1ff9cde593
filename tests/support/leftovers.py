"""A pytest plugin: whatever a test starts ends with it, and a run that leaves a process fails.

Every process that tests start inherits a mark in its environment, and with it the name of the test that ran then.

| the tests                | what still runs with their mark                                                 |
|--------------------------|---------------------------------------------------------------------------------|
| have ended               | is told by its command and its test, is killed, and fails the run               |
| were killed, or crashed  | is killed by a watchdog, a process that does nothing but wait for the tests' end |

Both need a `/proc`; elsewhere nothing is looked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
import watchdog
from watchdog import MARK, PROC, Process

PATIENCE_SECONDS = 10
"""How long what was told to end may take to do so, before it counts as left."""

_RUN = pytest.StashKey[str]()
_WATCHDOG = pytest.StashKey["subprocess.Popen[bytes]"]()
_LEFT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Wherever tests run: in each worker, or here."""
    given = getattr(config, "workerinput", None)
    run = config.stash[_RUN] = given["left_by"] if given else uuid.uuid4().hex
    if not PROC.is_dir() or (given is None and getattr(config.option, "numprocesses", None)):
        return
    mark = f"{run}-{given['workerid'] if given else 'main'}"
    words = [sys.executable, "-S", watchdog.__file__, mark]
    config.stash[_WATCHDOG] = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)
    os.environ[MARK] = mark


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker of xdist belongs to this run."""
    node.workerinput["left_by"] = node.config.stash[_RUN]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After the last test: look for what is left. Workers leave that to whoever started them."""
    config = session.config
    if hasattr(config, "workerinput"):
        return
    left = _left(config.stash[_RUN])
    config.stash[_LEFT] = [str(process) for process in left]
    for process in left:
        process.kill()
    if left and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """The tests have ended by themselves: the watchdog has nothing to do."""
    dog = config.stash.get(_WATCHDOG, None)
    if dog is not None:
        dog.communicate(b"ended")
        os.environ.pop(MARK, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name each."""
    for process in config.stash.get(_LEFT, []):
        terminalreporter.write_line(f"LEFT RUNNING: {process}", red=True)


def _left(run: str) -> Sequence[Process]:
    ends = time.monotonic() + PATIENCE_SECONDS
    while (found := watchdog.marked(run)) and time.monotonic() < ends:
        time.sleep(0.05)
    return found
