"""Temporary folders of ledgers: whose they are, and when they go."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from reconciler.ledger.scratch import MARK, PREFIX, make_scratch


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary files of this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def abandoned(place: Path, name: str) -> Path:
    """What a process left that was killed: its lock went with it."""
    folder = place / f"{PREFIX}{name}"
    folder.mkdir(mode=0o700)
    (folder / MARK).touch()
    (folder / "objects").mkdir()
    return folder


def test_a_folder_is_closed_to_others_and_goes_when_it_is_removed(place: Path) -> None:
    """It holds a copy of the ledger."""
    scratch = make_scratch()
    assert scratch.folder.parent == place
    assert scratch.folder.stat().st_mode & 0o777 == 0o700
    scratch.remove()
    assert list(place.iterdir()) == []


def test_what_a_dead_process_left_is_removed_by_the_next(place: Path) -> None:
    """A runner that is killed every night fills its disk otherwise."""
    left = abandoned(place, "left")
    scratch = make_scratch()
    assert not left.exists()
    scratch.remove()


def test_what_another_run_uses_stays() -> None:
    """Two runs at once on one machine are usual in CI."""
    first = make_scratch()
    (first.folder / "objects").mkdir()
    second = make_scratch()
    assert (first.folder / "objects").is_dir()
    for scratch in (second, first):
        scratch.remove()


def test_a_folder_without_a_mark_is_removed_when_it_is_old(place: Path) -> None:
    """It may be another run's that has just begun, or that of one that was killed as it began."""
    young, old = (place / f"{PREFIX}{name}" for name in ("young", "old"))
    for folder in (young, old):
        folder.mkdir()
    os.utime(old, (0, 0))
    scratch = make_scratch()
    assert young.is_dir()
    assert not old.exists()
    scratch.remove()


def test_a_link_and_what_it_leads_to_stay(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The place belongs to everybody: whoever puts a link there must not choose what is removed."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / MARK).touch()
    link = place / f"{PREFIX}link"
    link.symlink_to(elsewhere)
    scratch = make_scratch()
    assert link.is_symlink()
    assert (elsewhere / MARK).exists()
    scratch.remove()


def test_a_mark_that_is_a_link_keeps_its_folder(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is opened through a link, so nothing is known of such a folder."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.touch()
    folder = abandoned(place, "odd")
    (folder / MARK).unlink()
    (folder / MARK).symlink_to(elsewhere)
    scratch = make_scratch()
    assert folder.is_dir()
    scratch.remove()
    shutil.rmtree(folder)
