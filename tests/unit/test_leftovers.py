"""What the tests of this project start ends with them: the plugin that sees to it, before a run of pytest's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parents[1] / "support"
PATIENCE_SECONDS = 120

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found by their environment"),
]

LEAVING = """
import subprocess, sys, time
from pathlib import Path

def test_that_leaves_something():
    left = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    Path("number").write_text(str(left.pid))
    Path("number").rename("started")
"""
WAITING = "    time.sleep(600)\n"
TIDY = """
import subprocess, sys

def test_that_leaves_nothing():
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
"""


def begun(folder: Path, text: str, *words: str) -> subprocess.Popen[bytes]:
    """A run of pytest over one file, which writes into a file: a pipe would be held open by what is left."""
    (folder / "test_one.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "leftovers", "-p", "no:randomly", "-p", "no:cacheprovider"]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [*command, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(SUPPORT)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


def alive(folder: Path) -> bool:
    """Whether what the test started still runs. A dead one that nobody has noticed yet is dead."""
    try:
        text = Path(f"/proc/{(folder / 'started').read_text()}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in {"Z", "X"}


@pytest.mark.parametrize("words", [("-n", "0"), ("-n", "2")], ids=["alone", "with workers"])
def test_a_run_that_leaves_a_process_fails_and_names_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A gateway that was left ran for hours, and nobody knew whose it was."""
    run = begun(tmp_path, LEAVING, *words)
    assert run.wait(PATIENCE_SECONDS) == 1
    said = (tmp_path / "said").read_text()
    assert "1 passed" in said
    assert "LEFT RUNNING" in said
    assert "test_one.py::test_that_leaves_something" in said
    assert "time.sleep(600)" in said
    assert not alive(tmp_path)


@pytest.mark.parametrize("words", [("-n", "0"), ("-n", "2")], ids=["alone", "with workers"])
def test_a_run_that_leaves_nothing_is_as_before(tmp_path: Path, words: tuple[str, ...]) -> None:
    """The check must cost nobody a run that was good."""
    run = begun(tmp_path, TIDY, *words)
    assert run.wait(PATIENCE_SECONDS) == 0, (tmp_path / "said").read_text()


@pytest.mark.parametrize("words", [("-n", "0"), ("-n", "1")], ids=["alone", "with a worker"])
def test_nothing_outlives_tests_that_are_killed(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A job that is cancelled ends this way, and so does one that runs out of memory."""
    run = begun(tmp_path, LEAVING + WAITING, *words)
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (tmp_path / "started").exists():
        assert run.poll() is None, (tmp_path / "said").read_text()
        assert time.monotonic() < ends
        time.sleep(0.02)
    run.kill()
    run.wait()
    while alive(tmp_path):
        assert time.monotonic() < ends
        time.sleep(0.02)
