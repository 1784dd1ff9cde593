"""The machine's time as runs and audit lines have it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.engine import SystemClock


@pytest.fixture(params=["Asia/Kolkata", "America/St_Johns", "UTC"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that lives somewhere."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_the_time_of_a_run_is_utc_and_says_so() -> None:
    """A time without its zone is an hour wrong twice a year, and nobody can tell which hour."""
    said = SystemClock().now()
    assert said.endswith("Z")
    told = datetime.fromisoformat(said)
    assert told.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
